"""Writer schemas: checked, and with full names.

A Schema is plain JSON in which every named type has its full name, is defined once and looked up in
`names`. `reader` makes of it what reads bytes.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

Node = Any
"""A type: a name (str), a union (list), or a definition (dict)."""
Names = Mapping[str, dict[str, Any]]

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_NAMED: Final = frozenset({"record", "enum", "fixed"})
_PARTS: Final = {"fields": "record", "items": "array", "values": "map"}
_TEXTS: Final = frozenset({"name", "logicalType", "connect.name"})
_ESCAPED = re.compile(r"(?:[A-Za-z0-9]|_u(?:00[0-9a-f]{2}|[1-9a-f][0-9a-f]{2,3}))+")
_ESCAPE = re.compile(r"_u(00[0-9a-f]{2}|[1-9a-f][0-9a-f]{2}(?![0-9a-f]))")


class SchemaInvalid(ValueError):
    """Not an Avro schema, or one that no bounded reader can be made for. str() is one line."""


class Schema(Struct, frozen=True, eq=False):
    """A whole schema. names: full name → definition."""

    root: Node
    names: Names

    def node(self, node: Node) -> Node:
        """The definition behind a name; anything else as it is."""
        return self.names.get(node, node) if isinstance(node, str) else node

    def record(self, node: Node) -> dict[str, Any] | None:
        """The one record behind a type, through a name or a union with null."""
        branches = node if isinstance(node, list) else [node]
        records = [r for r in map(self.node, branches) if isinstance(r, dict) and r["type"] == "record"]
        return records[0] if len(records) == 1 else None


def parse(text: str) -> Schema:
    """Read a self-contained schema. Raises SchemaInvalid."""
    try:
        names: dict[str, dict[str, Any]] = {}
        return Schema(_Normal(names).of(json.loads(text), ""), names)
    except SchemaInvalid:
        raise
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise SchemaInvalid(f"not an Avro schema ({type(error).__name__})") from error


def inline(text: str, definitions: Iterable[str]) -> str:
    """Put definitions of other documents (registry references) where their names are first used.

    Raises SchemaInvalid.
    """
    try:
        documents = {_full_name(node, ""): node for node in map(json.loads, definitions)}
        return json.dumps(_Normal({}, documents).of(json.loads(text), ""))
    except SchemaInvalid:
        raise
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise SchemaInvalid(f"references that cannot be put together ({type(error).__name__})") from error


class _Normal:
    """Rewrites a schema with full names; names of `documents` are defined where they are first met."""

    def __init__(self, names: dict[str, dict[str, Any]], documents: Mapping[str, Node] | None = None) -> None:
        self._names = names
        self._documents = documents or {}

    def of(self, node: Node, space: str) -> Node:
        if isinstance(node, str):
            return self._named(node, space)
        if isinstance(node, list):
            branches = [self.of(branch, space) for branch in node]
            if any(isinstance(branch, list) for branch in branches):
                raise SchemaInvalid("one with a union directly inside a union")
            return branches
        kind, node = node["type"], _without_strangers(node)
        if kind in ("array", "map"):
            part = "items" if kind == "array" else "values"
            return {**node, part: self.of(node[part], space)}
        if isinstance(kind, str) and kind in _NAMED:
            return self._definition(node, space)
        # {"type": {"type": …}} is the inner type; {"type": "some.Name"} is a name; null has nothing to add.
        if not isinstance(kind, str) or kind not in PRIMITIVES - {"null"}:
            return self.of(kind, space)
        # Iceberg's mark of a time without zone, for which Avro has a name of its own by now.
        zoneless = node.get("adjust-to-utc") is False and node.get("logicalType", "").startswith("timestamp-")
        return {**node, "logicalType": f"local-{node['logicalType']}"} if zoneless else node

    def _named(self, name: str, space: str) -> Node:
        if name in PRIMITIVES:
            return name
        for full in (name if "." in name or not space else f"{space}.{name}", name):
            if full in self._names:
                return full
            if full in self._documents:
                return self.of(self._documents[full], "")
        raise SchemaInvalid(f"a type is used but not defined: {name[:100]}")

    def _definition(self, node: Node, space: str) -> Node:
        full = _full_name(node, space)
        if full in self._names:
            raise SchemaInvalid(f"a type is defined twice: {full[:100]}")
        definition: dict[str, Any] = {**node, "name": full}
        # The empty namespace says that the name is whole: else a nested one would inherit its parent's.
        inner = definition["namespace"] = full.rpartition(".")[0]
        self._names[full] = definition
        if node["type"] == "record":
            definition["fields"] = [{**f, "type": self.of(f["type"], inner)} for f in node["fields"]]
            if not all(isinstance(f["name"], str) for f in node["fields"]):
                raise SchemaInvalid("one with a field whose name is no text")
        return definition


def _without_strangers(node: dict[str, Any]) -> dict[str, Any]:
    """Avro allows any attribute: parts of another kind of type, and words that are no text, mean nothing."""
    return {
        key: value for key, value in node.items()
        if _PARTS.get(key, node["type"]) == node["type"] and (key not in _TEXTS or isinstance(value, str))
    }  # fmt: skip


def _full_name(node: Node, space: str) -> str:
    name: str = node["name"]
    own = node.get("namespace", space)
    return name if "." in name or not own else f"{own}.{name}"


def plain_names(record: dict[str, Any]) -> dict[str, str]:
    """Field name → column name: Debezium's avro_unicode escapes undone where that is unambiguous (cdc 8).

    In that mode every underscore is escaped too, so a record with any other underscore (but of the
    metadata that the flattening adds) was not written by it. 3 or 4 digits follow without an end mark:
    where the next character could be either, the name stays as it is.
    """
    fields = [field["name"] for field in record["fields"]]
    own = [name for name in fields if not name.startswith("__")]
    if not any("_u" in name for name in own) or not all(_ESCAPED.fullmatch(name) for name in own):
        return {name: name for name in fields}
    plain = {name: _unescape(name) for name in fields}
    return plain if len(set(plain.values())) == len(plain) else {name: name for name in fields}


def _unescape(name: str) -> str:
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)
    return name if re.search(r"_u[0-9a-f]{3}", text) else text


def children(node: Node) -> Iterator[Node]:
    """The types directly inside a type."""
    if isinstance(node, list):
        yield from node
    elif isinstance(node, dict):
        yield from (field["type"] for field in node.get("fields", ()))
        yield from (node[key] for key in ("items", "values") if key in node)
