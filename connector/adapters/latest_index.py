"""What a ledger lacks of a topic, by entity: on disk, since there may be millions.

A private temporary database, as of the dead letters. Keys of entities are in it, no values of records.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from connector.core.latest import Latest, is_later

_PAGE: Final = 500
_TABLE: Final = """
    CREATE TABLE latest (slot TEXT PRIMARY KEY, part INTEGER NOT NULL, off INTEGER NOT NULL,
        record BLOB NOT NULL) WITHOUT ROWID
"""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Latest).decode


class LatestIndex:
    """The latest record of each entity."""

    def __init__(self) -> None:
        """Empty."""
        self._db = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -16000", _TABLE,
            "CREATE INDEX by_place ON latest (part, off)",
        ):  # fmt: skip
            self._db.execute(statement)

    def __len__(self) -> int:
        """Entities."""
        return int(self._db.execute("SELECT count(*) FROM latest").fetchone()[0])

    def put(self, given: Mapping[str, Latest]) -> None:
        """Keep them, by slot, but where a later one is kept."""
        kept = self._find(list(given))
        rows = [
            (slot, one.partition, one.offset, _encode(one))
            for slot, one in given.items()
            if slot not in kept or is_later(one, kept[slot])
        ]
        self._write("INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?)", rows)

    def drop(self, slots: Iterable[str]) -> None:
        """They are not lacking."""
        self._write("DELETE FROM latest WHERE slot = ?", ((slot,) for slot in slots))

    def pages(self) -> Iterator[list[Latest]]:
        """All of them, some at a time; what is dropped meanwhile does no harm."""
        after = ""
        sql = f"SELECT slot, record FROM latest WHERE slot > ? ORDER BY slot LIMIT {_PAGE}"  # noqa: S608 - ours
        while page := self._db.execute(sql, (after,)).fetchall():
            yield [_decode(blob) for _, blob in page]
            after = page[-1][0]

    def first(self, limit: int) -> list[Latest]:
        """At most so many, in the order of the topic."""
        found = self._db.execute("SELECT record FROM latest ORDER BY part, off LIMIT ?", (limit,))
        return [_decode(blob) for (blob,) in found]

    def _find(self, slots: list[str]) -> dict[str, Latest]:
        found: dict[str, Latest] = {}
        for start in range(0, len(slots), _PAGE):
            some = slots[start : start + _PAGE]
            sql = f"SELECT slot, record FROM latest WHERE slot IN ({','.join('?' * len(some))})"  # noqa: S608 - marks
            found |= {slot: _decode(blob) for slot, blob in self._db.execute(sql, some)}
        return found

    def _write(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Together: a transaction each would cost more than all the rest."""
        self._db.execute("BEGIN")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Forget it all."""
        self._db.close()
