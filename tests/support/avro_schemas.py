"""Hypothesis strategies: Avro schemas, and values with every form in which bytes can hold them."""

import json
import struct
from itertools import count
from typing import Any

from hypothesis import strategies as st

from tests.support import avro

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
_PRIMITIVE = st.sampled_from(PRIMITIVES)
_SYMBOLS = st.lists(st.sampled_from(["A", "B", "C_1", "_d"]), min_size=1, unique=True)


def _named(kinds: Any) -> Any:
    fields = st.lists(kinds, max_size=4)
    return st.one_of(
        fields.map(lambda types: avro.record("N", **{f"f{n}": kind for n, kind in enumerate(types)})),
        _SYMBOLS.map(lambda symbols: {"type": "enum", "name": "N", "symbols": symbols}),
        st.integers(1, 5).map(lambda size: {"type": "fixed", "name": "N", "size": size}),
    )


def _inside(kinds: Any) -> Any:
    wide = kinds.filter(lambda kind: min_width(kind) > 0)
    return st.one_of(
        wide.map(lambda kind: {"type": "array", "items": kind}),
        kinds.map(lambda kind: {"type": "map", "values": kind}),
        st.lists(kinds.filter(lambda kind: not isinstance(kind, list)), min_size=1, max_size=4).map(_union),
        _named(kinds),
    )


def _union(branches: list[Any]) -> list[Any]:
    """No two branches of one unnamed type."""
    found: dict[Any, Any] = {}
    for number, branch in enumerate(branches):
        named = isinstance(branch, dict) and "name" in branch
        found[number if named else branch["type"] if isinstance(branch, dict) else branch] = branch
    return list(found.values())


def min_width(kind: Any) -> int:
    """The fewest bytes of a type."""
    if isinstance(kind, list):
        return 1
    if isinstance(kind, dict) and kind["type"] == "record":
        return sum(min_width(field["type"]) for field in kind["fields"])
    return 0 if kind == "null" else 1


def _renamed(schema: Any) -> Any:
    """Each named type once, by a name of its own."""
    numbers = count()

    def name(found: dict[str, Any]) -> dict[str, Any]:
        return {**found, "name": f"N{next(numbers)}"} if "name" in found and "type" in found and (
            found["type"] in ("record", "enum", "fixed")
        ) else found  # fmt: skip

    return json.loads(json.dumps(schema), object_hook=name)


schemas = st.recursive(st.one_of(_PRIMITIVE, _named(_PRIMITIVE)), _inside, max_leaves=12).map(_renamed)


def long(number: int, padding: int = 0) -> bytes:
    """A varint, with bytes more than it needs."""
    short = avro.long(number)
    if not padding or len(short) + padding > 10:
        return short
    return short[:-1] + bytes([short[-1] | 0x80]) + b"\x80" * (padding - 1) + b"\0"


@st.composite
def encoded(draw: st.DrawFn, schema: Any) -> tuple[Any, bytes]:
    """(value, bytes): arrays and maps in one block or several, with and without sizes."""
    if isinstance(schema, list):
        number = draw(st.integers(0, len(schema) - 1))
        value, body = draw(encoded(schema[number]))
        return value, long(number, draw(st.integers(0, 2))) + body
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in ("array", "map"):
        return _blocks(draw, kind, schema)
    if kind == "record":
        parts = {field["name"]: draw(encoded(field["type"])) for field in schema["fields"]}
        return {name: value for name, (value, _) in parts.items()}, b"".join(b for _, b in parts.values())
    return _leaf(draw, kind, schema)


def _blocks(draw: st.DrawFn, kind: str, schema: Any) -> tuple[Any, bytes]:
    entries: list[Any] = []
    body = b""
    for size in draw(st.lists(st.integers(1, 3), max_size=3)):
        part = b""
        for _ in range(size):
            name, head = _text(draw) if kind == "map" else ("", b"")
            value, data = draw(encoded(schema["items" if kind == "array" else "values"]))
            entries.append((name, value) if kind == "map" else value)
            part += head + data
        body += long(-size) + long(len(part)) + part if draw(st.booleans()) else long(size) + part
    return (dict(entries) if kind == "map" else entries), body + b"\0"


def _leaf(draw: st.DrawFn, kind: str, schema: Any) -> tuple[Any, bytes]:  # noqa: PLR0911  # a table
    if kind == "null":
        return None, b""
    if kind == "boolean":
        value: Any = draw(st.booleans())
        return value, bytes([value])
    if kind in ("int", "long"):
        value = draw(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-200, 200)))
        return value, long(value, draw(st.integers(0, 2)))
    if kind in ("float", "double"):
        code = "<f" if kind == "float" else "<d"
        data = struct.pack(code, draw(st.floats(width=32 if kind == "float" else 64)))
        return struct.unpack(code, data)[0], data
    if kind == "enum":
        number = draw(st.integers(0, len(schema["symbols"]) - 1))
        return schema["symbols"][number], long(number)
    if kind == "string":
        return _text(draw)
    size = {"min_size": schema["size"], "max_size": schema["size"]} if kind == "fixed" else {"max_size": 70}
    data = draw(st.binary(**size))
    return data, data if kind == "fixed" else long(len(data)) + data


def _text(draw: st.DrawFn) -> tuple[str, bytes]:
    text = draw(st.text(max_size=70))
    return text, long(len(text.encode())) + text.encode()
