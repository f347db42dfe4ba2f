"""What an answer of Metrica means: the outcome table of its API with RULES 4.

There is no word per row: an upload that is refused, or of which not all was counted, is halved. Words of an
answer are never passed on, but for its error types, which are Metrica's own vocabulary.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec
from msgspec import Struct

from connector.core.talk import Accepted, Halt, InDoubt, NoAnswer, Outcome, Refused, Response, Retry

SUCCESS, SERVER_ERROR, THROTTLED = 2, 500, 429
REFUSALS: Final = {400: "refused", 413: "too_large", 422: "refused"}
OUTAGES: Final = frozenset({408, 503})
CREDENTIALS: Final = frozenset({401, 403})
OF_THE_DAY: Final = frozenset({"quota_requests_by_uid", "quota_requests_by_counter_id"})
"""Error types of a quota that is reset at 00:00 GMT; the others' are back within seconds."""
UNDATED: Final = 3600.0
"""Seconds to wait for a new day where the answer does not tell its own time."""
FAILED: Final = Refused("refused", "api_validation_status FAILED")
_NOT_JSON: Final = Halt("contract", "the answer of an upload has no `uploading`: check url", doubtful=True)
_TYPE: Final = re.compile(r"[a-z_]{1,60}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


class Uploading(Struct):
    """What became of an upload."""

    api_validation_status: str = ""
    elements_count: int | None = None


class Uploaded(Struct):
    """The answer to an upload."""

    uploading: Uploading


class Fault(Struct):
    """One of an answer's errors."""

    error_type: str = ""


class Errors(Struct):
    """The answer to what was refused."""

    errors: list[Fault] = []


def judge(answer: Response | NoAnswer, count: int) -> list[Outcome] | Refused:
    """Of an upload of so many rows: an outcome per event, or Refused for all of it (nothing was applied)."""
    outcome = _uploaded(answer, count) if succeeded(answer) else told(answer)
    return outcome if isinstance(outcome, Refused) else [outcome] * count


def succeeded(answer: Response | NoAnswer) -> bool:
    """Any 2xx."""
    return isinstance(answer, Response) and answer.status // 100 == SUCCESS


def told(answer: Response | NoAnswer) -> Outcome:
    """What an answer without success means for every event of its request."""
    if isinstance(answer, NoAnswer):
        return InDoubt(answer.reason) if answer.made else Retry("unreachable")
    status = answer.status
    if status in REFUSALS:
        words = ", ".join(error_types(answer))
        return Refused(REFUSALS[status], f"HTTP {status}" + (f": {words}" if words else ""))
    if status == THROTTLED:
        return Retry("throttled", _stay_away(answer))
    if status in OUTAGES:
        return Retry("unavailable", _retry_after(answer))
    if status >= SERVER_ERROR:
        return InDoubt(f"http_{status}")
    reason, place = ("credentials", "token") if status in CREDENTIALS else ("contract", "counter_id and url")
    return Halt(reason, f"HTTP {status}: check {place}")


def is_spent(answer: Response) -> bool:
    """Whether the quota of the day, not of the second, is what it speaks of."""
    return not OF_THE_DAY.isdisjoint(error_types(answer))


def error_types(answer: Response) -> list[str]:
    """The error types of an answer, as far as they are words."""
    try:
        found = msgspec.json.decode(answer.body, type=Errors).errors
    except (ValueError, RecursionError):
        return []
    return sorted({fault.error_type for fault in found if _TYPE.fullmatch(fault.error_type)})


def _uploaded(answer: Response | NoAnswer, count: int) -> Outcome:
    try:
        uploading = msgspec.json.decode(answer.body, type=Uploaded).uploading  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        return _NOT_JSON
    if uploading.api_validation_status == "FAILED":
        return FAILED
    if uploading.api_validation_status != "PASSED":
        return _NOT_JSON
    return Accepted() if uploading.elements_count == count else _short(uploading.elements_count)


def _short(counted: int | None) -> Outcome:
    if counted is None:
        return _NOT_JSON
    return Refused("not_counted", "Metrica passed the upload, and did not count all of its elements")


def _stay_away(answer: Response) -> float | None:
    return _until_midnight(answer) if is_spent(answer) else _retry_after(answer)


def _until_midnight(answer: Response) -> float:
    """Seconds to 00:00 GMT by the answer's own clock."""
    try:
        now = parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return _retry_after(answer) or UNDATED
    tomorrow = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    return (tomorrow - now).total_seconds()


def _retry_after(answer: Response) -> float | None:
    value = answer.headers.get("retry-after", "").strip()
    return float(value) if _SECONDS.fullmatch(value) else None
