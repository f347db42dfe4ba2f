"""What a courier owes its lane, whatever turns its event loop: batches handed in, landed, given back."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from math import inf
from typing import Any, TypeVar

from connector.core.lots import Lot
from connector.core.talk import Sending
from connector.courier.edges import Edges
from connector.courier.engine import Engine
from connector.courier.flight import CourierOptions, CourierState, Flight, Landed
from connector.errors import Fatal

T = TypeVar("T")


class Desk(ABC):
    """One destination's batches in flight. All methods but `state` are for the lane's thread alone.

    Every sending that is handed in lands exactly once, or is given back by `withdraw` or `abandon`.
    """

    def __init__(self, edges: Edges, options: CourierOptions, seed: int | None = None) -> None:
        self._options, self._meter, self._clock = options, edges.meter, edges.clock
        self._labels = {"destination": edges.destination.name}
        self._http = edges.http
        jitter = random.Random(seed).random  # noqa: S311 - jitter
        self._engine = Engine(edges, options, jitter, self._news)
        self._handed = self._events = self._bytes = 0
        self._taken = 0
        self._failed = False
        self.in_doubt: list[Sending] = []

    def submit(self, lots: Sequence[tuple[Lot, list[Sending]]]) -> None:
        """Fly these batches; one wake-up of the loop for all of them."""
        flights = [Flight(lot, batch) for lot, batch in lots]
        self._handed += len(flights)
        self._events += sum(len(flight.batch) for flight in flights)
        self._bytes += sum(flight.size for flight in flights)
        self._post(lambda: self._take(flights))

    def harvest(self) -> list[Landed]:
        """What has landed since the last call; never blocks.

        Raises Fatal once, after all that landed, when a conversation keeps raising or the thread has ended;
        what is in flight can still be drained and abandoned then.
        """
        landed, queue = [], self._engine.landed
        while queue:
            landed.append(queue.popleft())
        self._show()
        if not landed:
            self._raise_fatal()
        return landed

    @property
    def room(self) -> int:
        """How many more batches it takes now: none while the gate is open, one to probe with at half-open."""
        return self._room(self._options.in_flight)

    @property
    def ahead(self) -> int:
        """The same, with those that would wait for a slot, so that none stands empty while the lane is asked
        for more; not where it is the rate, or the gate, that they would wait for."""
        guard, slots = self._engine.guard, self._options.in_flight
        plenty = guard.gate.state == "closed" and guard.gate.limit == inf and not guard.throttled
        return self._room(slots + slots // 2 if plenty else slots)

    def _room(self, slots: int) -> int:
        engine, queue = self._engine, self._engine.queue
        if engine.fatal:
            return 0
        if engine.guard.gate.state != "closed":
            lacking = queue.held < slots and (not queue.ready or queue.wants_fresh)
            return int(engine.guard.wants_probe and lacking and self._handed == self._taken)
        busy = self._handed - self._taken + len(engine.active) + queue.busy
        slots = int(min(slots, engine.guard.gate.limit))
        return max(0, min(slots - busy, self._options.waiting - len(queue.waiting)))

    @property
    def flying(self) -> int:
        """Conversations that are under way or about to be: what a drain waits for."""
        engine, active = self._engine, len(self._engine.active)
        if engine.guard.gate.state != "closed":
            return active
        return self._handed - self._taken + active + len(engine.queue.ready)

    def stop_retrying(self) -> None:
        """What flies goes on; what fails is not tried again, and waits for `abandon`."""
        self._call(self._engine.queue.stop_retrying)

    def withdraw(self, where: Callable[[Sending], bool]) -> list[Sending]:
        """Give back what does not fly, is not in doubt and is meant by `where` (a revoked partition)."""
        return self._call(lambda: self._engine.withdraw(where))

    def abandon(self) -> list[Sending]:
        """End all flights. Returns what certainly was not applied: its claims can be released.

        What may have been applied is kept in `in_doubt`: its claims stay. What had landed can be harvested.
        """
        released, in_doubt = self._complete(self._engine.abandon())
        self.in_doubt += in_doubt
        self._show()
        return released

    def state(self) -> CourierState:
        """For any thread."""
        engine, gate = self._engine, self._engine.guard.gate
        shut = gate.state != "closed"
        flying = list(engine.active)
        next_one = min(flying, key=lambda flight: flight.deadline, default=None)
        bound = next_one if next_one is not None and next_one.deadline != float("inf") else None
        return CourierState(
            events=self._events - engine.done_events,
            bytes=self._bytes - engine.done_bytes,
            flying=len(flying),
            throttled=engine.guard.throttled,
            waiting=len(engine.queue.waiting),
            paused=gate.reason if shut else None,
            paused_since=gate.since if shut else None,
            next_attempt=gate.until if shut else None,
            started=bound.started if bound else None,
            deadline=bound.deadline if bound else None,
            failed=engine.tally.failed.copy(),
        )

    # --- The loop ---------------------------------------------------------------------------------

    @property
    @abstractmethod
    def _dead(self) -> bool:
        """Whether the loop has ended by itself."""

    @abstractmethod
    def _news(self) -> None:
        """Called inside the loop: `wait` has something to look at."""

    @abstractmethod
    def _post(self, function: Callable[[], None]) -> None:
        """Have it run inside the loop soon."""

    @abstractmethod
    def _call(self, function: Callable[[], T]) -> T:
        """Run it inside the loop and wait for its result."""

    @abstractmethod
    def _complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it on the loop and wait for its result."""

    def _raise_fatal(self) -> None:
        fatal = self._engine.fatal or (Fatal("the courier's thread has ended") if self._dead else None)
        if fatal is not None and not self._failed:
            self._failed = True
            raise fatal

    def _take(self, flights: list[Flight]) -> None:
        self._taken += len(flights)
        self._engine.take(flights)

    def _show(self) -> None:
        self._meter.set("in_flight_events", self._events - self._engine.done_events, **self._labels)
        self._meter.set("in_flight_bytes", self._bytes - self._engine.done_bytes, **self._labels)
