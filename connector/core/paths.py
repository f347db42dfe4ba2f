"""Reading a column by its path: "a" is a column, "a.b" goes into a record or into JSON."""

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Final

import msgspec
from msgspec import UNSET

from connector.core.change import Column, Value
from connector.core.fit import Found, Unfit
from connector.core.model import UNAVAILABLE, Missing
from connector.core.moments import PLACEHOLDER

Reader = Callable[[object], Found]
Segments = tuple[str, ...]

_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode


def locate(path: str, names: Collection[str]) -> tuple[str, Segments] | None:
    """The column a path begins with, and the way inside it; None if there is no such column."""
    if path in names:
        return path, ()
    head, _, rest = path.partition(".")
    return (head, tuple(rest.split("."))) if rest and head in names else None


def reader(column: Column, segments: Segments, *, default_is_null: bool) -> Reader:
    """How a plan reads one column: raw value → Value, through what the configuration says of it.

    The reader raises Unfit where the way is barred (a text that is not JSON, a number with a path).
    """
    read: Reader = column.read
    if default_is_null and column.default is not UNAVAILABLE:
        read = _without(column.read, column.default)
    if column.json or segments:
        read = parsed(read)
    return _inside(read, segments) if segments else read


def walk(value: Found, segments: Segments) -> Found:
    """Go into records; null, absent and placeholder end the way and are the answer.

    What a record or a JSON object does not hold is null: its row was read whole, so it is cleared.
    """
    for segment in segments:
        if isinstance(value, str) and not isinstance(value, Missing):
            value = parse(value)
        if value is None or value is UNSET or isinstance(value, Missing):
            return value
        if not isinstance(value, dict):
            raise Unfit(f"holds no record, so it has no {segment}")
        value = value.get(segment)
    return value


def parsed(read: Reader) -> Reader:
    """Text is JSON. The last text is remembered: several fields of one record often look into one column."""
    last: tuple[object, Found] = (None, None)

    def parse_once(raw: object) -> Found:
        nonlocal last
        text = read(raw)
        if type(text) is not str:
            return text
        if last[0] is not text:
            last = (text, parse(text))
        return last[1]

    return parse_once


def parse(text: str) -> Value:
    """JSON text → Value: numbers exactly, the last one of duplicate keys, placeholders marked."""
    try:
        value: Value = _decode(text)
        return _marked(value) if PLACEHOLDER in text else value
    except (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError):
        raise Unfit("holds a text that is not JSON") from None


def _marked(value: Value) -> Value:
    if isinstance(value, list):
        return [_marked(part) for part in value]
    if isinstance(value, dict):
        return {name: _marked(part) for name, part in value.items()}
    return UNAVAILABLE if value == PLACEHOLDER else value


def _without(read: Callable[[object], Value], default: Value) -> Reader:
    def run(raw: object) -> Value:
        value = read(raw)
        return None if value == default else value

    return run


def _inside(read: Reader, segments: Segments) -> Reader:
    return lambda raw: walk(read(raw), segments)
