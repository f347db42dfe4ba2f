"""The Avro specification, read plainly: one value at a time, by a walk over the schema.

What `connector.core.generated` must equal, in what it reads and in what it refuses.
"""

import struct
from typing import Any

from connector.core.avro import Schema, plain_names


class Refused(Exception):
    """Not the bytes of a value."""


class PlainReader:
    """Reads `data` from `at` on."""

    def __init__(self, schema: Schema, data: bytes, at: int) -> None:
        self._schema, self._data, self.at = schema, data, at

    def value(self, node: Any) -> Any:
        """One value of a type; raises Refused."""
        node = self._schema.node(node)
        if isinstance(node, list):
            return self.value(self._choice(node))
        kind = node["type"] if isinstance(node, dict) else node
        return getattr(self, f"_{kind}")(node)

    def _choice(self, choices: list[Any]) -> Any:
        number = self._long()
        if not 0 <= number < len(choices):
            raise Refused
        return choices[number]

    def _take(self, size: int) -> bytes:
        taken = self._data[self.at : self.at + size]
        if size < 0 or len(taken) < size:
            raise Refused
        self.at += size
        return taken

    def _long(self, _: Any = None) -> int:
        number = shift = 0
        while True:
            byte = self._take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if number >= 2**64 or shift > 70:
            raise Refused
        return (number >> 1) ^ -(number & 1)

    _int = _long

    def _null(self, _: Any) -> None:
        return None

    def _boolean(self, _: Any) -> bool:
        return self._take(1) != b"\0"

    def _float(self, _: Any) -> Any:
        return struct.unpack("<f", self._take(4))[0]

    def _double(self, _: Any) -> Any:
        return struct.unpack("<d", self._take(8))[0]

    def _bytes(self, _: Any) -> bytes:
        return self._take(self._long())

    def _string(self, _: Any) -> str:
        try:
            return self._take(self._long()).decode()
        except UnicodeDecodeError as error:
            raise Refused from error

    def _fixed(self, node: dict[str, Any]) -> bytes:
        return self._take(node["size"])

    def _enum(self, node: dict[str, Any]) -> Any:
        return self._choice(node["symbols"])

    def _record(self, node: dict[str, Any]) -> dict[str, Any]:
        names = plain_names(node)
        return {names[field["name"]]: self.value(field["type"]) for field in node["fields"]}

    def _array(self, node: dict[str, Any]) -> list[Any]:
        return [self.value(node["items"]) for _ in self._entries()]

    def _map(self, node: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for _ in self._entries():
            name = self._string(None)
            found[name] = self.value(node["values"])
        return found

    def _entries(self) -> Any:
        while count := self._long():
            if count < 0:
                self._long()  # the block's size in bytes
            yield from range(abs(count))
