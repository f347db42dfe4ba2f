"""A reader of one schema's bytes as straight-line Python: about a third of what a general reader costs.

Every Avro type, into the same raw values as fastavro gives: it is the oracle of the tests, and the fallback
for schemas of more than MAX_NODES types or MAX_BRANCHES in a union. Stricter than fastavro where bytes break
the specification: a negative number of a branch or symbol, and a number of more than 64 bits (ten bytes),
are refused.

How bytes that end too early are found: an index past the end raises, and a slice past the end is followed
by such an index or by the look at the last position; nothing of a hostile length is ever allocated.
"""

from collections.abc import Callable, Collection, Mapping
from struct import Struct, error
from typing import Any, Final

from connector.core.avro import Node, Schema, SchemaInvalid, children, plain_names
from connector.core.source import Source

Reader = Callable[[bytes, int], tuple[Any, int]]
"""(bytes, start of the body) → (raw value, end of the body). Raises EOFError where the bytes end before the
value does, and whatever else they deserve."""
Wanted = Mapping[str, Collection[str]]
"""Full name of a record → the only fields that are read of it; the others are walked over (their texts may be
no UTF-8) and are not in its dict. Of a record that is not named here, all are read."""
ALL: Final[Wanted] = {}
MAX_NODES: Final = 2_000
MAX_BRANCHES: Final = 50
_MAX_NESTED: Final = 5
"""Blocks in blocks that stay in one function; Python ends at 20 loops."""
_BITS: Final = 64
_MORE: Final = 0x80


def generate(schema: Schema, wanted: Wanted = ALL) -> Reader | None:
    """The reader of a schema that `avro.parse` made and fastavro accepts; None where it is too large.

    Raises SchemaInvalid for a fixed type without a size.
    """
    shared = used_twice(schema)
    return None if shared is None else Generator(schema, shared, wanted, NAMES).reader()


def used_twice(schema: Schema) -> set[str] | None:
    """The types that are also meant by their names; None where the schema is too large to write code for."""
    nodes = [schema.root]
    for node in nodes:
        nodes.extend(children(node))
    if len(nodes) > MAX_NODES or any(len(node) > MAX_BRANCHES for node in nodes if isinstance(node, list)):
        return None
    return {node for node in nodes if isinstance(node, str)} & schema.names.keys()


# --- What the generated code calls ----------------------------------------------------------------


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """A zig-zag varint: (number, where it ends)."""
    number = shift = 0
    try:
        while (byte := data[at]) >= _MORE and shift < _BITS - 1:
            number |= (byte & 0x7F) << shift
            shift += 7
            at += 1
    except IndexError:
        raise ValueError("the bytes end inside a number") from None
    number |= byte << shift
    if number >> _BITS:  # also where it goes on: endless numbers would take endless time
        raise ValueError("a number of more than 64 bits")
    return number >> 1 ^ -(number & 1), at + 1


def span(data: bytes, at: int) -> tuple[int, int]:
    """A length and what it counts: (the last position before that, where it ends)."""
    length, begin = read_long(data, at)
    if length < 0:
        raise EOFError("a negative length")
    return begin - 1, begin + length


_SHORT: Final = (*(byte >> 1 ^ -(byte & 1) for byte in range(_MORE)), *[None] * _MORE)
"""The number that one byte is; None where it goes on."""
_SIZE: Final = tuple(0 if number is None or number < 0 else 1 + number for number in _SHORT)
"""A length of one byte and that byte itself; 0 where it goes on, or is negative."""
NAMES: Final[dict[str, object]] = {
    "long": read_long, "span": span, "short": _SHORT, "size": _SIZE,
    "float_at": Struct("<f").unpack_from, "double_at": Struct("<d").unpack_from, "struct_error": error,
}  # fmt: skip


# --- The generator --------------------------------------------------------------------------------


class Generator:
    """Writes the functions of one schema. In each, `d` are the bytes and `i` is the position.

    `into` is the variable that gets a value, "" = nobody wants it: `x` then takes what is made all the same.
    """

    def __init__(self, schema: Schema, shared: set[str], wanted: Wanted, names: dict[str, object]) -> None:
        """shared: see `used_twice`. names: what the functions may call."""
        self._schema = schema
        self._shared = shared
        self._wanted = wanted
        self._source = Source(names)
        self._functions: dict[tuple[str, bool, bool], str] = {}
        self._waiting: list[tuple[str, Node, str, bool]] = []
        self._nested = 0
        self._checks = False
        """Whether what nobody wants has to be valid text all the same."""

    def reader(self) -> Reader:
        """Compile the function of the root, after all that it needs."""
        root = self._later(self._schema.root, "v")
        while self._waiting:
            function, node, into, self._checks = self._waiting.pop()
            self._function(function, node, into)
        return self._source.build(root)  # type: ignore[no-any-return]

    def _later(self, node: Node, into: str) -> str:
        function = self._source.name("read")
        self._waiting.append((function, node, into and "v", self._checks))
        return function

    def _function(self, function: str, node: Node, into: str) -> None:
        add, block = self._source.add, self._source.block
        with block(f"def {function}(d, i)"):
            add("j = i")
            with block("try"):
                self._nested = 0
                self._inline(node, into)
            with block("except (IndexError, struct_error)"):
                add("raise EOFError from None")
            with block("except UnicodeDecodeError"):
                add("if j > len(d): raise EOFError from None", "raise")
            add("if i > len(d): raise EOFError", f"return {into or None}, i")

    def _value(self, node: Node, into: str) -> None:
        """Lines that read one value into a variable; by a call where it is shared, or nested deeply."""
        if isinstance(node, str) and node in self._schema.names:
            node = self._schema.names[node]
        if isinstance(node, dict) and node["type"] == "record" and node["name"] in self._shared:
            key = node["name"], bool(into), self._checks
            if key not in self._functions:
                self._functions[key] = self._later(node, into)
            self._source.add(f"{into or 'x'}, i = {self._functions[key]}(d, i)")
        elif self._nested >= _MAX_NESTED and (isinstance(node, list) or next(children(node), None)):
            self._source.add(f"{into or 'x'}, i = {self._later(node, into)}(d, i)")
        else:
            self._nested += 1
            self._inline(node, into)
            self._nested -= 1

    def _inline(self, node: Node, into: str) -> None:
        if isinstance(node, list):
            return self._union(node, into)
        kind = node["type"] if isinstance(node, dict) else node
        if kind in _PLAIN:
            walked = _CHECKED if self._checks else _WALKED
            lines = _PLAIN[kind] if into else walked.get(kind, _PLAIN[kind])
            return self._source.add(*(line.format(into or "x") for line in lines))
        parts = {"record": self._record, "array": self._array, "map": self._map, "enum": self._enum}
        return parts.get(kind, self._fixed)(node, into)

    def _union(self, branches: list[Node], into: str) -> None:
        self._source.add(*number_into("n"))
        for number, branch in enumerate(branches):
            with self._source.block(f"{'elif' if number else 'if'} n == {number}"):
                self._value(branch, into)
        with self._source.block("else" if branches else "if True"):
            self._source.add("raise ValueError('no such branch')")

    def _record(self, node: dict[str, Any], into: str) -> None:
        names, parts, wanted = plain_names(node), [], self._wanted.get(node["name"])
        for field in node["fields"]:
            part = self._source.name("v") if into and (wanted is None or field["name"] in wanted) else ""
            self._value(field["type"], part)
            if part:
                parts.append(f"{self._source.constant(names[field['name']])}: {part}")
        self._source.add(f"{into} = {{{', '.join(parts)}}}" if into else "pass")

    def _array(self, node: dict[str, Any], into: str) -> None:
        part = into and self._source.name("v")
        self._source.add(f"{into or 'x'} = []")
        with self._source.block("while True"):
            self._blocks()
            with self._source.block("for _ in range(n)"):
                self._value(node["items"], part)
                self._source.add(f"{into}.append({part})" if into else "pass")

    def _map(self, node: dict[str, Any], into: str) -> None:
        name, part = (self._source.name("v"), self._source.name("v")) if into else ("", "")
        self._source.add(f"{into or 'x'} = {{}}")
        with self._source.block("while True"):
            self._blocks()
            with self._source.block("for _ in range(n)"):
                self._value("string", name)
                self._value(node["values"], part)
                self._source.add(f"{into}[{name}] = {part}" if into else "pass")

    def _blocks(self) -> None:
        """The count of a block; a negative one is followed by the block's size in bytes."""
        add = self._source.add
        add(*number_into("n"), "if not n: break")
        with self._source.block("if n < 0"):
            add("n = -n", *number_into("s"))

    def _enum(self, node: dict[str, Any], into: str) -> None:
        symbols = self._source.constant(tuple(node["symbols"]))
        self._source.add(
            *number_into("n"),
            f"if not 0 <= n < {len(node['symbols'])}: raise ValueError('no such symbol')",
            f"{into or 'x'} = {symbols}[n]",
        )

    def _fixed(self, node: dict[str, Any], into: str) -> None:
        size = node["size"]
        if type(size) is not int or size < 0:
            raise SchemaInvalid("a fixed type without a size")
        # The end is looked at here: many of these in an array read no byte that would tell it.
        self._source.add(f"j = i + {size}", "if j > len(d): raise EOFError")
        self._source.add(f"{into or 'x'} = d[i:j]", "i = j")


def number_into(into: str) -> tuple[str, ...]:
    """Lines that read a number into a variable."""
    return (f"{into} = short[d[i]]", f"if {into} is None: {into}, i = long(d, i)", "else: i += 1")


_SPAN: Final = ("j = size[d[i]]", "if j: j += i", "else: i, j = span(d, i)")
_PLAIN: Final = {
    "null": ("{0} = None",),
    "boolean": ("{0} = d[i] != 0", "i += 1"),
    "int": number_into("{0}"),
    "long": number_into("{0}"),
    "float": ("{0}, = float_at(d, i)", "i += 4"),
    "double": ("{0}, = double_at(d, i)", "i += 8"),
    "bytes": (*_SPAN, "{0} = d[i + 1:j]", "i = j"),
    "string": (*_SPAN, "{0} = d[i + 1:j].decode()", "i = j"),
}
_WALKED: Final = {"bytes": (*_SPAN, "i = j"), "string": (*_SPAN, "i = j")}
_CHECKED: Final = {"bytes": _WALKED["bytes"], "string": (*_SPAN, "d[i + 1:j].decode()", "i = j")}
