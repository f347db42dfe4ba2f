"""Rows of one destination in a ledger file, in and out of values. Every method belongs into a transaction."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from msgspec import Struct

from connector.adapters.ledger_rows import Source, Veil, pack_head, spread, unpack_head
from connector.adapters.ledger_sqlite_places import Places
from connector.core.assignment import Answer
from connector.core.claims import Count
from connector.core.heads import Epoch, Epochs, Head
from connector.core.model import Entity

Slot = tuple[Entity, str]
"""An entity and its key as it is stored."""
NUMBERS: Final[dict[Entity, int]] = {"order": 0, "contact": 1, "event": 2}
ENTITIES: Final[tuple[Entity, ...]] = ("order", "contact", "event")
_FACTS: Final = 1 << 31
_CHUNK: Final = 512
_BLOCK: Final = 64
_INSERT: Final = "INSERT INTO heads (spread, destination, entity, key, live, head) VALUES "
_INSERTS: Final = {
    size: _INSERT + ", ".join(["(?, ?, ?, ?, ?, ?)"] * size) for size in (64, 32, 16, 8, 4, 2, 1)
}
"""Many rows a statement: a third less time than one a statement (measured)."""


class Found(Struct, frozen=True, gc=False):
    """A head's row."""

    number: int
    live: bool
    blob: bytes


class Heads(Struct):
    """Packed heads to be written together. new: the values of their columns, one head after the other; and
    their spreads."""

    destination: int
    spreads: list[int] = []
    new: list[int | str | bytes] = []
    old: list[tuple[bool, bytes, int]] = []

    def put(self, slot: Slot, spread: int, number: int | None, live: bool, blob: bytes) -> None:
        """number: that of the head's row (None: it has none yet)."""
        if number is None:
            self.spreads.append(spread)
            self.new += (spread, self.destination, NUMBERS[slot[0]], slot[1], live, blob)
        else:
            self.old.append((live, blob, number))


class _Numbers(dict[Source, int]):
    """Sources by number, given on their first use. A dict, since it is asked for each record."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__()
        self._db = db

    def __missing__(self, source: Source) -> int:
        put = "INSERT INTO sources (clock, topic, partition) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        self._db.execute(put, source)
        sql = "SELECT number FROM sources WHERE clock = ? AND topic = ? AND partition = ?"
        number: int = self._db.execute(sql, source).fetchone()[0]
        self[source] = number
        return number


class Tables:
    """One destination's rows. Heads are asked for by slot, the rest by keys as the connector knows them."""

    def __init__(self, db: sqlite3.Connection, destination: int, veil: Veil, fresh: int) -> None:
        """Nothing is read yet. fresh: see Places."""
        self.places = Places(db, fresh)
        self._db, self._destination, self._veil = db, destination, veil
        self._numbers = _Numbers(db)
        self.number: Callable[[Source], int] = self._numbers.__getitem__
        self._sources: dict[int, Source] = {}
        self.made = 0
        """Heads that were new in the running transaction."""

    def forget(self) -> None:
        """A transaction was rolled back: numbers given in it are void."""
        self._numbers.clear()
        self._sources.clear()
        self.places.forget()
        self.made = 0

    def slot(self, entity: Entity, key: str) -> Slot:
        """Where an entity is kept: an order's key is no personal data."""
        return entity, key if entity == "order" else self._veil.key(key)

    def spreads(self, slots: Iterable[Slot]) -> list[int]:
        """The number by which each head is found."""
        number = self._destination
        starts = {"order": number << 1, "contact": number << 1 | 1, "event": number | _FACTS}
        return [spread(key, starts[entity]) for entity, key in slots]

    def find(self, spreads: Sequence[int]) -> dict[Slot, Found]:
        """The heads of these numbers (and maybe of others that share one)."""
        columns = "entity, key, number, live, head FROM"
        from_tree = f"{columns} spreads CROSS JOIN heads USING (number)"
        old = self._select(from_tree, "AND spreads.spread", spreads)
        fresh = self._select(f"{columns} heads", "AND number", self.places.fresh(spreads))
        return {(ENTITIES[entity], key): Found(number, live == 1, blob)
                for entity, key, number, live, blob in chain(old, fresh)}  # fmt: skip

    def heads(self, entity: Entity, keys: Iterable[str]) -> dict[str, Head]:
        """The heads of these keys, by key."""
        slots = {key: (entity, key if entity == "order" else self._veil.key(key)) for key in keys}
        found = self.find(self.spreads(slots.values()))
        return {key: self.unpack(found[slot]) for key, slot in slots.items() if slot in found}

    def led_to(self, aliases: Iterable[bytes]) -> dict[bytes, str]:
        """The contacts that these aliases lead to, by their stored keys (see `stored`)."""
        return dict(self._select("alias, contact FROM aliases", "AND alias", list(set(aliases))))

    def stored(self, key: str) -> str:
        """A key as it is stored. Storing a stored key changes nothing."""
        return self._veil.key(key)

    def alias(self, alias: str) -> bytes:
        """An alias as it is stored."""
        return self._veil.alias(alias)

    def pack(self, head: Head) -> bytes:
        """A head as it is stored."""
        return pack_head(head, self.number)

    def unpack(self, found: Found) -> Head:
        """The reverse."""
        return unpack_head(found.blob, self.source, live=found.live)

    def writing(self) -> Heads:
        """Nothing to write yet."""
        return Heads(self._destination)

    def write_heads(self, heads: Heads) -> None:
        """Write them, and leave none behind."""
        width, start, made = 6, 0, len(heads.spreads)
        self.made += made
        while left := made - start:
            size = min(_BLOCK, 1 << (left.bit_length() - 1))
            end = start + size
            put = self._db.execute(_INSERTS[size], heads.new[start * width : end * width])
            self.places.put(heads.spreads[start:end], put.lastrowid or 0)
            start = end
        self._db.executemany("UPDATE heads SET live = ?, head = ? WHERE number = ?", heads.old)
        heads.new.clear()
        heads.spreads.clear()
        heads.old.clear()

    def lead(self, contact: str, now: Sequence[bytes], dropped: Iterable[bytes]) -> bool:
        """Let aliases lead to a contact, and others no longer; True where one led to another before.

        A guest takes no customer's.
        """
        mine, veiled = self._veil.key(contact), self._veil.veiled
        before = self.led_to(now)
        if veiled(mine):
            now = [alias for alias in now if veiled(before.get(alias, mine))]
            before = {alias: before[alias] for alias in now if alias in before}
        self._db.executemany(
            "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)",
            [(self._destination, alias, mine) for alias in now if before.get(alias) != mine],
        )
        lost = self._db.executemany(
            "DELETE FROM aliases WHERE destination = ? AND alias = ? AND contact = ?",
            [(self._destination, alias, mine) for alias in dropped],
        )
        return lost.rowcount > 0 or any(contact != mine for contact in before.values())

    def write_rows(self, rows: Iterable[tuple[str, Slot]]) -> None:
        """Keep which row is which entity; nothing is written where it is known. Older ones stand in clear."""
        number, kept = self._destination, [(row, self._veil.row(row), slot) for row, slot in rows]
        self._db.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET entity = excluded.entity, "
            "key = excluded.key WHERE entity != excluded.entity OR key != excluded.key",
            [(number, row, NUMBERS[entity], key) for _, row, (entity, key) in kept],
        )
        clear = "DELETE FROM rows WHERE destination = ? AND row = ?"
        self._db.executemany(clear, [(number, row) for row, stored, _ in kept if stored != row])

    def count_orders(self, new: Mapping[str, Sequence[str]]) -> list[Count]:
        """Add new orders, by client their keys, to what the clients have."""
        by_stored = {self._veil.key(client): orders for client, orders in new.items()}
        self._db.executemany(
            "INSERT INTO clients VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET orders = orders + excluded.orders",
            [(self._destination, client, len(orders)) for client, orders in by_stored.items()],
        )
        found = self.orders_of(list(by_stored))
        return [Count(found[client], len(added), added[-1]) for client, added in by_stored.items()]

    def orders_of(self, clients: Sequence[str]) -> dict[str, int]:
        """How many orders clients have, by their stored keys."""
        return dict(self._select("client, orders FROM clients", "AND client", clients))

    def keys_of(self, rows: Sequence[str]) -> dict[str, str]:
        """The entity keys of rows. A key kept only as a hash is of no use to anybody: as if unknown."""
        asked = {row: row for row in rows} | {self._veil.row(row): row for row in rows}
        found = self._select("row, key FROM rows", "AND row", list(asked))
        return {asked[row]: key for row, key in found if not self._veil.veiled(key)}

    def epochs(self) -> Epochs:
        """All of them, highest rank first."""
        sql = "SELECT rank, clock, since_ms FROM epochs WHERE destination = ? ORDER BY rank DESC"
        return tuple(Epoch(*row) for row in self._db.execute(sql, (self._destination,)))

    def add_epoch(self, clock: str, since_ms: int, reason: str, at: float) -> None:
        """Rank a clock above all before."""
        rank = "(SELECT ifnull(max(rank), 0) + 1 FROM epochs WHERE destination = ?)"
        self._db.execute(
            f"INSERT INTO epochs VALUES (?, {rank}, ?, ?, ?, ?)",  # noqa: S608
            (self._destination, self._destination, clock, since_ms, reason, at),
        )

    def answers(self) -> list[Answer]:
        """Oldest first."""
        sql = "SELECT topic, partition, start, accept, at FROM answers WHERE destination = ? ORDER BY number"
        return [Answer(*row) for row in self._db.execute(sql, (self._destination,))]

    def add_answer(self, answer: Answer, at: float) -> None:
        """Put an answer."""
        self._db.execute(
            "INSERT INTO answers (destination, topic, partition, start, accept, at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (self._destination, answer.topic, answer.partition, answer.start, answer.accept, at),
        )

    def _select(self, what: str, where: str, keys: Sequence[object], *first: object) -> Iterator[tuple]:  # type: ignore[type-arg]
        """In chunks of few sizes, so that SQLite's statement cache holds; the last key fills up."""
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            size = 1 << (len(chunk) - 1).bit_length()
            marks = ",".join("?" * size)
            sql = f"SELECT {what} WHERE destination = ? {where} IN ({marks})"
            filled = [*chunk, *[chunk[-1]] * (size - len(chunk))]
            yield from self._db.execute(sql, (self._destination, *first, *filled))

    def source(self, number: int) -> Source:
        """The reverse."""
        if number not in self._sources:
            sql = "SELECT clock, topic, partition FROM sources WHERE number = ?"
            self._sources[number] = self._db.execute(sql, (number,)).fetchone()
        return self._sources[number]
