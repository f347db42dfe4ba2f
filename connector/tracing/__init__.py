"""A lane's requests, told to a tracing system: wrappers around its ports. Without `tracing` there are none.

A span is one request, from the moment it is sent to its answer. It is the root of a trace of its own, and
linked to the traces in which producers wrote its records (their header `traceparent`, W3C Trace Context).

| attribute | is |
|---|---|
| http.request.method, http.response.status_code | as OpenTelemetry names them |
| error.type | the status of an answer from 400 on, else why none came; `defect` where reading it failed |
| crm_connector.destination, crm_connector.resource | as in the metrics |
| messaging.batch.message_count | the events that it carries |
| crm_connector.records | where their records are: "topic[partition] first-last" for each partition |
| crm_connector.accepted, .refused, .in_doubt, .retry, .halt | so many events of the batch came to that; on |
| | the last request of its conversation that carries events |
| crm_connector.causes | of those that were not accepted |

No body, key, path or URL: paths may hold a contact's address.
"""

from connector.tracing.tape import Traced

__all__ = ["Traced"]
