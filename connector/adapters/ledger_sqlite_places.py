"""Where heads stand in a ledger file: the numbers of their rows, by `spread` (see ledger_rows).

New ones stand in memory, and go into the table `spreads` by many at once, in its order: put there with their
heads, random keys dirtied a page each, and a turn took 20 µs a record at a million heads, now 11 (measured).
After a start they are read from `heads`, where they are those with a number above `meta.merged`. So no
number may be given twice: whoever deletes heads leaves the last one.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

FRESH: Final = 32_768
"""Heads, 3.5 MB of memory."""
_UNKNOWN: Final = -1


class Places:
    """Every method but `forget` belongs into a transaction, `refresh` to its beginning and `tidy` to its end.

    most: so many stand in memory, and those of one turn.
    """

    def __init__(self, db: sqlite3.Connection, most: int) -> None:
        """Nothing is read yet."""
        self._db, self._most = db, most
        self._fresh: dict[int, int] = {}
        self._merged = self._last = _UNKNOWN
        self._written = False

    def refresh(self) -> None:
        """Learn what others have put."""
        sql = "SELECT value, (SELECT max(number) FROM heads) FROM meta WHERE name = 'merged'"
        merged, last = self._db.execute(sql).fetchone()
        self._written = False
        if merged != self._merged:
            self._fresh, self._merged, self._last = {}, merged, merged
        if last is not None and last > self._last:
            new = self._db.execute("SELECT spread, number FROM heads WHERE number > ?", (self._last,))
            self._learn(new.fetchall(), last)

    def forget(self) -> None:
        """The transaction was rolled back."""
        if self._written:
            self._merged = _UNKNOWN

    def put(self, spreads: Sequence[int], last: int) -> None:
        """The rows up to the number `last`, which were just written, have these."""
        self._written = True
        self._learn(list(zip(spreads, range(last - len(spreads) + 1, last + 1), strict=True)), last)

    def fresh(self, spreads: Sequence[int]) -> list[int]:
        """The numbers of those that are not in the table."""
        find = self._fresh.get
        return [number for spread in spreads if (number := find(spread)) is not None]

    def tidy(self) -> None:
        """Let no more than `most` be in memory."""
        if len(self._fresh) > self._most:
            self._merge()

    def _learn(self, rows: list[tuple[int, int]], last: int) -> None:
        together = len(self._fresh) + len(rows)
        self._fresh.update(rows)
        self._last = last
        if len(self._fresh) < together:  # two with one spread, which only the table can hold
            self._merge()

    def _merge(self) -> None:
        """OR ROLLBACK: else SQLite keeps in memory what each page was, 18 MB at a million heads."""
        self._written = True
        new = "SELECT spread, number FROM heads WHERE number > ? ORDER BY spread, number"
        self._db.execute(f"INSERT OR ROLLBACK INTO spreads {new}", (self._merged,))
        self._db.execute("UPDATE meta SET value = ? WHERE name = 'merged'", (self._last,))
        self._fresh, self._merged = {}, self._last
