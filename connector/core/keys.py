"""Record keys: Avro by their own schema, else JSON or text, as other converters write them."""

import json
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from connector.core.avro import Schema
from connector.core.change import Shape, Value
from connector.core.envelope import NO_COLUMNS, Key
from connector.core.logical import columns
from connector.core.model import Reject, Skip
from connector.core.plans import Plans, Writers
from connector.core.wire import Headers, is_headed

SOLE: Final = "key"
"""The name of a key's one value where it has no columns (a text, a number)."""
_NAME_PARTS: Final = 4
_NO_ROW: Final[dict[str, object]] = {}


class Keys:
    """The keys of one topic. Without a registry only JSON and text are understood."""

    def __init__(self, schemas: Writers | None, topic: str) -> None:
        self._plans = Plans(schemas, topic, "key", _plan) if schemas is not None else None

    def read(self, data: bytes | None, headers: Headers) -> Key | Reject | None:
        """None: the record has no key. Raises RegistryDown."""
        if data is None:
            return None
        if data[:1] > b"\0" and not is_headed("key", headers):
            return _without_schema(data)  # no framing begins so
        found = self._plans.read(data, headers) if self._plans else Reject("bad_framing", "no registry")
        if isinstance(found, tuple):
            return _key(*found)
        if isinstance(found, Skip) or found.cause != "bad_framing" or data[:1] == b"\0":
            return found if isinstance(found, Reject) else None
        return _without_schema(data)


def opaque(data: bytes | None) -> Key | None:
    """A key that nobody can read, for a record that does not depend on it."""
    return None if data is None else Key({}, NO_COLUMNS, {SOLE: data})


class _Plan(Struct, frozen=True):
    shape: Shape
    source: tuple[str, str] | None


def _plan(schema: Schema) -> _Plan:
    record = schema.record(schema.root)
    if record is None:
        return _Plan(Shape(columns(schema, {"fields": [{"name": SOLE, "type": schema.root}]})), None)
    parts = record["name"].rsplit(".", 3)
    source = (parts[0], parts[2]) if len(parts) == _NAME_PARTS and parts[3] == "Key" else None
    return _Plan(Shape(columns(schema, record)), source)


def _key(plan: _Plan, raw: Any) -> Key:
    if not isinstance(raw, dict):
        raw = {SOLE: raw}
    found = plan.shape.columns
    return Key(raw, plan.shape, {name: found[name].read(part) for name, part in raw.items()}, plan.source)


def _without_schema(data: bytes) -> Key | Reject:
    try:
        text = data.decode()
        return Key(_NO_ROW, NO_COLUMNS, (text[:1] == "{" and json_object(text)) or {SOLE: text})
    except UnicodeDecodeError:
        return Reject("bad_framing", "the key is in no known framing and no text")


def json_object(text: str) -> dict[str, Value] | None:
    """JsonConverter's key, with or without its schema."""
    try:
        value = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    if isinstance(value, dict) and value.keys() == {"schema", "payload"}:
        value = value["payload"]
    return value if isinstance(value, dict) else None
