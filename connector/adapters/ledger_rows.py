"""How heads and claims are written in a ledger file: MessagePack arrays, one blob a row.

A blob, not columns: binding and reading sixteen columns cost 4 µs a record more (measured). Clock, topic and
partition are one number, `sources`. New fields go to the end, with a default: older rows stay readable.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final
from zlib import crc32

import msgspec
from msgspec import Struct

from connector.core.contact_first import PSEUDO
from connector.core.events import Event
from connector.core.heads import Epochs, Head, Kept, State
from connector.core.judge import rank_of, state_after
from connector.core.model import Version
from connector.core.turn import Claim

Source = tuple[str, str, int]
"""Clock, topic, partition."""


class _Row(Struct, frozen=True, array_like=True):
    source: int
    rank: int
    lsn: int | None
    ts_ms: int | None
    declared: int | str | None
    offset: int
    timestamp_ms: int
    digest: bytes
    core_digest: bytes
    ties: tuple[bytes, ...]
    state: State
    aliases: tuple[bytes, ...] = ()
    remote_id: str | None = None
    contact_key: str | None = None
    kept: Kept | None = None
    at: int | None = None
    past: int | None = None
    leaving: tuple[bytes, ...] = ()
    floor: int | None = None


_NO_SOURCE: Final = 0
_ACCEPTED: Final = State.ACCEPTED
_VEILED: Final = 33
_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(_Row).decode


def _row(head: Head, number: Callable[[Source], int]) -> tuple[object, ...]:
    """A _Row without its last fields where they have nothing; ties without the digest: few are left."""
    ties = tuple(tie for tie in head.ties if tie != head.digest) if len(head.ties) > 1 else head.ties
    if ties == (head.digest,):
        ties = ()
    at = head.version
    if at is None:
        what: tuple[object, ...] = (_NO_SOURCE, 0, None, None, None, -1, -1)
    else:
        what = (
            number((at.clock, at.topic, at.partition)), head.rank, at.lsn, at.ts_ms, at.declared, at.offset,
            at.timestamp_ms,
        )  # fmt: skip
    row = (
        *what, head.digest, head.core_digest, ties, head.state, head.aliases, head.remote_id,
        head.contact_key,
    )  # fmt: skip
    if at is not None and at.floor is not None:
        return (*row, head.kept, head.at, head.past, head.leaving, at.floor)
    if head.leaving:
        return (*row, head.kept, head.at, head.past, head.leaving)
    if head.past is not None:
        return (*row, head.kept, head.at, head.past)
    if head.at is not None:
        return (*row, head.kept, head.at)
    return row if head.kept is None else (*row, head.kept)


def _head(row: _Row, source: Callable[[int], Source], live: bool = False) -> Head:
    version = None
    if row.source != _NO_SOURCE:
        clock, topic, partition = source(row.source)
        version = Version(
            clock, row.lsn, row.ts_ms, row.declared, topic, partition, row.offset, row.timestamp_ms, row.floor
        )
    ties = (*row.ties, row.digest) if row.digest else row.ties
    return Head(
        version, row.rank, row.digest, row.core_digest, ties, row.state,
        live, row.aliases, row.remote_id, row.contact_key, row.kept, row.at, row.past,
        row.leaving,
    )  # fmt: skip


def pack_head(head: Head, number: Callable[[Source], int]) -> bytes:
    """A head as it is stored, but for `live`: a claim's blob becomes its head's whatever it was sent through.

    `number` gives a source its number.
    """
    return _encode(_row(head, number))


def unpack_head(blob: bytes, source: Callable[[int], Source], *, live: bool = False) -> Head:
    """The reverse. `source` gives a number its source. Raises msgspec.DecodeError."""
    return _head(_decode_head(blob), source, live)


_BLANK: Final = pack_head(Head(), lambda _: _NO_SOURCE)
_NOTHING: Final = (*_row(Head(), lambda _: _NO_SOURCE), None)
"""Of a fact, all but its time."""


def pack_first(
    event: Event, number: Callable[[Source], int], epochs: Epochs, past: int | None = None
) -> bytes:
    """`pack_head` of what an event makes of a key that has no head, in one step: the usual case.

    A stored head of the very same bytes is therefore this event's: a duplicate. past: see claims.Want.
    """
    at = event.version
    if at is None:
        if event.entity == "event":
            made = event.source_ms // 1000
            return _encode((*_NOTHING, made) if past is None else (*_NOTHING, made, past))
        return pack_head(Head(digest=event.digest), number) if event.digest else _BLANK
    state = _ACCEPTED if event.entity == "order" else state_after(None, event.kind)
    row = (
        number((at.clock, at.topic, at.partition)), rank_of(at, epochs) if epochs else 0,
        at.lsn, at.ts_ms, at.declared, at.offset, at.timestamp_ms,
        event.digest, event.core_digest, (), state, (), None, None,
    )  # fmt: skip
    if at.floor is not None:
        return _encode((*row, None, None, past, (), at.floor))
    return _encode(row if past is None else (*row, None, None, past))


class Entry(Struct, frozen=True, array_like=True):
    """One claim as stored: of whom, the packed head it was claimed with, and its packed doubts."""

    entity: int
    key: str
    head: bytes
    doubts: tuple[bytes, ...] = ()

    def claim(self, owner: int, source: Callable[[int], Source]) -> Claim:
        """The claim. Raises msgspec.DecodeError."""
        doubts = tuple(unpack_head(doubt, source) for doubt in self.doubts)
        return Claim(owner, unpack_head(self.head, source), doubts)


_decode_entries = msgspec.msgpack.Decoder(tuple[Entry, ...]).decode


def pack_entries(entries: Sequence[tuple[int, str, bytes, tuple[bytes, ...]]]) -> bytes:
    """The claims of one row, each with the fields of an Entry."""
    return _encode(entries)


def unpack_entries(blob: bytes) -> tuple[Entry, ...]:
    """The reverse. Raises msgspec.DecodeError."""
    return _decode_entries(blob)


def spread(key: str, start: int) -> int:
    """47 bits to find a head by, spread evenly; keys that differ in their last two bytes only stay together.

    So random keys of any length touch pages of a small index only, and sequential keys few of these.
    Different keys may have the same number. start: so that other entities get other numbers.
    """
    text = key.encode()
    return crc32(text[:-2], start) >> 1 << 16 | int.from_bytes(text[-2:], "big")


class Veil:
    """Keeps personal data out of the file: a keyed hash stands for it."""

    def __init__(self, key: bytes) -> None:
        """The key is made with the ledger and never leaves it."""
        self._key = key

    def key(self, key: str) -> str:
        """An entity key as stored: as it is, but hashed where it is an e-mail or a phone number."""
        return f"#{self._hash(key).hex()}" if key.startswith(PSEUDO) else key

    def row(self, row: str) -> str:
        """A row's key as stored: hashed where its primary key has a text, which may be an address.

        Numbers stay as they are, so that neighbours stay on one page.
        """
        return f"#{self._hash(row).hex()}" if ':"' in row else row

    @staticmethod
    def veiled(stored: str) -> bool:
        """A stored key that is a hash."""
        return stored.startswith("#") and len(stored) == _VEILED

    def alias(self, alias: str) -> bytes:
        """First letter of the kind ("email:…", "phone:…") and 16 bytes of hash."""
        return alias[:1].encode() + self._hash(alias)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=16).digest()
