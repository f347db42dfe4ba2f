"""Time and HTTP of a stage: the real courier, its loop turned on virtual time by whoever waits."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from connector.courier import CourierOptions, Edges
from connector.courier.desk import Desk
from tests.fakes.clock import FakeClock
from tests.support.virtual import VirtualLoop

T = TypeVar("T")
EPOCH = 1_700_000_000.0


class StageClock(FakeClock):
    """Seconds that a loop can count exactly, and a date on top."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def now(self) -> float:
        return EPOCH + super().now()


class StageTime:
    """One loop for all couriers of a stage: who waits lets all of them fly on."""

    def __init__(self) -> None:
        self.clock = StageClock()
        self._loop = VirtualLoop(self.clock)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(main)

    def post(self, function: Callable[[], None]) -> None:
        self._loop.call_soon(function)

    def sleep(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def wait(self, seconds: float, waiter: "asyncio.Future[None]") -> None:
        """Until the waiter has its result, or the seconds have passed."""
        timer = self._loop.call_later(seconds, _ring, waiter)
        self._loop.run_until_complete(waiter)
        timer.cancel()

    def waiter(self) -> "asyncio.Future[None]":
        return self._loop.create_future()

    def close(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self.sleep(0)
        self._loop.close()


class Time(Protocol):
    """Whose loop a stepped courier flies on."""

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """To its end."""

    def post(self, function: Callable[[], None]) -> None:
        """Soon."""

    def wait(self, seconds: float, waiter: "asyncio.Future[None]") -> None:
        """Until the waiter has its result, or the seconds have passed."""

    def waiter(self) -> "asyncio.Future[None]":
        """Another one."""


class SteppedCourier(Desk):
    """A courier without a thread. after_wait: where a process that died meanwhile ends."""

    def __init__(
        self,
        edges: Edges,
        options: CourierOptions,
        time: Time,
        after_wait: Callable[[], None],
    ) -> None:
        super().__init__(edges, options, seed=1)
        self._time, self._after_wait = time, after_wait
        self._heard = False
        self._waiter: asyncio.Future[None] | None = None

    def start(self) -> None:
        self._call(self._engine.open)

    def wait(self, timeout: float, enough: int = 1) -> None:
        deadline = self._clock.monotonic() + timeout
        while len(self._engine.landed) < enough:
            left = deadline - self._clock.monotonic()
            if left <= 0 or (self._listen(left) and enough == 1):
                break
        self._heard = False

    def _listen(self, seconds: float) -> bool:
        if not self._heard:
            self._waiter = self._time.waiter()
            self._time.wait(seconds, self._waiter)
            self._waiter = None
            self._after_wait()
        heard, self._heard = self._heard, False
        return heard

    @property
    def _dead(self) -> bool:
        return False

    def _news(self) -> None:
        self._heard = True
        if self._waiter is not None:
            _ring(self._waiter)

    def _post(self, function: Callable[[], None]) -> None:
        self._time.post(function)

    def _call(self, function: Callable[[], T]) -> T:
        async def inside() -> T:
            return function()

        return self._complete(inside())

    def _complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._time.run(coroutine)


def _ring(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
