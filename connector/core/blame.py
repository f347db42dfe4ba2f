"""Whose fault a failure is: the destination's or the event's own; by evidence, never by counting alone. Pure.

The evidence is what others met meanwhile. Where the destination failed some of them, it would have failed
this one by chance, too; how probable that is, multiplied over all attempts, is what the destination can be
blamed for. An outage in which nobody passes says nothing of an event, however often it fails.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

SUSPICIOUS: Final = 0.01
"""Below this chance an event, or something in its batch, is taken to fail by itself …"""
PROVEN: Final = 1e-6
"""… and below this one it may become a dead letter."""


class Score(Struct, frozen=True):
    """How many attempts of one resource ended so, since the start."""

    passed: int = 0
    failed: int = 0


class Blame(Struct, frozen=True):
    """One event's (or batch's) failures. own: those while others passed. chance: that they are not its own.

    seen: the score at its last failure, None = it never failed.
    """

    own: int = 0
    chance: float = 1.0
    seen: Score | None = None

    @property
    def suspected(self) -> bool:
        """It fails by itself, as far as one can tell."""
        return self.chance < SUSPICIOUS

    def spent(self, budget: int) -> bool:
        """It failed by itself, beyond doubt, and its budget of such failures is used up."""
        return self.own >= budget and self.chance < PROVEN

    def failed(self, before: Score, after: Score) -> "Blame":
        """It failed (again). before: the score without this failure; after: with it."""
        if self.seen is None:
            return replace(self, seen=after)
        passed, failed = before.passed - self.seen.passed, before.failed - self.seen.failed
        if not passed:
            return replace(self, seen=after)
        return Blame(self.own + 1, self.chance * (failed + 1) / (passed + failed + 1), after)
