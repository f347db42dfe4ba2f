"""What a column's true PostgreSQL value, as the capture's audit log has it, must decode to."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from connector.core.change import Value
from connector.core.model import UNREPRESENTABLE
from tests.support import cdc

_DAYS_A_MONTH = Decimal("30.4375")  # Debezium's average, in interval.handling.mode=numeric (cdc 13)


@cache
def types(table: str) -> dict[str, str]:
    """Column → PostgreSQL type. One column was dropped: its type is the workload's."""
    return {"delivery_time_from": "time without time zone"} | {
        c["column"]: c["type"] for c in cdc.columns() if c["table"] == table
    }


def avro_name(column: str) -> str:
    """A column's name in `avro` adjustment mode (cdc 8)."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", column)
    return f"_{name}" if name[0].isdigit() else name


def value(variant: cdc.DecodedVariant, pg_type: str, true: Any) -> Value:
    """The Value of a true column value, less what the variant's own settings lose."""
    if true is None:
        return None
    base = re.sub(r"\(.*?\)", "", pg_type)
    if base.endswith("[]"):
        return [value(variant, base[:-2], item) for item in true]
    if base in ("numeric", "money", "real", "double precision"):
        return _number(variant, base, str(true))
    decoded: Value = _READ.get(base, _same)(true)
    return decoded


def comparable(column: Value, pg_type: str) -> Value:
    """A decoded value in the form of `value`: JSON is compared by what it says."""
    if isinstance(column, str) and pg_type in ("json", "jsonb", "hstore"):
        return _json(json.loads(column, parse_float=Decimal))
    if isinstance(column, dict):
        return {name: part for name, part in column.items() if name in ("x", "y")}
    return column


def _number(variant: cdc.DecodedVariant, base: str, text: str) -> Value:
    number = Decimal(re.sub(r"[$,]", "", text))
    if variant == "flat_min" and base in ("numeric", "money"):
        number = Decimal(repr(float(number)))  # decimal.handling.mode=double
    elif not number.is_finite() and base == "numeric":
        return None  # precise mode: a silent NULL (cdc 10)
    return number if number.is_finite() else UNREPRESENTABLE


def _moment(text: str) -> Value:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return UNREPRESENTABLE


def _date(text: str) -> Value:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return UNREPRESENTABLE


def _timetz(text: str) -> Value:
    if text.startswith("24"):
        return time.fromisoformat("12:00:00Z")  # 24:00:00-12, as Debezium normalises it
    moment = datetime.fromisoformat(f"2000-01-02T{text}")
    return (
        (moment - (moment.utcoffset() or timedelta()))
        .timetz()
        .replace(tzinfo=time.fromisoformat("00Z").tzinfo)
    )


def _interval(text: str) -> Value:
    counts = {unit: int(n) for n, unit in re.findall(r"(-?\d+) (year|mon|day)", text)}
    days = (counts.get("year", 0) * 12 + counts.get("mon", 0)) * _DAYS_A_MONTH + counts.get("day", 0)
    clock = re.search(r"(\d+):(\d+):(\d+(?:\.\d+)?)", text)
    seconds = sum(Decimal(n) * w for n, w in zip(clock.groups(), (3600, 60, 1), strict=True)) if clock else 0
    return timedelta(microseconds=int((days * 86_400 + seconds) * 1_000_000))


def _bits(text: str) -> Value:
    return int(text, 2).to_bytes(1, "little").rstrip(b"\0")


def _point(text: str) -> Value:
    x, y = text.strip("()").split(",")
    return {"x": Decimal(x), "y": Decimal(y)}


def _json(parsed: Any) -> Value:
    if isinstance(parsed, dict):
        return {key: _json(part) for key, part in parsed.items()}
    if isinstance(parsed, list):
        return [_json(part) for part in parsed]
    return Decimal(str(parsed)) if _is_number(parsed) else _same(parsed)


def _is_number(parsed: Any) -> bool:
    if isinstance(parsed, str):  # the audit log writes numbers with a fraction as text
        return re.fullmatch(r"-?\d+\.\d+(E-?\d+)?", parsed) is not None
    return isinstance(parsed, int | Decimal) and not isinstance(parsed, bool)


def _same(true: Any) -> Value:
    return true  # type: ignore[no-any-return]


_READ: dict[str, Callable[[Any], Value]] = {
    "timestamp with time zone": _moment,
    "timestamp without time zone": _moment,
    "date": _date,
    "time without time zone": time.fromisoformat,
    "time with time zone": _timetz,
    "interval": _interval,
    "bytea": lambda text: bytes.fromhex(text.removeprefix("\\x")),
    "bit": lambda text: text == "1" if len(text) == 1 else _bits(text),
    "point": _point,
    "json": _json,
    "jsonb": _json,
    "hstore": _json,
}
