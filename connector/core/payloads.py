"""What a request's body says, field by field, and how two of one event differ."""

import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, Final

import msgspec
from msgspec import Struct

_BULK: Final = re.compile(r"^(?:events|contacts|orders|simple_orders)\[0\]\.")
"""What a request of one event wraps it in."""
Fields = Mapping[str, Any]


class Difference(Struct, frozen=True):
    """One field of one event: what it was, and what it is (None: not there)."""

    field: str
    was: Any
    now: Any


def fields(body: bytes) -> Fields:
    """The values of a body that carries one event, by path; of CSV by column."""
    if body.startswith(b"--"):
        return next(iter(rows(body)), {})
    try:
        tree = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {"": f"{len(body)} bytes"}
    return {_BULK.sub("", path): value for path, value in _walk(tree, "")}


def rows(body: bytes) -> list[dict[str, str]]:
    """The rows of a file that is uploaded as a form's part."""
    text = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0].decode(errors="replace")
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    return list(csv.DictReader(StringIO(text, newline=""), delimiter=delimiter))


def differences(before: Fields, after: Fields) -> list[Difference]:
    """By field."""
    names = [*before, *(name for name in after if name not in before)]
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return [Difference(name, was, now) for name, was, now in pairs if was != now]


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        value = _parsed(value)
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _walk(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            if isinstance(part, dict) and part.keys() == {"name", "value"}:
                yield from _walk(part["value"], f"{path}.{part['name']}")
            else:
                yield from _walk(part, f"{path}[{number}]")
    else:
        yield path, value


def _parsed(text: str) -> Any:
    """Items may go as text."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
