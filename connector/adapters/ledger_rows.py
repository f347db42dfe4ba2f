"""How heads and claims are written in a ledger file: MessagePack arrays, one blob a row.

A blob, not columns: binding and reading sixteen columns cost 4 µs a record more (measured). Clock, topic and
partition are one number, `sources`. New fields go to the end, with a default: older rows stay readable.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from connector.core.heads import Head, State
from connector.core.model import Version
from connector.core.turn import PSEUDO, Claim

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


_NO_SOURCE: Final = 0
_VEILED: Final = 33
_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(_Row).decode
_decode_heads = msgspec.msgpack.Decoder(tuple[_Row, ...]).decode


def _row(head: Head, number: Callable[[Source], int]) -> _Row:
    """Ties without the digest itself: nearly always none is left."""
    ties = tuple(tie for tie in head.ties if tie != head.digest) if len(head.ties) > 1 else head.ties
    if ties == (head.digest,):
        ties = ()
    at = head.version
    if at is None:
        return _Row(
            _NO_SOURCE, 0, None, None, None, -1, -1, head.digest, head.core_digest, ties,
            head.state, head.aliases, head.remote_id, head.contact_key,
        )  # fmt: skip
    return _Row(
        number((at.clock, at.topic, at.partition)), head.rank, at.lsn, at.ts_ms, at.declared, at.offset,
        at.timestamp_ms, head.digest, head.core_digest, ties,
        head.state, head.aliases, head.remote_id, head.contact_key,
    )  # fmt: skip


def _head(row: _Row, source: Callable[[int], Source], live: bool = False) -> Head:
    version = None
    if row.source != _NO_SOURCE:
        clock, topic, partition = source(row.source)
        version = Version(
            clock, row.lsn, row.ts_ms, row.declared, topic, partition, row.offset, row.timestamp_ms
        )
    ties = (*row.ties, row.digest) if row.digest else row.ties
    return Head(
        version, row.rank, row.digest, row.core_digest, ties, row.state,
        live, row.aliases, row.remote_id, row.contact_key,
    )  # fmt: skip


def pack_head(head: Head, number: Callable[[Source], int]) -> bytes:
    """A head as it is stored, but for `live`: a claim's blob becomes its head's whatever it was sent through.

    `number` gives a source its number.
    """
    return _encode(_row(head, number))


def unpack_head(blob: bytes, source: Callable[[int], Source], *, live: bool = False) -> Head:
    """The reverse. `source` gives a number its source. Raises msgspec.DecodeError."""
    return _head(_decode_head(blob), source, live)


def pack_doubts(claim: Claim, number: Callable[[Source], int]) -> bytes | None:
    """What a claim holds besides its head; nearly always nothing."""
    if not claim.doubts:
        return None
    return _encode([_row(doubt, number) for doubt in claim.doubts])


def unpack_claim(owner: int, blob: bytes, doubts: bytes | None, source: Callable[[int], Source]) -> Claim:
    """A claim as stored. Raises msgspec.DecodeError."""
    rows = _decode_heads(doubts) if doubts else ()
    return Claim(owner, unpack_head(blob, source), tuple(_head(row, source) for row in rows))


class Veil:
    """Keeps personal data out of the file: a keyed hash stands for it."""

    def __init__(self, key: bytes) -> None:
        """The key is made with the ledger and never leaves it."""
        self._key = key

    def key(self, key: str) -> str:
        """An entity key as stored: as it is, but hashed where it is an e-mail or a phone number."""
        return f"#{self._hash(key).hex()}" if key.startswith(PSEUDO) else key

    def veiled(self, stored: str) -> bool:
        """A stored key that is a hash."""
        return stored.startswith("#") and len(stored) == _VEILED

    def alias(self, alias: str) -> bytes:
        """First letter of the kind ("email:…", "phone:…") and 16 bytes of hash."""
        return alias[:1].encode() + self._hash(alias)

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=16).digest()
