"""Column readers: raw Avro value → Value, by `connect.name`, then `logicalType`, then the Avro type.

Exact or not at all: what no Value can hold is UNREPRESENTABLE, nothing is rounded, nothing raises.

`connect.name` comes first because it says more: Debezium's Timestamp (ms), MicroTimestamp and NanoTimestamp
are all plain longs, and Connect's own Timestamp has the logicalType timestamp-millis, an instant, although
the column had no zone (cdc 12). Numbers as strings (decimal.handling.mode=string) have no mark at all: they
stay text, "NAN" included (cdc 10).
"""

import struct
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any, Final
from uuid import UUID

from connector.core.avro import Node, Schema, plain_names
from connector.core.change import Column, Form, Value
from connector.core.forms import JSON_NAME, VARIABLE_SCALE, form_of, is_decimal, scale_of
from connector.core.model import UNAVAILABLE, UNREPRESENTABLE
from connector.core.moments import COUNTS, PLACEHOLDER, TEXTS

Read = Callable[[Any], Value]

_PLACEHOLDER_BYTES: Final = PLACEHOLDER.encode()
_PLACEHOLDER_ARRAYS: Final = ([PLACEHOLDER], [_PLACEHOLDER_BYTES], list(_PLACEHOLDER_BYTES))
_PLACEHOLDER_JSON: Final = (PLACEHOLDER, f'{{"{PLACEHOLDER}":"{PLACEHOLDER}"}}')
"""JSON, and hstore written as JSON."""
_DIGITS: Final = 16_383
"""PostgreSQL's largest scale; more bytes of digits or scale than this is no number of a shop."""
_EXACT: Final = Context(prec=50_000, Emax=999_999, Emin=-999_999)


def columns(schema: Schema, record: dict[str, Any]) -> dict[str, Column]:
    """The columns of a record by name, and also by the field's own name where Debezium escaped it.

    `Column.name` is the name in the row.
    """
    readers, names = Readers(schema), plain_names(record)
    made = {names[field["name"]]: _column(readers, field, names[field["name"]]) for field in record["fields"]}
    return made | {field: made[name] for field, name in names.items() if field not in made}


def partly_unavailable(value: Value) -> bool:
    """Whether a value, or any part of it, was not sent (RULES 9: items with such a part are not sent)."""
    if isinstance(value, list):
        return any(map(partly_unavailable, value))
    if isinstance(value, dict):
        return any(map(partly_unavailable, value.values()))
    return value is UNAVAILABLE


def _column(readers: "Readers", field: dict[str, Any], name: str) -> Column:
    node = field["type"]
    branches = node if isinstance(node, list) else [node]
    kinds = [branch for branch in branches if branch != "null"]
    read = readers.of(node)
    json = any(isinstance(kind, dict) and kind.get("connect.name") == JSON_NAME for kind in kinds)
    default, form = _default(field, branches, read), readers.form(node)
    return Column(name, read, len(kinds) < len(branches), default, json, form)


def _default(field: dict[str, Any], branches: list[Node], read: Read) -> Value:
    """A column's default, written in the schema as JSON: bytes as text of code points 0-255."""
    first = branches[0] if branches else "null"
    kinds = [branch for branch in branches if isinstance(branch, dict)]
    raw = next((kind["connect.default"] for kind in kinds if "connect.default" in kind), None)
    if raw is None and first != "null":
        raw = field.get("default")
    if raw is None:
        return UNAVAILABLE
    if isinstance(raw, str) and (first == "bytes" or any(k["type"] in ("bytes", "fixed") for k in kinds)):
        raw = raw.encode("latin-1", "replace")
    return read(raw)


class Readers:
    """Makes the readers of one schema. Records may hold themselves, so theirs are kept by name."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._records: dict[str, dict[str, Read]] = {}

    def of(self, node: Node) -> Read:
        """The reader of a type."""
        node = self._schema.node(node)
        if isinstance(node, list):
            return self._union(node)
        kind = node["type"] if isinstance(node, dict) else node
        attributes = node if isinstance(node, dict) else {}
        return _guarded(self._reader(kind, attributes))

    def form(self, node: Node) -> Form:
        """What short cuts may know of a type's raw values."""
        return form_of(self._schema, node, self.of)

    def _reader(self, kind: str, node: dict[str, Any]) -> Read:
        named = node.get("connect.name")
        if named == VARIABLE_SCALE and kind == "record":
            return _variable_scale
        if kind == "record":
            return self._record(node)
        if kind == "array":
            return _array(self.of(node["items"]))
        if kind == "map":
            return _map(self.of(node["values"]))
        if kind in ("bytes", "fixed"):
            return _binary(node)
        table = _TABLES.get(kind, {})
        return table.get(named) or table.get(node.get("logicalType")) or _PLAIN.get(kind, _same)

    def _record(self, node: dict[str, Any]) -> Read:
        name = node["name"]
        if name not in self._records:
            readers = self._records[name] = {}
            names = plain_names(node)
            readers.update({names[field["name"]]: self.of(field["type"]) for field in node["fields"]})
        readers = self._records[name]
        return lambda raw: {key: readers[key](part) for key, part in raw.items()}

    def _union(self, branches: list[Node]) -> Read:
        kinds = [branch for branch in branches if branch != "null"]
        readers = [(self._python_types(branch), self.of(branch)) for branch in kinds]
        if len(readers) == 1:
            only = readers[0][1]
            return lambda raw: None if raw is None else only(raw)
        return _by_type(readers)

    def _python_types(self, node: Node) -> tuple[type, ...]:
        node = self._schema.node(node)
        kind = node["type"] if isinstance(node, dict) else node
        return _PYTHON.get(kind, (str,))


def _by_type(readers: list[tuple[tuple[type, ...], Read]]) -> Read:
    """A union of several types: the raw value does not tell its branch, but its Python type mostly does."""
    table: dict[type, Read] = {type(None): _same}
    for types, read in readers:
        for python in types:
            # Two branches of one Python type that are read differently: which one was written, is unknown.
            table[python] = read if table.get(python, read) == read else _nothing
    return lambda raw: table.get(type(raw), _nothing)(raw)


def _guarded(read: Read) -> Read:
    """Let nothing escape: a value that its own schema cannot explain has no meaning to guess at."""
    if read in (_same, _text, _json):
        return read

    def guarded(raw: Any) -> Value:
        try:
            return read(raw)
        except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return UNREPRESENTABLE

    return guarded


def _same(raw: Any) -> Value:
    return raw  # type: ignore[no-any-return]  # a raw bool, int or None is its own Value


def _nothing(_: Any) -> Value:
    return UNREPRESENTABLE


def _text(raw: Any) -> Value:
    return UNAVAILABLE if raw == PLACEHOLDER else raw


def _json(raw: Any) -> Value:
    return UNAVAILABLE if raw in _PLACEHOLDER_JSON else raw


# --- Numbers --------------------------------------------------------------------------------------


def _double(raw: float) -> Value:
    """The shortest decimal that is this double: 0.1, without binary noise."""
    number = Decimal(repr(raw))
    return number if number.is_finite() else UNREPRESENTABLE


def _float(raw: float) -> Value:
    """The shortest decimal that is this single-precision number."""
    for digits in range(6, 9):
        text = f"{raw:.{digits}g}"
        if struct.pack(">f", float(text)) == struct.pack(">f", raw):
            return _double(float(text))
    return _double(float(f"{raw:.9g}"))


def _unscaled(raw: bytes, scale: int) -> Value:
    if raw == _PLACEHOLDER_BYTES:
        return UNAVAILABLE
    if not raw or len(raw) > _DIGITS or abs(scale) > _DIGITS:
        return UNREPRESENTABLE
    return _EXACT.scaleb(Decimal(int.from_bytes(raw, "big", signed=True)), -scale)


def _variable_scale(raw: dict[str, Any]) -> Value:
    return _unscaled(raw["value"], raw["scale"])


def _binary(node: dict[str, Any]) -> Read:
    if is_decimal(node):
        scale = scale_of(node)
        return lambda raw: _unscaled(raw, scale)
    if node.get("logicalType") == "uuid":
        return lambda raw: str(UUID(bytes=raw))
    return lambda raw: UNAVAILABLE if raw == _PLACEHOLDER_BYTES else raw


# --- Parts ----------------------------------------------------------------------------------------


def _array(read: Read) -> Read:
    return lambda raw: UNAVAILABLE if raw in _PLACEHOLDER_ARRAYS else [read(item) for item in raw]


def _map(read: Read) -> Read:
    def values(raw: dict[str, Any]) -> Value:
        if raw == {PLACEHOLDER: PLACEHOLDER}:
            return UNAVAILABLE
        return {key: read(value) for key, value in raw.items()}

    return values


_TABLES: Final = {"int": COUNTS, "long": COUNTS, "string": TEXTS | {JSON_NAME: _json}}
_PLAIN: Final[dict[str, Read]] = {"string": _text, "float": _float, "double": _double}
_PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,), "int": (int,), "long": (int,), "float": (float,), "double": (float,),
    "bytes": (bytes,), "fixed": (bytes,), "array": (list,), "map": (dict,), "record": (dict,),
}  # fmt: skip
