"""What became of each letter of a redrive."""

from collections import Counter
from typing import Final

from connector.core.brake import Brake
from connector.core.model import Position
from connector.lane.books import Books, RecordOutcome
from connector.lane.partitions import Partitions
from connector.ports import Clock, Meter
from connector.recording import Unrecorded

STAY: Final = frozenset({"dead_lettered", "in_doubt"})
"""Outcomes that leave a letter where it is, written anew."""


class Watch:
    """outcomes: counted. done: positions whose letters are to go, since somebody took them last."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self._done: list[Position] = []

    def close(self, position: Position, outcome: RecordOutcome) -> None:
        """A letter's record is settled, in the ledger too."""
        self.outcomes[outcome] += 1
        if outcome not in STAY:
            self._done.append(position)

    def take(self) -> list[Position]:
        """What is to go since the last time."""
        done, self._done = self._done, []
        return done

    @property
    def closed(self) -> int:
        """Letters that are settled."""
        return sum(self.outcomes.values())


class WatchedBooks(Books):
    """Books that tell what they close."""

    watch: Watch

    def free(self, position: Position, outcome: RecordOutcome) -> None:
        """See Books."""
        super().free(position, outcome)
        self.watch.close(position, outcome)


class Watched(Unrecorded):
    """A tape whose books are watched."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = Watch()

    def books(self, name: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter) -> Books:
        """See Unrecorded."""
        books = WatchedBooks(name, partitions, brake, clock, meter)
        books.watch = self.watch
        return books
