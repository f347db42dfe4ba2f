"""Where the letters are that an operator means, by id: on disk, since there may be millions.

A private temporary database: SQLite makes its file, unlinked, when it outgrows the cache, and it is gone
with the process. No keys, values or headers of records are in it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from connector.core.letters import Filed, Group

_PAGE: Final = 500
_TABLE: Final = """
    CREATE TABLE letters (id TEXT PRIMARY KEY, part INTEGER NOT NULL, off INTEGER NOT NULL,
        destination TEXT NOT NULL, topic TEXT NOT NULL, topic_id TEXT NOT NULL, cause TEXT NOT NULL,
        time_ms INTEGER NOT NULL) WITHOUT ROWID
"""


class LettersIndex:
    """The newest place of each letter that is not gone."""

    def __init__(self) -> None:
        """Empty."""
        self._db = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size = -16000",
            _TABLE,
            "CREATE INDEX by_place ON letters (part, off)",
        ):
            self._db.execute(statement)
        self._details: dict[tuple[str, str, str], str] = {}

    def __len__(self) -> int:
        """Letters."""
        return int(self._db.execute("SELECT count(*) FROM letters").fetchone()[0])

    def _write(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Together: a transaction each would cost more than all the rest."""
        self._db.execute("BEGIN")
        self._db.executemany(statement, rows)
        self._db.execute("COMMIT")

    def put(self, letters: Iterable[Filed]) -> None:
        """They are where they are now."""
        self._write("INSERT OR REPLACE INTO letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(self._row, letters))

    def drop(self, ids: Iterable[str]) -> None:
        """They are gone, or no longer meant."""
        self._write("DELETE FROM letters WHERE id = ?", ((one,) for one in ids))

    def _row(self, filed: Filed) -> tuple[object, ...]:
        letter = filed.letter
        topic = letter.record.position.topic
        self._details[letter.destination, topic, letter.cause] = letter.detail
        return (
            filed.id, *filed.place, letter.destination, topic, letter.topic_id, letter.cause, filed.time_ms,
        )  # fmt: skip

    def groups(self) -> list[Group]:
        """By destination, topic and cause, the largest first."""
        sql = (
            "SELECT destination, topic, cause, count(*), min(time_ms), max(time_ms) FROM letters "
            "GROUP BY destination, topic, cause ORDER BY count(*) DESC, destination, topic, cause"
        )
        return [
            Group(*row, detail=self._details[row[0], row[1], row[2]])  # type: ignore[misc]
            for row in self._db.execute(sql)
        ]

    def sources(self, destination: str) -> list[tuple[str, str, int]]:
        """The topics, each with its id, that a destination's letters come from, and how many do."""
        sql = (
            "SELECT topic, topic_id, count(*) FROM letters WHERE destination = ? "
            "GROUP BY topic, topic_id ORDER BY topic, topic_id"
        )
        return [(topic, topic_id, count) for topic, topic_id, count in self._db.execute(sql, (destination,))]

    def spans(self) -> dict[int, tuple[int, int]]:
        """Where to look for them."""
        sql = "SELECT part, min(off), max(off) + 1 FROM letters GROUP BY part"
        return {part: (first, end) for part, first, end in self._db.execute(sql)}

    def has(self, part: int, offs: Sequence[int]) -> set[int]:
        """Which of these offsets, in their order, are places of letters."""
        sql = "SELECT off FROM letters WHERE part = ? AND off BETWEEN ? AND ?"
        return {off for (off,) in self._db.execute(sql, (part, offs[0], offs[-1]))}

    def ids(self) -> Iterator[list[tuple[str, str]]]:
        """All of them, some at a time: id and cause. What is dropped meanwhile does no harm."""
        after = ""
        sql = f"SELECT id, cause FROM letters WHERE id > ? ORDER BY id LIMIT {_PAGE}"  # noqa: S608 - ours
        while page := self._db.execute(sql, (after,)).fetchall():
            yield page
            after = page[-1][0]

    def cause(self, id_: str) -> str | None:
        """Of one letter, None: it is not there."""
        found = self._db.execute("SELECT cause FROM letters WHERE id = ?", (id_,)).fetchone()
        return None if found is None else str(found[0])

    def close(self) -> None:
        """Forget it all."""
        self._db.close()
