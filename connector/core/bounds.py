"""How large a body may be, by its schema, so that hostile bytes cannot fill the memory.

Avro bytes can be small and their values large: an array of records that are one byte each becomes a dict a
byte. Here the worst growth of a schema is found once, and a body is refused by its length alone.
"""

from typing import Any

from connector.core.avro import Node, Schema, SchemaInvalid, children

MEMORY = 256 * 2**20
"""What one decoded body may come to, in bytes (a transient worst case, a real one is about a tenth)."""
_FIELDS = 100_000
_DICT, _SLOT, _LIST = 184, 40, 64  # sizes in CPython 3.11: a small dict, a key more, an empty list


def longest(schema: Schema) -> int:
    """The longest body to decode, in bytes. Raises SchemaInvalid where no length is short enough."""
    width = _Width(schema)
    width.of(schema.root)
    return MEMORY // max(_growth(schema, width, node) for node in _all(schema.root))


def _all(root: Node) -> list[Node]:
    found = [root]
    for node in found:
        found.extend(children(node))
    return found


def _growth(schema: Schema, width: "_Width", node: Node) -> int:
    """Bytes of memory a byte of the body, at most, for what stands in arrays and maps."""
    if not isinstance(node, dict) or not ("items" in node or "values" in node):
        return 1
    inner = node.get("items", node.get("values"))
    if not width.of(inner) and "items" in node:
        raise SchemaInvalid("an array whose items take no bytes has no bounded length")
    return max((_item(width, part) for part in _parts(schema, inner)), default=_SLOT)


def _parts(schema: Schema, inner: Node) -> list[dict[str, Any]]:
    """The dicts and lists that an item is made of (an inner array or map is bounded by itself)."""
    seen: dict[str, None] = {}
    found = [schema.node(inner)]
    for node in found:
        if isinstance(node, dict) and node["type"] == "record":
            if node["name"] in seen:
                continue
            seen[node["name"]] = None
        if isinstance(node, list) or (isinstance(node, dict) and node["type"] == "record"):
            found.extend(schema.node(child) for child in children(node))
    return [node for node in found if isinstance(node, dict)]


def _item(width: "_Width", node: dict[str, Any]) -> int:
    if node["type"] != "record":
        return _LIST + _SLOT if node["type"] == "array" else _DICT + _SLOT
    return (_DICT + _SLOT * len(node["fields"])) // max(1, width.of(node["name"])) + _SLOT


class _Width:
    """The fewest bytes that a type takes; refuses records that come to too many fields."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._known: dict[str, int] = {}
        self._fields: dict[str, int] = {}

    def of(self, node: Node) -> int:
        node = self._schema.node(node)
        if isinstance(node, list):
            return 1 + min((self.of(branch) for branch in node), default=0)
        kind = node["type"] if isinstance(node, dict) else node
        if kind == "record":
            return self._record(node)
        if kind == "fixed":
            return int(node["size"])
        return {"null": 0, "float": 4, "double": 8}.get(kind, 1)

    def _record(self, node: dict[str, Any]) -> int:
        name = node["name"]
        if name not in self._known:
            self._known[name] = 0  # a record inside itself: what it takes here is already counted
            self._known[name] = sum(self.of(field["type"]) for field in node["fields"])
            self._count(node)
        return self._known[name]

    def _count(self, node: dict[str, Any]) -> None:
        """Records in records multiply (each level twice the one below): count what one value comes to."""
        inner = (self._schema.record(field["type"]) for field in node["fields"])
        count = sum(self._fields.get(record["name"], 1) if record else 1 for record in inner)
        self._fields[node["name"]] = count
        if count > _FIELDS:
            raise SchemaInvalid(f"a record of more than {_FIELDS} fields, counted through its parts")
