"""A lane without its sending: it follows what it reads, and settles what a test says."""

import time
from collections.abc import Callable, Mapping, Sequence

from connector.core.model import Position, Record
from connector.lane.partitions import Partitions
from connector.ports import Assigned, Clock, Ledger, Placed, Source, TopicPartition
from tests.fakes.ledger import FakeLedger
from tests.fakes.meter import FakeMeter

WAIT_SECONDS = 120.0


class RealClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Member:
    """ports.Members on the real Partitions. `failures` are raised by the next assignments, one each.

    `settles`: whether a revocation finds everything settled, as after a drain that came to its end.
    """

    def __init__(
        self, *, ledger: Ledger | None = None, start: str = "earliest", clock: Clock | None = None
    ) -> None:
        self.ledger = ledger or FakeLedger(now=time.time)
        self.meter = FakeMeter()
        self.partitions = Partitions("yespo", self.ledger, clock or RealClock(), self.meter, start)
        self.records: list[Record] = []
        self.open: list[Position] = []
        self.failures: list[Exception] = []
        self.heard: list[tuple[str, tuple[TopicPartition, ...]]] = []
        self.given: dict[TopicPartition, Assigned] = {}
        self.settles = True
        self.limit = 1000
        self._source: Source

    def attach(self, source: Source) -> Source:
        """Read from this source."""
        self._source = source
        return source

    # --- ports.Members

    def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
        if self.failures:
            raise self.failures.pop(0)
        self._hear("assigned", [(one.topic, one.partition) for one in partitions])
        self.given |= {(one.topic, one.partition): one for one in partitions}
        return self.partitions.assign(partitions, self._source.resolve)

    def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self._hear("revoked", partitions)
        if self.settles:
            self.settle()
        offsets = {k: o for k, o in self.partitions.to_commit().items() if k in partitions}
        self.partitions.forget(partitions)
        return offsets

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._hear("lost", partitions)
        self.partitions.forget(partitions)

    def _hear(self, what: str, keys: Sequence[TopicPartition]) -> None:
        self.heard.append((what, tuple(sorted(keys))))

    # --- What a lane does

    def turn(self, timeout: float = 0.05) -> list[Record]:
        """Poll once; every record is open from then on."""
        records = self._source.poll(self.limit, timeout)
        for record in records:
            at = record.position
            self.partitions.tracks[at.topic, at.partition].open(at.offset, record.timestamp_ms)
            self.open.append(at)
        self.records += records
        return records

    def until(self, done: Callable[[], object], *others: "Member") -> None:
        """Take turns, with `others`, until something is so; fail after two minutes."""
        limit = time.monotonic() + WAIT_SECONDS
        while not done():
            assert time.monotonic() < limit, f"did not come true; heard {self.heard}"
            for one in (self, *others):
                one.turn()

    def read(self, count: int) -> list[bytes | None]:
        """Take turns until so many records were read since the start; returns the values of all."""
        self.until(lambda: len(self.records) >= count)
        return [record.value for record in self.records]

    def idle(self, seconds: float = 0.5) -> None:
        """Take turns for a while."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.turn()

    def settle(self) -> None:
        """Everything that was read is done."""
        for position in self.open:
            self.partitions.settle(position)
        self.open.clear()

    def commit(self, *, wait: bool = True) -> dict[TopicPartition, int]:
        """Commit as a lane does; returns what was taken."""
        self.partitions.show_lag(self._source)
        offsets = self.partitions.to_commit()
        if not offsets or not self._source.commit(offsets, wait=wait):
            return {}
        self.partitions.committed(offsets)
        return offsets

    @property
    def held(self) -> set[TopicPartition]:
        """The partitions that are this member's now."""
        return set(self.partitions.tracks)

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """(partition, offset) of all that was read, in order."""
        return [(record.position.partition, record.position.offset) for record in self.records]
