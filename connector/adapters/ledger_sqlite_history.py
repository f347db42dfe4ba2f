"""What was accepted, when and how, in a ledger file: a log of blocks, one a turn (RULES 2).

A block is one MessagePack array, compressed where that pays. Beside it stand four bytes of each key's number,
so that a key is found by looking at those of every block: slowly, for an operator, and for a microsecond a
record more while writing. An index of the keys would cost ten times that.
"""

import sqlite3
import zlib
from array import array
from typing import Final

import msgspec

from connector.adapters.ledger_sqlite_tables import ENTITIES, NUMBERS, Slot, Tables
from connector.core.claims import Settlement
from connector.core.model import Version
from connector.core.past import OUTCOMES, VIAS, Sent, Stale, outcome_of, via_of

_LOW: Final = 0xFFFFFFFF
_ZLIB: Final = b"x"
"""How zlib's streams begin, and no array of MessagePack's."""
_AGAIN: Final = 31
_STALE: Final = OUTCOMES.index("stale")
_GO: Final = 256
"""Blocks that go at a time: some milliseconds."""
_LIVE: Final = VIAS.index("live")
_PAST: Final = VIAS.index("past_events")
"""How most are accepted: with certainty."""
_Entry = tuple[int, str, int, int | None, int | None, int | str | None, int, int, int, int]
"""Entity, key, source, lsn, ts_ms, declared, offset, timestamp_ms, attempts, how."""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[_Entry, ...]).decode


class History:
    """One destination's. Every method but `note` belongs into a transaction."""

    def __init__(self, db: sqlite3.Connection, destination: int, tables: Tables, days: int) -> None:
        """days: how long a block stays; 0 = nothing is kept."""
        self._db, self._destination, self._tables, self._days = db, destination, tables, days
        self._entries: list[_Entry] = []
        self._marks: list[int] = []
        self._random = 0

    def note(self, slot: Slot, spread: int, one: Settlement, *, stale: bool = False) -> None:
        """One settlement of the running turn; spread: of its key."""
        if not self._days:
            return
        at, how = one.event.version, _LIVE if one.live else _PAST
        if stale or not one.certain or slot[0] == "contact":
            how = VIAS.index(via_of(one)) + 3 * OUTCOMES.index(outcome_of(one, stale=stale))
        if at is None:
            self._entries.append((NUMBERS[slot[0]], slot[1], 0, None, None, None, -1, -1, one.attempts, how))
        else:
            source = self._tables.number((at.clock, at.topic, at.partition))
            self._entries.append((
                NUMBERS[slot[0]], slot[1], source, at.lsn, at.ts_ms, at.declared, at.offset, at.timestamp_ms,
                one.attempts, how,
            ))  # fmt: skip
        self._marks.append(spread & _LOW)

    def forget(self) -> None:
        """The running turn failed."""
        self._entries, self._marks = [], []

    def flush(self, at_ms: int) -> int:
        """Write what was noted; how many."""
        entries, marks = self._entries, self._marks
        if entries:
            self.forget()
            row = self._destination, at_ms, len(entries), array("I", marks).tobytes(), self._packed(entries)
            sql = "INSERT INTO history (destination, at_ms, count, marks, entries) VALUES (?, ?, ?, ?, ?)"
            self._db.execute(sql, row)
        return len(entries)

    def _packed(self, entries: list[_Entry]) -> bytes:
        """Random keys do not become half as short: then it is tried again some blocks later."""
        raw = _encode(entries)
        if self._random:
            self._random -= 1
            return raw
        packed = zlib.compress(raw, 1)
        self._random = _AGAIN if len(packed) * 2 > len(raw) else 0
        return packed

    def is_due(self, now_ms: int) -> bool:
        """Whether the oldest block of the file has had its time."""
        found = self._db.execute("SELECT at_ms FROM history ORDER BY number LIMIT 1").fetchone()
        return found is not None and found[0] < self._limit(now_ms)

    def expire(self, now_ms: int) -> None:
        """Remove some of the oldest blocks, of all destinations, as long as they have had their time."""
        sql = f"SELECT number, destination, count, at_ms FROM history ORDER BY number LIMIT {_GO}"  # noqa: S608
        for number, destination, count, at_ms in self._db.execute(sql).fetchall():
            if at_ms >= self._limit(now_ms):
                break
            self._db.execute("DELETE FROM history WHERE number = ?", (number,))
            change = "UPDATE destinations SET history = history - ? WHERE number = ?"
            self._db.execute(change, (count, destination))

    def find(self, slot: Slot, spread: int) -> list[Sent]:
        """What was noted of a key, oldest first."""
        mark = array("I", [spread & _LOW]).tobytes()
        found = self._db.execute(
            "SELECT at_ms, entries FROM history WHERE destination = ? AND instr(marks, ?) ORDER BY number",
            (self._destination, mark),
        )
        mine = NUMBERS[slot[0]], slot[1]
        return [
            self._sent(entry, at_ms / 1000)
            for at_ms, block in found
            for entry in _decode(zlib.decompress(block) if block.startswith(_ZLIB) else block)
            if entry[:2] == mine
        ]

    def stale(self) -> list[Stale]:
        """See ports.Archive."""
        found = self._db.execute(
            "SELECT at_ms, entries FROM history WHERE destination = ? ORDER BY number", (self._destination,)
        )
        last: dict[tuple[int, str], tuple[float, _Entry]] = {}
        for at_ms, block in found:
            for entry in _decode(zlib.decompress(block) if block.startswith(_ZLIB) else block):
                if entry[-1] // 3 == _STALE:
                    last[entry[:2]] = at_ms / 1000, entry
                elif last:
                    last.pop(entry[:2], None)
        return [
            Stale(ENTITIES[entry[0]], entry[1], self._sent(entry, at).version, at)
            for at, entry in last.values()
        ]

    def _sent(self, entry: _Entry, at: float) -> Sent:
        _, _, source, lsn, ts_ms, declared, offset, timestamp_ms, attempts, how = entry
        version = None
        if source:
            clock, topic, partition = self._tables.source(source)
            version = Version(clock, lsn, ts_ms, declared, topic, partition, offset, timestamp_ms)
        return Sent(version, at, attempts, VIAS[how % 3], OUTCOMES[how // 3])

    def _limit(self, now_ms: int) -> int:
        return now_ms - self._days * 86_400_000
