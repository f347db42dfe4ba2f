"""Whether a request may be written now: the gate and the quota of one destination, on an event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf

from connector.core.breaker import SLOW_START, Failure, Gate
from connector.core.talk import NoAnswer, Response
from connector.courier.edges import Edges
from connector.courier.flight import CourierOptions, Flight
from connector.courier.pace import pace

OK, REDIRECTS, TOO_MANY_REQUESTS = 200, 300, 429
FRESH = 1.0
"""Seconds at half-open in which the lane may hand in a probe that never failed."""


class Guard:
    """Nothing is sent while the gate is open; half-open, one conversation is; a success of it closes.

    changed: called when more may fly than before. throttled: conversations that wait for the request rate.
    """

    def __init__(
        self,
        edges: Edges,
        options: CourierOptions,
        random: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self.gate = Gate()
        self.patient = False
        self.throttled = 0
        self._destination, self._options = edges.destination.name, options
        self._clock, self._meter = edges.clock, edges.meter
        self._random, self._changed = random, changed
        self.pace = pace(edges, options.rate_per_second, random)
        self._probe: Flight | None = None
        self._parked: deque[tuple[Flight, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def open_for_start(self, active: int) -> bool:
        """Whether a conversation may begin beside so many."""
        gate = self.gate
        return active < gate.limit if gate.state == "closed" else self.wants_probe

    @property
    def wants_probe(self) -> bool:
        """Half-open, and nobody flies yet."""
        return self.gate.state == "half_open" and self._probe is None

    def probes(self, flight: Flight) -> bool:
        """Whether this conversation is the probe."""
        return self._probe is flight

    def start(self, flight: Flight) -> None:
        """A conversation begins at half-open: it is the probe."""
        self._probe = flight

    def reserve(self) -> float | None:
        """0: a request may be written now. Else what `admit` has to know: a token's time, or None."""
        return self.pace.reserve() if self.gate.state == "closed" else None

    async def admit(self, flight: Flight, wait: float | None) -> None:
        """Wait until this conversation's next request may be written. wait: for its token, if it has one."""
        flight.deadline = inf
        while True:
            wait = await self._token(flight) if wait is None else wait
            if wait:
                await self._sleep(wait)
            if self._passes(flight):
                return
            wait = None  # that token is lost

    async def _sleep(self, wait: float) -> None:
        self.throttled += 1
        try:
            await asyncio.sleep(wait)
        finally:
            self.throttled -= 1

    async def _token(self, flight: Flight) -> float:
        """Seconds until it is due."""
        while True:
            if not self._passes(flight):
                await self._park(flight)
            elif (wait := self.pace.reserve()) is not None:
                return wait
            else:
                await self.pace.fill()

    def heard(self, flight: Flight, reply: Response | NoAnswer) -> None:
        """What a reply says at once, whatever its conversation comes to (2xx: the destination works)."""
        if type(reply) is NoAnswer:
            return
        if OK <= reply.status < REDIRECTS:
            self.pace.answered()
            if self.gate.state != "closed" or self.gate.failures:
                self._success(flight)
        elif reply.status == TOO_MANY_REQUESTS:
            self.pace.refused()

    def conclude(self, flight: Flight, failure: Failure | None) -> None:
        """A conversation ended with this evidence."""
        if failure is None:
            if self.gate.state != "closed" or self.gate.failures or self.gate.limit < inf:
                self._success(flight)
            return
        if failure.after is not None:
            failure = Failure(failure.reason, min(failure.after, self._options.longest))
        probe = self._take_probe(flight)
        wait = self._options.pause.delay(self.gate.trips + 1, self._random(), failure.after)
        now, threshold = self._clock.monotonic(), self._options.threshold
        self._move(self.gate.failure(failure, now, wait, threshold, probe=probe))

    def leave(self, flight: Flight) -> None:
        """A conversation ended without evidence: another one has to probe."""
        if self._take_probe(flight) and self.gate.state == "half_open":
            self._wait_for_fresh()
            self._offer()
        elif self.gate.state == "closed":
            self._let_in(1)

    def close(self) -> None:
        """No more timers, no more tokens."""
        self.pace.close()
        self._disarm()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _success(self, flight: Flight) -> None:
        self._move(self.gate.success(self._options.in_flight, probe=self._take_probe(flight)))

    def _passes(self, flight: Flight) -> bool:
        state = self.gate.state
        return state == "closed" or (state == "half_open" and self._probe is flight)

    async def _park(self, flight: Flight) -> None:
        """Wait for the gate. Those in the middle of a conversation hold a slot: they probe first."""
        waiter = asyncio.get_running_loop().create_future()
        entry = (flight, waiter)
        self._parked.append(entry)
        if self.wants_probe:
            self._offer()
        try:
            await waiter
        finally:
            self._parked.remove(entry)

    def _take_probe(self, flight: Flight) -> bool:
        if self._probe is not flight:
            return False
        self._probe = None
        return True

    def _move(self, gate: Gate) -> None:
        before, self.gate = self.gate, gate
        if gate is before:
            return
        if before.state != "closed" and (gate.state == "closed" or gate.reason != before.reason):
            self._meter.set("paused", 0, destination=self._destination, reason=before.reason)
        if gate.state == "closed":
            self._disarm()
            # At every end: who waits in the middle holds a slot, and the last news may be a failure.
            self._let_in(SLOW_START if gate.limit > before.limit else 1)
            if before.state != "closed" or gate.limit != before.limit:
                self._changed()
            return
        self._meter.set("paused", 1, destination=self._destination, reason=gate.reason)
        if gate.state == "open":
            self._arm()

    def _arm(self) -> None:
        self._disarm()
        wait = max(0.0, self.gate.until - self._clock.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._half_open)

    def _half_open(self) -> None:
        if self._clock.monotonic() < self.gate.until:
            self._arm()
        else:
            self.gate = self.gate.probing()
            self._wait_for_fresh()
            self._offer()

    def _wait_for_fresh(self) -> None:
        """For a moment, one that never failed as the probe is preferred."""
        self._disarm()
        self.patient = True
        self._timer = asyncio.get_running_loop().call_later(FRESH, self._take_any)

    def _take_any(self) -> None:
        self.patient = False
        if self.wants_probe:
            self._offer()

    def _offer(self) -> None:
        if self._probe is None and self._parked:
            self._probe = self._parked[0][0]
        if self._probe is None:
            self._changed()
        else:
            self._wake(lambda flight: flight is self._probe)

    def _let_in(self, some: int) -> None:
        """The gate is closed: those in the middle of a conversation go on, some for each that ended."""
        waiting = [waiter for _, waiter in self._parked if not waiter.done()]
        for waiter in waiting if self.gate.limit == inf else waiting[:some]:
            waiter.set_result(None)

    def _wake(self, whom: Callable[[Flight], bool]) -> None:
        for flight, waiter in self._parked:
            if whom(flight) and not waiter.done():
                waiter.set_result(None)
