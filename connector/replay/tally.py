"""What became of the records of a replay, each counted once, however often the process is killed.

A checkpoint counts exactly the records below its offset. Those above it are read and counted again after a
crash; what had been accepted of them is a duplicate then, since the ledger decides.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, get_args

from msgspec.structs import replace

from connector.core.checkpoint import Job, Mark
from connector.core.extent import Stretch
from connector.core.model import Position
from connector.lane.books import Books, RecordOutcome
from connector.ports import TopicPartition

OUTCOMES: Final[tuple[str, ...]] = get_args(RecordOutcome)


class _Partition:
    """counts: of what lies below the last note. ahead: outcomes above it, by offset."""

    def __init__(self, mark: Mark) -> None:
        self.mark, self.overtaken = mark, mark.overtaken
        self.counts = Counter(mark.counts)
        self.ahead: dict[int, str] = {}

    def note(self, offset: int) -> str:
        for passed in [at for at in self.ahead if at < offset]:
            self.counts[self.ahead.pop(passed)] += 1
        counts = {name: count for name, count in self.counts.items() if count}
        return replace(self.mark, overtaken=self.overtaken, counts=counts).encode()


class Tally:
    """Of one replay, on its lane's thread. totals, overtaken: any thread may read them."""

    def __init__(self, marks: Mapping[TopicPartition, Mark]) -> None:
        """marks: as they were committed last."""
        self._partitions = {place: _Partition(mark) for place, mark in marks.items()}
        self.totals: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        for mark in marks.values():
            self.totals.update(mark.counts)
        self.overtaken = sum(mark.overtaken for mark in marks.values())

    def close(self, position: Position, outcome: str) -> None:
        """A record is settled."""
        self._partitions[position.place].ahead[position.offset] = outcome
        self.totals[outcome] += 1

    def gone(self, place: TopicPartition, offsets: int) -> None:
        """So many offsets expired before they were read."""
        self._partitions[place].overtaken += offsets
        self.overtaken += offsets

    def note(self, place: TopicPartition, offset: int) -> str:
        """What the commit of this offset carries; offsets never go back."""
        return self._partitions[place].note(offset)


class TalliedBooks(Books):
    """Books that count by position."""

    tally: Tally

    def free(self, position: Position, outcome: RecordOutcome) -> None:
        """See Books."""
        super().free(position, outcome)
        self.tally.close(position, outcome)


def begun(job: Job, stretches: Iterable[Stretch]) -> dict[TopicPartition, Mark]:
    """The first marks."""
    return {one.place: Mark(job, one.start, one.end, one.expired) for one in stretches}
