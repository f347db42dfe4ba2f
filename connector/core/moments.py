"""Readers of dates and times: Debezium's, Connect's and Avro's, each to the Value that it means.

A column without zone is a naive datetime, an instant an aware one; map reads naive ones in the topic's
`time_zone` (RULES 9). What Python's dates cannot hold (infinity, years outside 1..9999: cdc 11 and 14) makes
the readers raise, which `logical` turns into UNREPRESENTABLE. The one loss is by the resolution of datetime:
nanoseconds are cut (never rounded up) to microseconds.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from connector.core.change import Value
from connector.core.model import UNAVAILABLE, UNREPRESENTABLE

Read = Callable[[Any], Value]

PLACEHOLDER: Final = "__debezium_unavailable_value"
"""Debezium's word for a TOASTed value that an update did not touch (cdc 18)."""
_EPOCH: Final = datetime.fromordinal(date(1970, 1, 1).toordinal())
_EPOCH_DAY: Final = _EPOCH.toordinal()
_DAY: Final = timedelta(days=1)
_LONG_END: Final = 2**63 - 1


def _day(raw: int) -> Value:
    return date.fromordinal(_EPOCH_DAY + raw)


def _local(unit: timedelta, parts: int = 1) -> Read:
    """A count of units since the epoch, of a column without zone: naive."""
    return (lambda raw: _EPOCH + unit * raw) if parts == 1 else (lambda raw: _EPOCH + unit * (raw // parts))


def _instant(unit: timedelta, parts: int = 1) -> Read:
    epoch = _EPOCH.replace(tzinfo=UTC)
    return (lambda raw: epoch + unit * raw) if parts == 1 else (lambda raw: epoch + unit * (raw // parts))


def _ended(read: Read) -> Read:
    """In nanoseconds the ends of a long, Debezium's infinities, are years that dates can hold: 1677, 2262."""
    return lambda raw: UNREPRESENTABLE if abs(raw) >= _LONG_END else read(raw)


def _of_day(unit: timedelta, parts: int = 1) -> Read:
    def read(raw: int) -> Value:
        past_midnight = unit * (raw // parts)
        # PostgreSQL has 24:00:00; the next day's 00:00 would be a guess.
        return (_EPOCH + past_midnight).time() if timedelta() <= past_midnight < _DAY else UNREPRESENTABLE

    return read


def _span(unit: timedelta, parts: int = 1) -> Read:
    return lambda raw: unit * (raw // parts)


def _iso(parse: Callable[[str], Value]) -> Read:
    return lambda raw: UNAVAILABLE if raw == PLACEHOLDER else parse(raw)


def _zoned(raw: str) -> Value:
    moment = datetime.fromisoformat(raw)
    return moment if moment.tzinfo else UNREPRESENTABLE


def _unzoned(raw: str) -> Value:
    """IsoTimestamp writes a Z after a wall-clock time that has no zone (cdc 12): only the name tells.

    type_probe.c_ts proves it: the database's session was not in UTC, and the digits are the column's own.
    """
    return datetime.fromisoformat(raw).replace(tzinfo=None)


_MS, _US = timedelta(milliseconds=1), timedelta(microseconds=1)
_DEBEZIUM, _CONNECT = "io.debezium.time.", "org.apache.kafka.connect.data."

COUNTS: Final[dict[str | None, Read]] = {
    _DEBEZIUM + "Date": _day,
    _DEBEZIUM + "Time": _of_day(_MS),
    _DEBEZIUM + "MicroTime": _of_day(_US),
    _DEBEZIUM + "NanoTime": _of_day(_US, 1000),
    _DEBEZIUM + "Timestamp": _local(_MS),
    _DEBEZIUM + "MicroTimestamp": _local(_US),
    _DEBEZIUM + "NanoTimestamp": _ended(_local(_US, 1000)),
    _DEBEZIUM + "MicroDuration": _span(_US),
    _DEBEZIUM + "NanoDuration": _span(_US, 1000),
    _CONNECT + "Date": _day,
    _CONNECT + "Time": _of_day(_MS),
    _CONNECT + "Timestamp": _local(_MS),
    "date": _day,
    "time-millis": _of_day(_MS),
    "time-micros": _of_day(_US),
    "time-nanos": _of_day(_US, 1000),
    "timestamp-millis": _instant(_MS),
    "timestamp-micros": _instant(_US),
    "timestamp-nanos": _instant(_US, 1000),
    "local-timestamp-millis": _local(_MS),
    "local-timestamp-micros": _local(_US),
    "local-timestamp-nanos": _local(_US, 1000),
}
TEXTS: Final[dict[str | None, Read]] = {
    _DEBEZIUM + "ZonedTimestamp": _iso(_zoned),
    _DEBEZIUM + "ZonedTime": _iso(time.fromisoformat),
    _DEBEZIUM + "IsoTimestamp": _iso(_unzoned),
    _DEBEZIUM + "IsoDate": _iso(lambda raw: date.fromisoformat(raw.removesuffix("Z"))),
    _DEBEZIUM + "IsoTime": _iso(lambda raw: time.fromisoformat(raw).replace(tzinfo=None)),
}
