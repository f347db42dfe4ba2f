"""Open claims of one destination in a ledger file (RULES 2).

Few rows: each holds up to 62 claims that one turn granted, as one blob, and a number with a bit set for each
that is still open; when the last is settled, the row goes. An owner keeps its own claims in memory, where
settling finds them. Rows of others, and own ones that memory has lost, are read, and only when they changed.
"""

import itertools
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from connector.adapters.ledger_rows import Entry, pack_entries, unpack_entries, unpack_head
from connector.adapters.ledger_sqlite_tables import ENTITIES, NUMBERS, Slot, Tables
from connector.core.heads import Head
from connector.core.model import Version
from connector.core.turn import NOBODY, Claim

_BITS: Final = 62


class Row(Struct, gc=False):
    """A row of claims: `open` has a bit for each that is not settled."""

    owner: int
    number: int
    open: int
    entries: tuple[Entry, ...] = ()


class Held(Struct, gc=False):
    """An own claim: what the settle of its version needs, so that it reads nothing.

    blob: the packed head to be, but for `live`. number, spread: where the head's row is (None: nowhere yet).
    """

    version: Version | None
    blob: bytes
    number: int | None
    spread: int
    live: bool = False
    doubts: tuple[Head, ...] = ()
    row: Row | None = None
    bit: int = 0


class Claims:
    """At most one open claim a slot. What reads or writes belongs into a transaction, `flush` to its end."""

    def __init__(self, db: sqlite3.Connection, destination: int, owner: int, tables: Tables) -> None:
        """Nothing is read yet."""
        self._db, self._destination, self._owner, self._tables = db, destination, owner, tables
        self._numbers = itertools.count((owner << 32) + 1)
        self._lost = 0
        self._rows: dict[int, Row] = {}
        self.others: dict[Slot, tuple[Row, int]] = {}
        self._touched: dict[int, Row] = {}
        self.mine: dict[Slot, Held] = {}

    def lose(self) -> None:
        """Memory may be wrong (a failed transaction, a claim taken over): read own rows as others' are."""
        self.mine.clear()
        self._touched.clear()
        self._rows.clear()
        self.others.clear()
        self._lost = next(self._numbers)

    def refresh(self) -> None:
        """Read what others changed since the last turn; nearly always nothing."""
        sql = (
            "SELECT number, owner, open FROM claims WHERE destination = ?1 AND (owner, number) <= (?2, ?3) "
            "UNION ALL SELECT number, owner, open FROM claims WHERE destination = ?1 AND owner > ?2"
        )
        found = {
            number: (owner, left)
            for number, owner, left in self._db.execute(sql, (self._destination, self._owner, self._lost))
        }
        for row in [row for row in self._rows.values() if found.get(row.number) != (row.owner, row.open)]:
            self._forget(row)
        for number, (owner, left) in found.items():
            if number not in self._rows:
                self._learn(Row(owner, number, left, self._entries(owner, number)))

    def get(self, slot: Slot) -> Claim | None:
        """The open claim of a slot."""
        held = self.mine.get(slot)
        if held is not None:
            return self.claim(held)
        if slot not in self.others:
            return None
        row, at = self.others[slot]
        return row.entries[at].claim(row.owner, self._tables.source)

    def claim(self, held: Held) -> Claim:
        """An own claim, in full."""
        return Claim(self._owner, unpack_head(held.blob, self._tables.source, live=held.live), held.doubts)

    def settle(self, held: Held) -> None:
        """Close an own claim that was taken out of `mine`."""
        row = held.row
        if row is not None:
            row.open ^= held.bit
            self._touched[row.number] = row

    def drop(self, slot: Slot) -> bool:
        """Close any claim; True where another owner may think that it is still its own."""
        held = self.mine.pop(slot, None)
        if held is not None:
            self.settle(held)
            return False
        row, at = self.others.pop(slot)
        row.open ^= 1 << at
        self._touched[row.number] = row
        return row.owner not in {self._owner, NOBODY}

    def hold(self, granted: Iterable[tuple[Slot, Held]], since_ms: int) -> None:
        """Put own claims, on slots without one."""
        granted = list(granted)
        for start in range(0, len(granted), _BITS):
            row, entries, bit = Row(self._owner, next(self._numbers), 0), [], 1
            for slot, held in granted[start : start + _BITS]:
                held.row, held.bit = row, bit
                bit <<= 1
                entries.append(
                    (NUMBERS[slot[0]], slot[1], held.blob, self._doubts(held.doubts) if held.doubts else ())
                )
                self.mine[slot] = held
            row.open = bit - 1
            self._write(row, since_ms, entries)

    def leave(self, slot: Slot, claim: Claim, since_ms: int) -> None:
        """Put what is left of a claim that nobody holds any more, on a slot without one."""
        entry = NUMBERS[slot[0]], slot[1], self._tables.pack(claim.head), self._doubts(claim.doubts)
        row = Row(NOBODY, next(self._numbers), 1, (Entry(*entry),))
        self._write(row, since_ms, [entry])
        self._learn(row)

    def flush(self) -> None:
        """Write what was closed."""
        gone = [row for row in self._touched.values() if not row.open]
        rest = [row for row in self._touched.values() if row.open]
        where = "WHERE destination = ? AND owner = ? AND number = ?"
        self._db.executemany(
            f"DELETE FROM claims {where}",  # noqa: S608
            [(self._destination, row.owner, row.number) for row in gone],
        )
        self._db.executemany(
            f"UPDATE claims SET open = ? {where}",  # noqa: S608
            [(row.open, self._destination, row.owner, row.number) for row in rest],
        )
        for row in gone:
            self._rows.pop(row.number, None)
        self._touched.clear()

    def _write(
        self, row: Row, since_ms: int, entries: Sequence[tuple[int, str, bytes, tuple[bytes, ...]]]
    ) -> None:
        self._db.execute(
            "INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?)",
            (self._destination, row.owner, row.number, since_ms, row.open, pack_entries(entries)),
        )

    def _doubts(self, doubts: tuple[Head, ...]) -> tuple[bytes, ...]:
        return tuple(map(self._tables.pack, doubts))

    def _entries(self, owner: int, number: int) -> tuple[Entry, ...]:
        where = "WHERE destination = ? AND owner = ? AND number = ?"
        sql = f"SELECT entries FROM claims {where}"  # noqa: S608
        return unpack_entries(self._db.execute(sql, (self._destination, owner, number)).fetchone()[0])

    def _learn(self, row: Row) -> None:
        self._rows[row.number] = row
        for at, entry in enumerate(row.entries):
            if row.open >> at & 1:
                self.others[ENTITIES[entry.entity], entry.key] = row, at

    def _forget(self, row: Row) -> None:
        del self._rows[row.number]
        for entry in row.entries:
            slot = ENTITIES[entry.entity], entry.key
            if slot in self.others and self.others[slot][0] is row:
                del self.others[slot]
