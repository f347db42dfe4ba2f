"""Any ledger, with its time, its stale sends and its size in the metrics."""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from connector.core.assignment import Answer
from connector.core.claims import Settlement, Verdict, Want
from connector.ports import Ledger, Meter, Sizes

T = TypeVar("T")


EVERY: Final = 60.0
"""Seconds between two looks at its size."""


class Counting(Ledger, Protocol):
    """A ledger that counts its stale sends since start (RULES 2), and knows its size."""

    stale_sends: int

    def sizes(self) -> Sizes:
        """See ports.Archive."""


class MeteredLedger:
    """ports.Ledger over another one."""

    def __init__(
        self,
        ledger: Counting,
        destination: str,
        meter: Meter,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts `stale_sends_total` at 0, so that its first increase is seen."""
        self._monotonic = monotonic
        self._ledger, self._destination, self._meter = ledger, destination, meter
        self._stale, self._next_look = 0, 0.0
        meter.add("stale_sends_total", 0, destination=destination)

    @property
    def identity(self) -> str:
        """See ports.Ledger."""
        return self._ledger.identity

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        verdicts = self._timed("turn", lambda: self._ledger.turn(settled, wanted))
        if self._ledger.stale_sends > self._stale:
            more = self._ledger.stale_sends - self._stale
            self._meter.add("stale_sends_total", more, destination=self._destination)
            self._stale += more
        return verdicts

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        """See ports.Ledger."""
        return self._timed("keys_of", lambda: self._ledger.keys_of(row_keys))

    def answers(self) -> list[Answer]:
        """See ports.Ledger."""
        return self._ledger.answers()

    def answer(self, answer: Answer) -> None:
        """See ports.Ledger."""
        self._ledger.answer(answer)

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        """See ports.Ledger."""
        self._ledger.accept_clock(clock, since_ms, reason)

    def upkeep(self) -> None:
        """See ports.Ledger."""
        self._ledger.upkeep()
        if self._monotonic() >= self._next_look:
            self._next_look = self._monotonic() + EVERY
            self._show(self._timed("sizes", self._ledger.sizes))

    def _show(self, sizes: Sizes) -> None:
        self._meter.set("ledger_rows", sizes.heads, table="heads")
        self._meter.set("ledger_rows", sizes.history, table="history")
        self._meter.set("ledger_bytes", sizes.bytes)
        self._meter.set("ledger_claims", sizes.claims, destination=self._destination)

    def lease_left(self) -> float:
        """See ports.Ledger."""
        return self._ledger.lease_left()

    def close(self) -> None:
        """See ports.Ledger."""
        self._ledger.close()

    def _timed(self, operation: str, work: Callable[[], T]) -> T:
        begun = time.perf_counter()
        try:
            return work()
        finally:
            self._meter.observe("ledger_seconds", [time.perf_counter() - begun], operation=operation)
