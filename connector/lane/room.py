"""Room for records: how much more may be decoded, and of which partitions more may be read (promise 8)."""

from connector.core.budget import Budget
from connector.core.model import Record
from connector.lane.books import expected
from connector.lane.parts import Parts
from connector.ports import TopicPartition

FETCH = 1000
"""Records taken from Kafka a turn, at most."""
ENOUGH = 1000
"""Events that are ready to be claimed; beside so many no more are made, to lie about in memory."""
AHEAD = 200_000
"""Offsets that a partition's watermark may be behind before the partition is paused: at most so much is read
anew after a crash."""


class Room:
    """One lane's budget against what its books say.

    full: no more is read, until a quarter of what received records may take has become free.
    sated: enough is ready, as of the last `wanted`.
    """

    def __init__(self, parts: Parts, budget: Budget) -> None:
        """All of it is free."""
        self._books, self._plan, self._partitions = parts.books, parts.plan, parts.partitions
        self._meter, self._budget = parts.meter, budget
        self._behind: set[TopicPartition] = set()
        self.full = self.sated = False
        self._fetch = min(FETCH, budget.records)

    def wanted(self) -> int:
        """How many records to ask for: while enough is ready one, since the group wants to be asked."""
        self.sated = self._plan.ready >= ENOUGH
        return 1 if self.sated else self._fetch

    @property
    def limit(self) -> int:
        """Bytes that received records may take."""
        return self._budget.own(self._books.largest)

    def fits(self, record: Record, limit: int) -> bool:
        """Whether a received record may be decoded now; one larger than all the room there is goes alone."""
        if self._books.bytes + expected(record) <= limit or not len(self._plan):
            return True
        self.full = True
        return False

    def shut(self, *, stop: bool) -> set[TopicPartition]:
        """What is not to be read now: all of it while the room is full, or `stop`."""
        limit = self.limit
        self.full = self._books.bytes > (limit * 3 // 4 if self.full else limit)
        if self.full or stop:
            return set(self._partitions.tracks)
        return self._partitions.tracks.keys() & (self._behind | self._partitions.asking.keys())

    def show(self, name: str, fetched: int) -> None:
        """Export it, and see who is far ahead. fetched: bytes of what was read ahead."""
        self._meter.set("fetched_bytes", fetched, destination=name)
        self._meter.set("memory_bytes", self._books.bytes + fetched, destination=name)
        self._meter.set("memory_budget_bytes", self._budget.total, destination=name)
        tracks = self._partitions.tracks
        self._behind = {key for key, track in tracks.items() if track.spread > AHEAD}
