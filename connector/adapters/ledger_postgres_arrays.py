"""PostgreSQL arrays as their binary form, built at once: psycopg's own lists cost a call an element.

The form: PostgreSQL's array_recv in src/backend/utils/adt/arrayfuncs.c (dimensions, has-null flag, element
type, length, lower bound, then each element's size and bytes; size -1 is NULL).
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_HEADER: Final = struct.Struct(">iiIii").pack
_SMALL: Final = {number: struct.pack(">ih", 2, number) for number in range(-1, 1000)}
_TRUE, _FALSE, _NULL = b"\0\0\0\1\1", b"\0\0\0\1\0", b"\xff\xff\xff\xff"
_BIG: Final = struct.Struct(">iq").pack


class _Array:
    """One array, ready to be sent."""

    __slots__ = ("data",)
    element: int

    def __init__(self, parts: Sequence[bytes], *, nulls: bool = False) -> None:
        self.data = _HEADER(1, nulls, self.element, len(parts), 1) + b"".join(parts)


class Texts(_Array):
    """A text[]."""

    element = 25


class Blobs(_Array):
    """A bytea[]."""

    element = 17


class Flags(_Array):
    """A boolean[]."""

    element = 16


class Smalls(_Array):
    """A smallint[]."""

    element = 21


class Bigs(_Array):
    """A bigint[]."""

    element = 20


def texts(values: Iterable[str]) -> Texts:
    """Raises UnicodeEncodeError. A text must not hold a zero character."""
    return Texts([len(raw).to_bytes(4, "big") + raw for raw in [text.encode() for text in values]])


def blobs(values: Sequence[bytes | None]) -> Blobs:
    """None is NULL."""
    parts = [_NULL if raw is None else len(raw).to_bytes(4, "big") + raw for raw in values]
    return Blobs(parts, nulls=None in values)


def flags(values: Iterable[bool]) -> Flags:
    """True and False."""
    return Flags([_TRUE if value else _FALSE for value in values])


def smalls(values: Iterable[int]) -> Smalls:
    """Numbers from -1 to 999; larger ones are 999."""
    return Smalls([_SMALL[min(value, 999)] for value in values])


def bigs(values: Iterable[int]) -> Bigs:
    """Raises struct.error beyond 64 bits."""
    return Bigs([_BIG(8, value) for value in values])


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        data: bytes = obj.data
        return data


_OIDS: Final = {Texts: 1009, Blobs: 1001, Flags: 1000, Smalls: 1005, Bigs: 1016}


def register(adapters: AdaptersMap) -> None:
    """Let a connection take these arrays as parameters."""
    for kind, oid in _OIDS.items():
        adapters.register_dumper(kind, type(f"{kind.__name__}Dumper", (_ArrayDumper,), {"oid": oid}))
