"""What a lane owes: which positions are open, how much memory they hold, and what became of each."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from connector.core.brake import Brake
from connector.core.letters import Letter
from connector.core.model import Position, Record
from connector.core.plan import Item
from connector.core.weight import weight
from connector.lane.partitions import Partitions
from connector.lane.troubles import Troubles
from connector.ports import Clock, Meter

RecordOutcome = Literal[
    "delivered", "duplicate", "superseded", "unchanged", "filtered", "dead_lettered", "in_doubt"
]
RAW: Final = 256
"""Bytes of objects around a record that is not decoded yet (measured: 210)."""
DECODED: Final = 8
"""A record on its way, its request included, takes about so many times its bytes, …"""
MADE: Final = 3072
"""… and so many bytes of objects, those of a contact made for it among them (measured: orders of 3, 100 and
10,000 items took 5.9 KB for 409 bytes, 90 KB for 9.8 KB, 8.8 MB for 0.97 MB)."""
LARGE: Final = 32_768
"""From so many bytes on the event is weighed, since it may hold little of its record, …"""
SENT: Final = 3
"""… and may be there so many times: itself, its texts encoded, its request."""


class Books:
    """Opened with every record received, closed with exactly one outcome each."""

    def __init__(
        self, destination: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter
    ) -> None:
        """Nothing is owed."""
        self._destination, self._partitions, self._brake = destination, partitions, brake
        self._clock, self._meter = clock, meter
        self._outcomes: Counter[tuple[str, RecordOutcome]] = Counter()
        self._ages: list[float] = []
        self.totals: Counter[str] = Counter()
        self.causes: Counter[str] = Counter()
        self.troubles = Troubles(clock)
        self.accepted_at: float | None = None
        self.bytes = self.largest = 0
        self.closed = 0

    def receive(self, records: Sequence[Record]) -> None:
        """Their positions are open from now on."""
        tracks = self._partitions.tracks
        for record in records:
            at, size = record.position, record.held
            tracks[at.topic, at.partition].open(at.offset, record.timestamp_ms)
            self.bytes += size + RAW
            self.largest = max(self.largest, size)

    def plan(self, item: Item) -> None:
        """It is on its way from now on, and takes more memory than its record alone."""
        size = item.event.size
        grown = size * DECODED
        if size > LARGE:
            grown = min(grown, weight(item.event) * SENT)
        item.cost = grown + MADE
        self.bytes += item.cost

    def close(self, record: Record, outcome: RecordOutcome) -> None:
        """It is settled: free its position, count it."""
        self.bytes -= record.held + RAW
        self.free(record.position, outcome)

    def free(self, position: Position, outcome: RecordOutcome) -> None:
        """A position is open no longer."""
        self.closed += 1
        self._partitions.settle(position)
        self._outcomes[position.topic, outcome] += 1

    def drop(self, record: Record) -> None:
        """Its partition is another member's now: it is owed no longer here."""
        self.bytes -= record.held + RAW

    def drop_item(self, item: Item) -> None:
        """The same for what was made of a record."""
        self.bytes -= item.cost
        if item.record is not None:
            self.drop(item.record)

    def close_item(self, item: Item, outcome: RecordOutcome) -> None:
        """The same for what was made of a record; a contact made for an order has none."""
        event, record = item.event, item.record
        self.bytes -= item.cost
        if record is None:
            return
        self.bytes -= record.held + RAW
        if outcome != "in_doubt":
            self._brake.note(dead=outcome == "dead_lettered")
        if outcome == "delivered" and event.source_ms >= 0:
            self._ages.append(self._clock.now() - event.source_ms / 1000)
        self.free(record.position, outcome)

    def bury(self, letter: Letter) -> None:
        """A dead letter is durable."""
        self._meter.add("dead_letters_total", destination=self._destination, cause=letter.cause)
        self.causes[letter.cause] += 1
        self.troubles.letter(letter)

    def show(self) -> None:
        """Export what was counted since the last time."""
        name = self._destination
        for (topic, outcome), count in self._outcomes.items():
            self._meter.add("records_total", count, destination=name, topic=topic, outcome=outcome)
            self.totals[outcome] += count
        self._outcomes.clear()
        if self._ages:
            ages = [max(0.0, age) for age in self._ages]  # the source's clock may be ahead of ours
            self._meter.observe("delivery_seconds", ages, destination=name)
            self.accepted_at = self._clock.now()
            self._meter.set("last_accepted_timestamp_seconds", self.accepted_at, destination=name)
            self._ages = []


def expected(record: Record) -> int:
    """Bytes that an undecoded record comes to at most besides its own, once it is planned."""
    return record.size * DECODED + MADE
