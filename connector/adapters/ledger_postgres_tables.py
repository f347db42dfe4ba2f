"""One destination's rows in a PostgreSQL ledger, in and out of values. All belongs into a transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from connector.adapters import ledger_postgres_sql as sql
from connector.adapters.ledger_postgres_arrays import bigs, blobs, flags, smalls, texts
from connector.adapters.ledger_postgres_keys import indexed, read, written
from connector.adapters.ledger_postgres_store import Store
from connector.adapters.ledger_rows import pack_head, unpack_head
from connector.core.heads import Head
from connector.core.model import Entity
from connector.core.sight import Sight
from connector.core.turn import NOBODY, Claim

EntityKey = tuple[Entity, str]
State = tuple[Head | None, Claim | None]
_decode_doubts: Final = msgspec.msgpack.Decoder(tuple[bytes, ...]).decode
_encode: Final = msgspec.msgpack.Encoder().encode
ENTITIES: Final[tuple[Entity, ...]] = ("order", "contact", "event")
_NUMBERS: Final[dict[Entity, int]] = {entity: number for number, entity in enumerate(ENTITIES)}


class Seen(Struct, frozen=True, gc=False):
    """A key's row as it was read, packed. mark: changes with every write of it. living: the claim's owner."""

    live: bool
    head: bytes | None
    owner: int | None
    claim: bytes | None
    doubts: bytes | None
    mark: int
    living: bool


class Accepted(Struct, frozen=True):
    """One own claim to be made a head. head: packed, None = as it was claimed."""

    slot: EntityKey
    head: bytes | None
    live: bool
    certain: bool
    attempts: int


class Writes:
    """What is to be written over rows that were read, by column. A head of None stays as it is."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.slots: list[EntityKey] = []
        self.marks: list[int] = []
        self.heads: list[bytes | None] = []
        self.claims: list[bytes | None] = []
        self.doubts: list[bytes | None] = []

    def add(
        self, slot: EntityKey, mark: int, head: bytes | None, claim: bytes | None, doubts: bytes | None
    ) -> None:
        """One row."""
        self.slots.append(slot)
        self.marks.append(mark)
        self.heads.append(head)
        self.claims.append(claim)
        self.doubts.append(doubts)


class Tables:
    """One destination's rows; keys go in and out as the connector knows them."""

    def __init__(self, store: Store) -> None:
        """Nothing is read yet."""
        self._store = store

    def pack(self, head: Head) -> bytes:
        """A head as it is stored."""
        return pack_head(head, self._store.number)

    def pack_doubts(self, claim: Claim) -> bytes | None:
        """What a claim holds besides its head; nearly always nothing."""
        return _encode([self.pack(doubt) for doubt in claim.doubts]) if claim.doubts else None

    def state(
        self, live: bool, head: bytes | None, owner: int | None, claim: bytes | None, doubts: bytes | None
    ) -> State:
        """Head and claim as stored. Raises msgspec.DecodeError."""
        source = self._store.source
        new = None if head is None else unpack_head(head, source, live=live)
        if claim is None:
            return new, None
        left = tuple(unpack_head(doubt, source) for doubt in _decode_doubts(doubts)) if doubts else ()
        return new, Claim(owner or NOBODY, unpack_head(claim, source), left)

    def _slots(self, slots: Collection[EntityKey]) -> dict[str, Any]:
        key = self._store.veil.key
        return {
            "entities": smalls([_NUMBERS[entity] for entity, _ in slots]),
            "keys": texts([indexed(k if entity == "order" else key(k)) for entity, k in slots]),
        }

    def _index(self, slots: Iterable[EntityKey]) -> dict[tuple[int, str], EntityKey]:
        key = self._store.veil.key
        return {(_NUMBERS[e], indexed(k if e == "order" else key(k))): (e, k) for e, k in slots}

    # --- Settle -----------------------------------------------------------------------------------

    def accept(self, accepted: Sequence[Accepted], *, history: bool) -> int:
        """Make own claims heads; how many were there."""
        parameters = self._slots([one.slot for one in accepted]) | {
            "heads": blobs([one.head for one in accepted]),
            "lives": flags(one.live for one in accepted),
            "certain": flags(one.certain for one in accepted),
            "attempts": smalls(one.attempts for one in accepted),
        }
        return self._store.write(sql.ACCEPT_WITH_HISTORY if history else sql.ACCEPT, parameters)

    def release(self, slots: Sequence[EntityKey]) -> int:
        """Drop own claims; how many were there."""
        parameters = self._slots(slots)
        released = self._store.write(sql.RELEASE, parameters)
        self._store.run(sql.SWEEP, parameters)
        return released

    def lock(self, slots: Collection[EntityKey]) -> dict[EntityKey, State]:
        """Read these keys, and let nobody else write them."""
        by_stored = self._index(slots)
        found: dict[EntityKey, State] = dict.fromkeys(slots, (None, None))
        for entity, key, *row in self._store.run(sql.LOCK, self._slots(slots)):
            found[by_stored[entity, key]] = self.state(*row)
        return found

    def put(self, states: Mapping[EntityKey, State]) -> None:
        """Write locked keys anew."""
        heads = [head for head, _ in states.values()]
        claims = [claim for _, claim in states.values()]
        slots = self._slots(states.keys())
        parameters = slots | {
            "lives": flags(head is not None and head.live for head in heads),
            "heads": blobs([self.pack(head) if head else None for head in heads]),
            "owners": bigs(claim.owner if claim else NOBODY for claim in claims),
            "claims": blobs([self.pack(claim.head) if claim else None for claim in claims]),
            "doubts": blobs([self.pack_doubts(claim) if claim else None for claim in claims]),
        }
        self._store.write(sql.PUT, parameters)
        self._store.run(sql.SWEEP, slots)

    def place(self, slot: EntityKey) -> dict[str, Any]:
        """Where a key is kept."""
        return dict(zip(("entity", "key"), next(iter(self._index([slot]))), strict=True))

    def note(self, slot: EntityKey, head: Head, attempts: int, via: str, outcome: str) -> None:
        """A row of history."""
        row = (self._store.destination, *self.place(slot).values(), self.pack(head), attempts, via, outcome)
        self._store.connection.execute(sql.NOTE, row)

    # --- Claim ------------------------------------------------------------------------------------

    def read(self, slots: Collection[EntityKey]) -> dict[int, Seen]:
        """What is known of these keys, by their place in `slots`; nothing is locked."""
        return {row[0] - 1: Seen(*row[1:]) for row in self._store.run(sql.READ, self._slots(slots))}

    def make(self, slots: Sequence[EntityKey], claims: Sequence[bytes]) -> set[EntityKey]:
        """Claim keys that had no row; those that have one by now are returned."""
        return self._written(sql.MAKE, slots, {"claims": blobs(claims)})

    def take(self, writes: "Writes") -> set[EntityKey]:
        """Write heads and claims over what was read; what changed since is returned."""
        parameters = {
            "seen": bigs(writes.marks),
            "heads": blobs(writes.heads),
            "claims": blobs(writes.claims),
            "doubts": blobs(writes.doubts),
        }
        return self._written(sql.TAKE, writes.slots, parameters)

    def _written(self, statement: str, slots: Sequence[EntityKey], more: dict[str, Any]) -> set[EntityKey]:
        done = self._store.run(statement, self._slots(slots) | more)
        if done.rowcount == len(slots):
            self._store.xid = done.fetchone()[0]  # type: ignore[index] # there are rows
            return set()
        left = self._index(slots)
        for xid, entity, key in done:
            self._store.xid = xid
            del left[entity, key]
        return set(left.values())

    # --- Contacts, rows ---------------------------------------------------------------------------

    def contacts(self, keys: Collection[str]) -> dict[str, Sight]:
        """What is known of these contacts, by key; of those without head, nothing."""
        if not keys:
            return {}
        by_stored = {indexed(self.stored(key)): key for key in keys}
        found = self._store.run(sql.CONTACTS, {"keys": texts(by_stored)})
        return {by_stored[key]: Sight(*self.state(*row), living) for key, *row, living in found}

    def alias(self, alias: str) -> bytes:
        """An alias as it is stored."""
        return self._store.veil.alias(alias)

    def stored(self, key: str) -> str:
        """A contact's key without personal data. Doing it again changes nothing."""
        return self._store.veil.key(key)

    def led_to(self, aliases: Collection[bytes]) -> dict[bytes, str]:
        """The contacts that these aliases lead to, as `stored` gives them."""
        if not aliases:
            return {}
        found = self._store.run(sql.LED_TO, {"aliases": blobs(list(aliases))})
        return {alias: read(contact) for alias, contact in found}

    def lead(self, leads: Mapping[bytes, str], dropped: Collection[tuple[bytes, str]]) -> bool:
        """Let aliases lead to contacts, and others no longer; True where one led elsewhere before."""
        moved = False
        self._store.run(sql.ALIAS_LOCK)
        if dropped:
            moved = self._store.run(sql.DROP_ALIASES, self._pairs(dropped)).rowcount > 0
        if leads:
            led = self._store.run(sql.LEAD_ALIASES, self._pairs(leads.items()))
            moved = any(row[0] for row in led) or moved
        return moved

    def _pairs(self, pairs: Collection[tuple[bytes, str]]) -> dict[str, Any]:
        contacts = texts([written(self.stored(contact)) for _, contact in pairs])
        return {"aliases": blobs([alias for alias, _ in pairs]), "contacts": contacts}

    def write_rows(self, rows: Mapping[str, EntityKey]) -> None:
        """Keep which row is which entity; nothing is written where it is known. Older ones stand in clear."""
        veiled = self._store.veil.row
        by_stored = {indexed(veiled(row)): slot for row, slot in rows.items()}
        parameters = {
            "rows": texts(by_stored),
            "entities": smalls([_NUMBERS[entity] for entity, _ in by_stored.values()]),
            "keys": texts([written(k if e == "order" else self.stored(k)) for e, k in by_stored.values()]),
        }
        self._store.run(sql.WRITE_ROWS, parameters)
        if clear := [indexed(row) for row in rows if veiled(row) != row]:
            self._store.run(sql.CLEAR_ROWS, {"rows": texts(clear)})

    def keys_of(self, rows: Collection[str]) -> dict[str, str]:
        """The entity keys of rows. A key kept only as a hash is of no use to anybody: as if unknown."""
        if not rows:
            return {}
        by_stored = {indexed(stored): row for row in rows for stored in (row, self._store.veil.row(row))}
        found = self._store.run(sql.KEYS_OF, {"rows": texts(by_stored)})
        keys = {by_stored[row]: read(key) for row, key in found}
        return {row: key for row, key in keys.items() if not self._store.veil.veiled(key)}
