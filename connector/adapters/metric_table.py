"""Every metric, declared once: name, kind, labels, meaning, buckets (README, Metrics).

Operators rely on these names: later versions add some, and rename or remove none.
"""

from typing import Final, Literal

from msgspec import Struct

PREFIX: Final = "crm_connector_"
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LATENCY: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
STORE: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
EVENTS: Final = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 3000.0)
BYTES: Final = (1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0)


class Metric(Struct, frozen=True):
    """One metric. `name` without prefix; counters end in `_total`; units are base units."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


def _counter(name: str, labels: str, meaning: str) -> Metric:
    return Metric(name, "counter", tuple(labels.split()), meaning)


def _gauge(name: str, labels: str, meaning: str) -> Metric:
    return Metric(name, "gauge", tuple(labels.split()), meaning)


def _histogram(name: str, labels: str, buckets: tuple[float, ...], meaning: str) -> Metric:
    return Metric(name, "histogram", tuple(labels.split()), meaning, buckets)


_PLACE: Final = "destination topic partition"
METRICS: Final = (
    _gauge("lag_records", _PLACE, "Records of an assigned partition that are not settled yet."),
    _gauge(
        "lag_seconds",
        _PLACE,
        "Age of the oldest unsettled record of an assigned partition; of one not read yet, for how long it "
        "is seen to wait.",
    ),
    _gauge("committed_offset", _PLACE, "Next offset that the group has committed."),
    _gauge("assigned_partitions", "destination", "Partitions that the group has given to this process."),
    _gauge(
        "scalable_lag_records",
        "destination",
        "The part of lag_records that more replicas would help with: none while the lane is paused or waits "
        "for its request rate, nor of partitions that ask the operator.",
    ),
    _counter(
        "records_total",
        "destination topic outcome",
        "Settled records: delivered, duplicate, superseded, unchanged, filtered, dead_lettered, in_doubt.",
    ),
    _counter(
        "totals_mismatches_total",
        "destination topic",
        "Orders whose items do not add up to totalCost.",
    ),
    _counter(
        "deep_values_total",
        "destination topic",
        "Values nested deeper than the destination looks, sent as JSON text.",
    ),
    _histogram("delivery_seconds", "destination", LATENCY, "From the change at the source to acceptance."),
    _counter("requests_total", "destination resource status", "HTTP requests; status none: no answer came."),
    _histogram("request_seconds", "destination resource", SECONDS, "From sending a request to its answer."),
    _gauge("rate_limit_requests_per_second", "destination", "Rate in force; a 429 lowers it. 0: unlimited."),
    _gauge(
        "daily_quota_requests", "destination", "Requests a day that the destination allows, if it counts."
    ),
    _gauge(
        "daily_quota_left_requests",
        "destination",
        "Requests that are left of them until 00:00 GMT, of all replicas.",
    ),
    _gauge(
        "client_orders",
        "destination",
        "Orders of the client that has most, as the ledger counts them; Metrica takes 100,000.",
    ),
    _counter("retries_total", "destination reason", "Events that are sent again."),
    _histogram("batch_events", "destination resource", EVENTS, "Events in a batch."),
    _histogram("batch_bytes", "destination resource", BYTES, "Bytes of the records in a batch."),
    _gauge("in_flight_events", "destination", "Events that are being sent."),
    _gauge("in_flight_bytes", "destination", "Bytes of the records that are being sent."),
    _gauge(
        "memory_bytes",
        "destination",
        "Bytes of memory that records stand for: fetched, waiting, decoded, in flight, on their way to the "
        "dead letters.",
    ),
    _gauge("fetched_bytes", "destination", "The part of it that Kafka's client has fetched ahead."),
    _gauge("memory_budget_bytes", "destination", "What it may come to: delivery.memory_bytes."),
    _gauge("last_accepted_timestamp_seconds", "destination", "When the destination last accepted an event."),
    _gauge("paused", "destination reason", "1 while the lane, or a partition of it, is paused."),
    _histogram("ledger_seconds", "operation", STORE, "Time of a ledger transaction."),
    _gauge("ledger_rows", "table", "Rows of the ledger, by its own count or statistics: heads, history."),
    _gauge("ledger_bytes", "", "Bytes of the ledger, of all destinations."),
    _gauge("ledger_claims", "destination", "Claims of this process that are not settled."),
    _counter("stale_sends_total", "destination", "Sends whose claim another owner had taken over by then."),
    _counter("dead_letters_total", "destination cause", "Records written to the dead letters."),
    _counter("rebalances_total", "kind", "Partition movements: assigned, revoked, lost."),
    _counter("history_lost_lines_total", "", "Lines that the history file did not take (a full disk)."),
    _gauge("build_info", "version python", "Always 1; what is running."),
)
