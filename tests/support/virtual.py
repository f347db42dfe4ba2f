"""An event loop whose time is a fake clock: a sleep of an hour takes no time, and every run is the same."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.fakes.clock import FakeClock

T = TypeVar("T")


class _LeapingSelector(selectors.DefaultSelector):
    """Instead of waiting, it moves the clock."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        if not events and timeout:
            self._clock.advance(timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """The clock has to start at 0: large numbers have no room for the loop's nanoseconds."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(_LeapingSelector(clock))
        self._fake = clock

    def time(self) -> float:
        return self._fake.monotonic()


def run_virtual(clock: FakeClock, main: Coroutine[Any, Any, T]) -> T:
    """Run it on the clock's time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)
