"""Past events: `POST /v1/past_events`, at most 500 a request, each with the time it occurred.

`occurred` is the mapped field, of an order without it its date, in the account's zone, to the minute. No
deduplication is documented, so a lost answer is held, never resent (RULES 4).
"""

from functools import partial

from msgspec import Struct

from connector.core.conclude import Steps, ask, isolate
from connector.core.talk import Batch, Conversation, Outcome, Refused, Request, Response
from connector.dialects.yespo_answers import UNENCODABLE, judge, succeeded
from connector.dialects.yespo_events import (
    JSON_HEADERS,
    EventBody,
    Form,
    encode,
    render,
)
from connector.dialects.yespo_past_answer import judge_each


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
            if type(event) is Refused:
                return event
            events.append(event)
        body = encode(PastEvents(events))
    except (ValueError, RecursionError):
        return UNENCODABLE
    request = Request("POST", "/v1/past_events", "past_events", body, JSON_HEADERS, part)
    answer = yield from ask(request)
    if type(answer) is Response and succeeded(answer) and answer.body:
        return judge_each(answer, events, [sending.event.key for sending in part])
    return judge(answer, part)
