"""A ledger over another one, for who changes what is asked of it, or what it says."""

from collections.abc import Sequence
from typing import Protocol

from connector.core.claims import Settlement, Verdict, Want
from connector.ports import Ledger, Sizes


class Counting(Ledger, Protocol):
    """A ledger that tells of itself."""

    stale_sends: int

    def sizes(self) -> Sizes:
        """See ports.Archive."""


class Through:
    """ports.Ledger: the other one, word for word."""

    def __init__(self, ledger: Counting) -> None:
        """Over this one."""
        self._ledger = ledger
        self.keys_of, self.answers, self.answer = ledger.keys_of, ledger.answers, ledger.answer
        self.accept_clock, self.upkeep, self.sizes = ledger.accept_clock, ledger.upkeep, ledger.sizes
        self.lease_left, self.close = ledger.lease_left, ledger.close

    @property
    def identity(self) -> str:
        """See ports.Ledger."""
        return self._ledger.identity

    @property
    def stale_sends(self) -> int:
        """Settles that found their claim lost, since start."""
        return self._ledger.stale_sends

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        return self._ledger.turn(settled, wanted)
