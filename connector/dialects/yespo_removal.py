"""The removal of past events: `DELETE /v1/past_events`, by the minute they occurred and nothing else.

It is off until the vendor's support enables it; how a refusal for that looks is not documented, so any
refusal is told with that remedy. A repetition does no harm. That both ends are included is inferred.
"""

from datetime import datetime
from typing import Final

from connector.core.removal import Span
from connector.core.talk import NoAnswer, Request, Response
from connector.dialects.yespo_answers import CONFLICT, OUTAGES, SERVER_ERROR, succeeded
from connector.dialects.yespo_events import JSON_HEADERS, encode

_BAD_REQUEST, _UNAUTHORIZED = 400, 401
_AGAIN: Final = "nothing was deleted; run it again later"
_LOST: Final = (
    "whether it was done is not known, and the ledger is as before; run it again, which does no harm"
)
_DISABLED: Final = (
    "nothing was deleted; unless the vendor enables it, nobody may delete past events: "
    "ask Yespo's support to enable it for your organisation, then run it again"
)


def request(span: Span) -> Request:
    """Remove what occurred in these minutes."""
    body = encode({"from": minute(span.since), "to": minute(span.until)})
    return Request("DELETE", "/v1/past_events", "delete_past_events", body, JSON_HEADERS)


def minute(wall: datetime) -> str:
    """As the API writes a time: YYYY-MM-DDTHH:mm, in the account's zone."""
    return wall.isoformat(timespec="minutes")


def trouble(answer: Response | NoAnswer) -> str | None:
    """What became of a removal that was not done, or not surely, with its remedy; None: it was done."""
    if isinstance(answer, NoAnswer):
        return f"no answer ({answer.reason}): {_LOST if answer.made else _AGAIN}"
    status = answer.status
    if succeeded(answer):
        return None
    return f"HTTP {status}: {_meaning(status)}"


def _meaning(status: int) -> str:
    if status == _UNAUTHORIZED:
        return "nothing was deleted; put a valid key into api_key"
    if status in OUTAGES:
        return _AGAIN
    if status == CONFLICT:
        return "called a repetition; run it again in a minute"
    if status >= SERVER_ERROR:
        return _LOST
    return _DISABLED if status >= _BAD_REQUEST else "nothing was deleted; check url"
