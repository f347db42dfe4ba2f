"""The version of a change (RULES 1), from its origin, its record and the topic's id."""

import math
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Final

from connector.core.change import Change, Value
from connector.core.fit import Unfit
from connector.core.instants import aware
from connector.core.model import Missing, Record, Version

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGS: Final = 2**63
_DIGITS: Final = re.compile(r"[+-]?[0-9]{1,19}(\.0+)?")


def clock_of(change: Change, record: Record, topic_id: str) -> str:
    """Debezium's `source.name`, else "<topic>@<topic id>": a topic made anew has another clock."""
    return change.origin.clock or _topics_clock(record.position.topic, topic_id)


@lru_cache(maxsize=64)
def _topics_clock(topic: str, topic_id: str) -> str:
    """One text for all records: it is kept once, and hashed once."""
    return f"{topic}@{topic_id}"


def version_of(change: Change, record: Record, clock: str, declared: int | str | None) -> Version:
    """All that RULES 1 compares."""
    origin, position = change.origin, record.position
    return Version(
        clock, origin.lsn, origin.ts_ms, declared,
        position.topic, position.partition, position.offset, record.timestamp_ms,
        -1 if origin.snapshot and origin.lsn is not None else None,
    )  # fmt: skip


def declare(value: Value, zone: tzinfo) -> int | str:
    """The value of a configured `version` field: an int (times in µs since the epoch) or a text.

    A number written as text is a number: as a text "10" would be older than "9".
    Raises Unfit: a null or a fraction has no order that everybody would expect.
    """
    number = _declared(value, zone)
    if isinstance(number, int) and not -_LONGS <= number < _LONGS:
        raise Unfit("holds a version beyond 64 bits", "version")
    return number


def _declared(value: Value, zone: tzinfo) -> int | str:
    if isinstance(value, bool | Missing) or value is None or value == "":
        raise Unfit("holds no version (null, empty, a boolean or not available)", "version")
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return _number_in(value)
    if isinstance(value, Decimal | float):
        return _integral(value)
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        return (aware(moment, zone) - _EPOCH) // _MICROSECOND
    raise Unfit("holds no version: only numbers, times and texts have an order", "version")


def _number_in(text: str) -> int | str:
    number = int(text.partition(".")[0]) if _DIGITS.fullmatch(text) else None
    return text if number is None or not -_LONGS <= number < _LONGS else number


def _integral(number: Decimal | float) -> int:
    if math.isfinite(number) and -(2**64) < number < 2**64 and number == int(number):
        return int(number)
    raise Unfit("holds a version that is not a whole number", "version")
