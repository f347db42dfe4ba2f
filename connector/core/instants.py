"""Dates and times of events, from what a column holds.

What has no zone is read in the topic's; a time that a zone has twice is its first one, a time that it skips
moves forward by the gap (PEP 495 fold=0; java.time does the same). A bare number has no known unit and is
refused: epoch columns are told by their schema, and are times when they come here.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final

from connector.core.change import Value
from connector.core.fit import Convert, Unfit

_BASIC: Final = 8
"""Digits of a date without dashes."""


def instant(zone: tzinfo) -> Convert:
    """An aware datetime in UTC; what has no zone is read in `zone`. Numbers are refused: no unit is known."""

    def convert(value: Value) -> datetime | None:
        if type(value) is datetime:
            return value if value.tzinfo is UTC else aware(value, zone)
        if isinstance(value, str):
            read = _iso(value.strip())
            return None if read is None else aware(read, zone)
        if isinstance(value, datetime):
            return aware(value, zone)
        if isinstance(value, date):
            return aware(datetime.combine(value, time()), zone)
        raise Unfit("holds no date (a number needs a logical type in its schema)")

    return convert


def day(zone: tzinfo) -> Convert:
    """A date; of an instant, the date it has in `zone`."""

    def convert(value: Value) -> date | None:
        if isinstance(value, str):
            read = _iso(value.strip())
            return None if read is None else _local(read, zone)
        if isinstance(value, datetime):
            return _local(value, zone)
        if isinstance(value, date):
            return value
        raise Unfit("holds no date (a number needs a logical type in its schema)")

    return convert


def aware(moment: datetime, zone: tzinfo) -> datetime:
    """In UTC; at the very ends of the calendar, where UTC would leave it, at its own offset."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta()))


def _local(moment: datetime, zone: tzinfo) -> date:
    try:
        return (moment.astimezone(zone) if moment.tzinfo else moment).date()
    except OverflowError:
        return moment.date()


def _iso(stamp: str) -> datetime | None:
    # Python takes any character between date and time: a count of milliseconds would be a day in 1703.
    if len(stamp) > _BASIC and stamp[: _BASIC + 1].isdecimal():
        raise Unfit("holds a text that is not an ISO 8601 date (a number needs a logical type in its schema)")
    try:
        return datetime.fromisoformat(stamp) if stamp else None
    except ValueError:
        raise Unfit("holds a text that is not an ISO 8601 date") from None
