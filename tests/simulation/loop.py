"""An event loop of one simulated process: turned a round at a time by whoever has the baton."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, TypeVar, TypeVarTuple

from tests.fakes.clock import FakeClock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class SimLoop(asyncio.AbstractEventLoop):
    """What asyncio's tasks, futures and sleeps need of a loop, on a fake clock. frozen: nothing of it runs.

    failure: hears of an exception that nobody took.
    """

    def __init__(self, clock: FakeClock, failure: Callable[[BaseException], object]) -> None:
        self._clock, self._failure = clock, failure
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[asyncio.TimerHandle] = []
        self.frozen = False

    # --- Turning ----------------------------------------------------------------------------------

    def due(self) -> float:
        """When it has something to do (monotonic seconds; inf: never)."""
        if self.frozen:
            return inf
        if self._ready:
            return 0.0
        while self._timers and self._timers[0].cancelled():
            heappop(self._timers)
        return self._timers[0].when() if self._timers else inf

    def turn(self) -> None:
        """Run what is due now, once."""
        now = self._clock.monotonic()
        while self._timers and self._timers[0].when() <= now:
            self._ready.append(heappop(self._timers))
        asyncio._set_running_loop(self)  # noqa: SLF001 - made for event loops
        try:
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - made for event loops
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 - as above

    def complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, which must need no time."""
        task = self.create_task(coroutine)
        while not task.done():
            if not self._ready:
                raise RuntimeError("this needs time")
            self.turn()
        return task.result()

    def call(self, function: Callable[[], T]) -> T:
        """Run it inside."""
        asyncio._set_running_loop(self)  # noqa: SLF001 - made for event loops
        try:
            return function()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 - as above

    def clear(self) -> None:
        """Its process is dead."""
        self._ready.clear()
        self._timers.clear()

    # --- asyncio.AbstractEventLoop ----------------------------------------------------------------

    def time(self) -> float:
        return self._clock.monotonic()

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], *, name: object = None, context: Context | None = None
    ) -> "asyncio.Task[T]":
        return asyncio.Task(coro, loop=self, name="simulated", context=context)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._clock.monotonic() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, handle)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if len(self._timers) > 100 and sum(each.cancelled() for each in self._timers) > 50:
            self._timers = [each for each in self._timers if not each.cancelled()]
            heapify(self._timers)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._failure(context.get("exception") or RuntimeError(context["message"]))
