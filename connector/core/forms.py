"""What raw Avro values look like, by their schema: for short cuts past the readers of `logical`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from connector.core.avro import Node, Schema, SchemaInvalid, plain_names
from connector.core.change import UNKNOWN, Column, Form, Value
from connector.core.moments import COUNTS, TEXTS

Read = Callable[[Any], Value]

JSON_NAME: Final = "io.debezium.data.Json"
VARIABLE_SCALE: Final = "io.debezium.data.VariableScaleDecimal"
_DECIMAL: Final = "org.apache.kafka.connect.data.Decimal"
_NAMED: Final = {"int": COUNTS, "long": COUNTS, "string": {*TEXTS, JSON_NAME}}
_UNITS: Final = {
    "timestamp-millis": timedelta(milliseconds=1), "timestamp-micros": timedelta(microseconds=1),
}  # fmt: skip
_PLAIN: Final = {"string": str, "enum": str, "int": int, "long": int, "boolean": bool}


def form_of(schema: Schema, node: Node, reader: Callable[[Node], Read]) -> Form:
    """The form of one column's type. reader: makes the readers of parts."""
    kinds = [kind for kind in node if kind != "null"] if isinstance(node, list) else [node]
    found = schema.node(kinds[0]) if len(kinds) == 1 else None
    if isinstance(found, dict) and found["type"] == "array":
        return Form(items=_items(schema, schema.node(found["items"]), reader))
    return _leaf(found if isinstance(found, dict) else {"type": found})


def is_decimal(node: dict[str, Any]) -> bool:
    """Whether bytes are a decimal's digits."""
    return node.get("logicalType") == "decimal" or node.get("connect.name") == _DECIMAL


def scale_of(node: dict[str, Any]) -> int:
    """A decimal's scale; raises SchemaInvalid."""
    try:
        return int(node.get("scale", node.get("connect.parameters", {}).get("scale", 0)))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise SchemaInvalid("one with a decimal whose scale is no number") from error


def _leaf(node: dict[str, Any]) -> Form:
    kind = node["type"]
    if kind in ("bytes", "fixed"):
        return Form(scale=scale_of(node)) if is_decimal(node) else UNKNOWN
    named = {node.get("connect.name"), node.get("logicalType")}
    if kind == "long" and node.get("connect.name") not in COUNTS and node.get("logicalType") in _UNITS:
        return Form(unit=_UNITS[node["logicalType"]])
    return Form(plain=_PLAIN.get(kind)) if named.isdisjoint(_NAMED.get(kind, ())) else UNKNOWN


def _items(schema: Schema, node: Node, reader: Callable[[Node], Read]) -> dict[str, Column] | None:
    if not isinstance(node, dict) or node["type"] != "record" or node.get("connect.name") == VARIABLE_SCALE:
        return None
    names, found = plain_names(node), {}
    for field in node["fields"]:
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        kinds = [schema.node(kind) for kind in kinds if kind != "null"]
        leaf = kinds[0] if len(kinds) == 1 and not isinstance(kinds[0], list) else None
        form = _leaf(leaf if isinstance(leaf, dict) else {"type": leaf})
        name = names[field["name"]]
        found[name] = Column(name, reader(field["type"]), form=form)
    return found
