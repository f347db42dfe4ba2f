"""What an answer of Yespo means: the outcome table of its API with RULES 4, for every resource.

Words of an answer are never passed on: they may quote personal data. What they *mention* is told by a
fixed vocabulary. Beyond the documented table (inferred): 408 is an outage like 503, 422 a refusal like 400,
and every other 5xx (a proxy's 520, 524 …) leaves the request in doubt.
"""

import re
from email.utils import parsedate_to_datetime

from connector.core.talk import (
    Accepted,
    Batch,
    Halt,
    InDoubt,
    NoAnswer,
    Outcome,
    Refused,
    Response,
    Retry,
    Sending,
)

PAST_A_MINUTE = 61.0
"""Seconds after which Yespo no longer calls a body repeated."""
CONFLICT, SERVER_ERROR = 409, 500
REFUSALS = {400: "refused", 413: "too_large", 422: "refused"}
OUTAGES = {408: "unavailable", 429: "throttled", 503: "unavailable"}
CREDENTIALS = frozenset({401, 403})
UNENCODABLE = Refused("unencodable", "its text or numbers have no JSON form (half of a surrogate pair)")
_SECONDS = re.compile("[0-9]{1,9}")
VOCABULARY = (
    "additionalInfo", "contactFields", "cost", "currency", "customFieldsIDs", "date", "dedupeOn", "duplicate",
    "email", "eventTypeKey", "externalCustomerId", "externalItemId", "externalOrderId", "format", "imageUrl",
    "invalid", "items", "json", "keyValue", "languageCode", "length", "limit", "name", "number", "occurred",
    "params", "phone", "quantity", "required", "segment", "sms", "status", "timeZone", "totalCost", "type",
    "unique", "url",
)  # fmt: skip


def judge(
    answer: Response | NoAnswer, batch: Batch, *, asynchronous: bool = False
) -> list[Outcome] | Refused:
    """An outcome per event, or Refused for the batch as a whole (400 and 413 are taken as not applied).

    asynchronous: acceptance alone does not finish the work (an import), so "repeated" does not either.
    """
    if type(answer) is Response and answer.status == CONFLICT:
        return [_conflict(sending, asynchronous=asynchronous) for sending in batch]
    outcome = _lost(answer) if type(answer) is NoAnswer else _told(answer)
    return outcome if type(outcome) is Refused else [outcome] * len(batch)


def succeeded(answer: Response | NoAnswer) -> bool:
    """Any 2xx is an acceptance."""
    return type(answer) is Response and answer.status // 100 == 2  # noqa: PLR2004 - the class of success


def retry_after(answer: Response) -> float | None:
    """Seconds asked for. A date counts from the answer's own Date; without that it says nothing."""
    value = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        since = parsedate_to_datetime(answer.headers.get("date", ""))
        return max(0.0, (until - since).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def mentions(status: int, text: str) -> str:
    """A refusal's detail: the status, and which words of the vocabulary its text has."""
    lowered = text.lower()
    words = [word for word in VOCABULARY if word.lower() in lowered]
    return f"HTTP {status}" + (f", the answer mentions {', '.join(words)}" if words else "")


def _lost(answer: NoAnswer) -> Outcome:
    return InDoubt(answer.reason) if answer.made else Retry("unreachable")


def _told(answer: Response) -> Outcome:
    status = answer.status
    if succeeded(answer):
        return Accepted()
    if status in REFUSALS:
        return Refused(REFUSALS[status], mentions(status, answer.body[:4096].decode("utf-8", "replace")))
    if status in OUTAGES:
        return Retry(OUTAGES[status], retry_after(answer))
    if status >= SERVER_ERROR:
        return InDoubt(f"http_{status}")
    reason, place = ("credentials", "api_key") if status in CREDENTIALS else ("contract", "url")
    return Halt(reason, f"HTTP {status}: check {place}")


def _conflict(sending: Sending, *, asynchronous: bool) -> Outcome:
    if sending.doubtful and (sending.conflicts or not asynchronous):
        return Accepted()
    if not sending.conflicts:
        return Retry("conflict", PAST_A_MINUTE)
    return Refused("conflict", "HTTP 409 again after more than a minute: called a repeated request")
