"""A courier with a thread and an event loop of its own, fed and harvested in batches."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop

from connector.courier.desk import Desk
from connector.courier.edges import Edges
from connector.courier.flight import CourierOptions

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds that the loop may take for what needs no network."""


class Courier(Desk):
    """See Desk."""

    def __init__(self, edges: Edges, options: CourierOptions, seed: int | None = None) -> None:
        self._signal, self._plenty = threading.Event(), threading.Event()
        super().__init__(edges, options, seed)
        self._loop = uvloop.new_event_loop()
        name = f"courier-{edges.destination.name}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._closed = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self._call(self._engine.open)

    def wait(self, timeout: float, enough: int = 1) -> None:
        """Block until something landed or more may be handed in, or the seconds have passed.

        enough > 1: until so much has landed, or half of what may fly; woken once, not at every landing.
        """
        if len(self._engine.landed) < enough:
            (self._signal if enough == 1 else self._plenty).wait(timeout)
        self._signal.clear()
        self._plenty.clear()

    def drain(self, seconds: float) -> bool:
        """Stop retrying and wait until nothing flies; False: the time has passed. Harvest afterwards."""
        self.stop_retrying()
        deadline = self._clock.monotonic() + seconds
        while self.flying and (left := deadline - self._clock.monotonic()) > 0:
            self._signal.wait(min(left, 0.05))
            self._signal.clear()
        return not self.flying

    def close(self) -> None:
        """Abandon what is left, close the client, end the thread."""
        if self._closed:
            return
        self._closed = True
        if not self._thread.is_alive():
            self._loop.run_until_complete(self._http.close())
            self._loop.close()
            return
        self.abandon()
        self._complete(self._http.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)

    @property
    def _dead(self) -> bool:
        return not self._thread.is_alive() and not self._closed

    def _news(self) -> None:
        if not self._signal.is_set():  # to set it again costs ten times as much as to look
            self._signal.set()
        if len(self._engine.landed) * 2 >= self._options.in_flight and not self._plenty.is_set():
            self._plenty.set()

    def _post(self, function: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(function)

    def _complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def _call(self, function: Callable[[], T]) -> T:
        """Run it on the loop and wait for its result."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future.result(PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            if self._closed:
                self._loop.close()
            self._signal.set()
