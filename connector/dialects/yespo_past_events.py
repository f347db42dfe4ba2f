"""Past events: `POST /v1/past_events`, at most 500 a request, each with the time it occurred.

`occurred` is the mapped field, of an order without it its date, in the account's zone, to the minute. There
is no answer per event and no documented deduplication, so a lost answer is held, never resent (RULES 4).
"""

from functools import partial

from msgspec import Struct

from connector.core.conclude import Steps, ask, isolate
from connector.core.talk import Batch, Conversation, Outcome, Refused, Request
from connector.dialects.yespo_answers import UNENCODABLE, judge
from connector.dialects.yespo_events import (
    JSON_HEADERS,
    EventBody,
    Form,
    encode,
    render,
)


class PastEvents(Struct, gc=False):
    """The body of one request."""

    events: list[EventBody]


def converse(batch: Batch, form: Form) -> Conversation:
    """Send past events; what a refused request was refused for is found by halving."""
    return isolate(batch, partial(_attempt, form))


def _attempt(form: Form, part: Batch) -> Steps[list[Outcome] | Refused]:
    events = []
    try:
        for sending in part:
            event = render(sending, form, occurred=True)
            if isinstance(event, Refused):
                return event
            events.append(event)
        body = encode(PastEvents(events))
    except (ValueError, RecursionError):
        return UNENCODABLE
    request = Request("POST", "/v1/past_events", "past_events", body, JSON_HEADERS, part)
    return judge((yield from ask(request)), part)
