"""What was found, by kind; excused or not, each with its first example."""

from typing import Literal, get_args

from msgspec import Struct

Kind = Literal["lost", "duplicate", "reorder", "overwritten", "ghost", "commit"]
Excuse = Literal["in doubt", "stale"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Tally(Struct):
    """Of one kind: how many, and the first example of each column (None: not excused)."""

    counts: dict[Excuse | None, int] = {}
    examples: dict[Excuse | None, str] = {}


class Findings:
    """Everything that was found."""

    def __init__(self) -> None:
        self.tallies: dict[Kind, Tally] = {kind: Tally() for kind in KINDS}

    def add(self, kind: Kind, example: str, excuse: Excuse | None = None, count: int = 1) -> None:
        """One more of a kind, or several of which one is the example."""
        if count > 0:
            tally = self.tallies[kind]
            tally.counts[excuse] = tally.counts.get(excuse, 0) + count
            tally.examples.setdefault(excuse, example)

    def count(self, kind: Kind, excuse: Excuse | None = None) -> int:
        """How many."""
        return self.tallies[kind].counts.get(excuse, 0)

    def example(self, kind: Kind, excuse: Excuse | None = None) -> str:
        """The first one, "" without any."""
        return self.tallies[kind].examples.get(excuse, "")

    @property
    def kinds(self) -> set[Kind]:
        """What there is no excuse for."""
        return {kind for kind in KINDS if self.count(kind)}
