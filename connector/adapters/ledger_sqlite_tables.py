"""Rows of one destination in a ledger file, in and out of values. Every method belongs into a transaction."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from connector.adapters.ledger_rows import (
    Source,
    Veil,
    pack_doubts,
    pack_head,
    unpack_claim,
    unpack_head,
)
from connector.core.assignment import Answer
from connector.core.heads import Epoch, Epochs, Head
from connector.core.model import Entity
from connector.core.turn import Claim

EntityKey = tuple[Entity, str]
_NUMBERS: Final[dict[Entity, int]] = {"order": 0, "contact": 1}
_CHUNK: Final = 512


class Tables:
    """One destination's rows; keys go in and out as the connector knows them."""

    def __init__(self, db: sqlite3.Connection, destination: int, veil: Veil) -> None:
        """Nothing is read yet."""
        self._db, self._destination, self._veil = db, destination, veil
        self._numbers: dict[Source, int] = {}
        self._sources: dict[int, Source] = {}

    def forget(self) -> None:
        """A transaction was rolled back: numbers given in it are void."""
        self._numbers.clear()
        self._sources.clear()

    def heads(self, entity: Entity, keys: Iterable[str]) -> dict[str, Head]:
        """The heads of these keys, by key."""
        stored = self._stored(entity, keys)
        columns = "key, live, head FROM heads"
        found = self._select(columns, "AND entity = ? AND key", [*stored], _NUMBERS[entity])
        source = self._source
        return {stored[key]: unpack_head(blob, source, live=bool(live)) for key, live, blob in found}

    def claims(self, entity: Entity, keys: Iterable[str]) -> dict[str, Claim]:
        """The open claims of these keys, by key."""
        stored = self._stored(entity, keys)
        columns = "key, owner, head, doubts FROM claims"
        found = self._select(columns, "AND entity = ? AND key", [*stored], _NUMBERS[entity])
        source = self._source
        return {stored[key]: unpack_claim(owner, head, doubts, source) for key, owner, head, doubts in found}

    def _stored(self, entity: Entity, keys: Iterable[str]) -> dict[str, str]:
        """Keys by how they are stored: only a contact's can be personal data."""
        if entity == "order":
            return {key: key for key in keys}
        return {self._veil.key(key): key for key in keys}

    def _key(self, entity: Entity, key: str) -> str:
        return key if entity == "order" else self._veil.key(key)

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
        return pack_head(head, self._number)

    def write_heads(self, heads: Iterable[tuple[Entity, str, bool, bytes]]) -> None:
        """Put packed heads, each with its `live`."""
        self._db.executemany(
            "INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?, ?)",
            [(self._destination, _NUMBERS[e], self._key(e, key), live, blob) for e, key, live, blob in heads],
        )

    def write_claims(self, claims: Iterable[tuple[Entity, str, Claim, bytes]], since_ms: int) -> None:
        """Put claims, each with its packed head."""
        number = self._number
        self._db.executemany(
            "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (self._destination, _NUMBERS[e], self._key(e, key), claim.owner, since_ms, blob,
                 pack_doubts(claim, number))
                for e, key, claim, blob in claims
            ],
        )  # fmt: skip

    def drop_claims(self, keys: Iterable[EntityKey], owner: int) -> int:
        """Delete the claims of this owner on these keys; return how many it had."""
        return self._db.executemany(
            "DELETE FROM claims WHERE destination = ? AND entity = ? AND key = ? AND owner = ?",
            [(self._destination, _NUMBERS[entity], self._key(entity, key), owner) for entity, key in keys],
        ).rowcount

    def lead(self, contact: str, now: Sequence[bytes], dropped: Iterable[bytes]) -> bool:
        """Let aliases lead to a contact, and others no longer; True where one led to another before."""
        mine = self._veil.key(contact)
        before = self.led_to(now)
        self._db.executemany(
            "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)",
            [(self._destination, alias, mine) for alias in now if before.get(alias) != mine],
        )
        lost = self._db.executemany(
            "DELETE FROM aliases WHERE destination = ? AND alias = ? AND contact = ?",
            [(self._destination, alias, mine) for alias in dropped],
        )
        return lost.rowcount > 0 or any(contact != mine for contact in before.values())

    def write_rows(self, rows: Iterable[tuple[str, Entity, str]]) -> None:
        """Keep which row is which entity; nothing is written where it is known."""
        self._db.executemany(
            "INSERT INTO rows VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET entity = excluded.entity, "
            "key = excluded.key WHERE entity != excluded.entity OR key != excluded.key",
            [(self._destination, row, _NUMBERS[e], self._key(e, key)) for row, e, key in rows],
        )

    def keys_of(self, rows: Sequence[str]) -> dict[str, str]:
        """The entity keys of rows. A key kept only as a hash is of no use to anybody: as if unknown."""
        found = self._select("row, key FROM rows", "AND row", list(set(rows)))
        return {row: key for row, key in found if not self._veil.veiled(key)}

    def epochs(self) -> Epochs:
        """All of them, highest rank first."""
        found = self._db.execute(
            "SELECT rank, clock, since_ms FROM epochs WHERE destination = ? ORDER BY rank DESC",
            (self._destination,),
        )
        return tuple(Epoch(*row) for row in found)

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

    def _number(self, source: Source) -> int:
        number = self._numbers.get(source)
        if number is None:
            self._db.execute(
                "INSERT INTO sources (clock, topic, partition) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                source,
            )
            where = "clock = ? AND topic = ? AND partition = ?"
            number = self._db.execute(f"SELECT number FROM sources WHERE {where}", source).fetchone()[0]  # noqa: S608
            self._numbers[source] = number
        return number

    def _source(self, number: int) -> Source:
        source = self._sources.get(number)
        if source is None:
            sql = "SELECT clock, topic, partition FROM sources WHERE number = ?"
            source = self._sources[number] = self._db.execute(sql, (number,)).fetchone()
        return source
