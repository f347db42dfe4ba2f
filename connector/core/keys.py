"""Record keys: Avro by their own schema, else JSON or text, as other converters write them."""

import json
from decimal import Decimal
from typing import Any, Final

from connector.core.avro import Schema
from connector.core.change import Shape, Value
from connector.core.envelope import NO_COLUMNS, Key
from connector.core.logical import columns
from connector.core.model import Reject, Skip
from connector.core.plans import Plans, Writers
from connector.core.wire import Headers

SOLE: Final = "key"
"""The name of a key's one value where it has no columns (a text, a number)."""


class Keys:
    """The keys of one topic. Without a registry only JSON and text are understood."""

    def __init__(self, schemas: Writers | None, topic: str) -> None:
        self._plans = Plans(schemas, topic, "key", _shape) if schemas is not None else None

    def read(self, data: bytes | None, headers: Headers) -> Key | Reject | None:
        """None: the record has no key. Raises RegistryDown."""
        if data is None:
            return None
        found = self._plans.read(data, headers) if self._plans else Reject("bad_framing", "no registry")
        if isinstance(found, tuple):
            return _key(*found)
        if isinstance(found, Skip) or found.cause != "bad_framing" or data[:1] == b"\0":
            return found if isinstance(found, Reject) else None
        return _without_schema(data)


def opaque(data: bytes | None) -> Key | None:
    """A key that nobody can read, for a record that does not depend on it."""
    return None if data is None else Key({}, NO_COLUMNS, {SOLE: data})


def _shape(schema: Schema) -> Shape:
    record = schema.record(schema.root)
    if record is not None:
        return Shape(columns(schema, record))
    return Shape(columns(schema, {"fields": [{"name": SOLE, "type": schema.root}]}))


def _key(shape: Shape, raw: Any) -> Key:
    if not isinstance(raw, dict):
        raw = {SOLE: raw}
    return Key(raw, shape, {name: shape.columns[name].read(value) for name, value in raw.items()})


def _without_schema(data: bytes) -> Key | Reject:
    try:
        text = data.decode()
        return Key({}, NO_COLUMNS, _json_object(text) or {SOLE: text})
    except UnicodeDecodeError:
        return Reject("bad_framing", "the key is in no known framing and no text")


def _json_object(text: str) -> dict[str, Value] | None:
    """JsonConverter's key, with or without its schema."""
    try:
        value = json.loads(text, parse_float=Decimal) if text.startswith("{") else None
    except (ValueError, RecursionError, ArithmeticError):
        return None
    if isinstance(value, dict) and value.keys() == {"schema", "payload"}:
        value = value["payload"]
    return value if isinstance(value, dict) else None
