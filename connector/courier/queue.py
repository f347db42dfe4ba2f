"""Flights that do not fly: ready to, waiting for their retry, or held back by caution."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

from connector.core.talk import Halt, InDoubt, Outcome, Retry, Sending
from connector.courier.caution import Caution
from connector.courier.flight import CourierOptions, Flight

_probes = attrgetter("probes")


class FlightQueue:
    """On one event loop. changed: called when a flight has become ready by itself (a timer)."""

    def __init__(
        self, options: CourierOptions, random: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self.ready: deque[Flight] = deque()
        self.waiting: set[Flight] = set()
        self._caution = Caution(self._rest)
        self._options, self._random, self._changed = options, random, changed
        self._retrying = True
        self.wants_fresh = False

    def __iter__(self) -> Iterator[Flight]:
        """All of them."""
        yield from [*self.ready, *self.waiting, *self._caution]

    @property
    def busy(self) -> int:
        """Those that hold a slot: a flight that waits for its retry holds none."""
        return len(self.ready) + len(self._caution)

    @property
    def held(self) -> int:
        """Those that wait for the trial of their resource."""
        return len(self._caution)

    def next(self) -> Flight | None:
        """The next one that may fly as far as caution is concerned."""
        while self.ready:
            flight = self._caution.admit(self.ready.popleft())
            if flight is not None:
                return flight
        return None

    def probe(self, *, tried: bool) -> Flight | None:
        """The best one to probe with: the one that failed least as a probe, for what always fails proves
        nothing. Where all did, one from the lane is better (`wants_fresh`); tried: none came, take any."""
        while self.ready:
            best = min(self.ready, key=_probes)
            self.wants_fresh = best.probes > 0 and not tried
            if self.wants_fresh:
                return None
            self.ready.remove(best)
            flight = self._caution.admit(best)
            if flight is not None:
                return flight
        return None

    def again(self, flight: Flight, outcome: Retry | InDoubt | Halt) -> None:
        """Another attempt: a refused credential's as the gate allows, the others' after a wait."""
        if isinstance(outcome, Halt) and self._retrying and not flight.blame.suspected:
            self.ready.appendleft(flight)  # the gate paces it, and it is the best probe
            return
        asked = outcome.after if isinstance(outcome, Retry) else None
        least = self._options.backoff.base if isinstance(outcome, InDoubt) else 0.0
        self.wait(flight, max(least, min(asked or 0.0, self._options.longest)))

    def wait(self, flight: Flight, least: float) -> None:
        """Try again after a backoff of at least so many seconds."""
        self.waiting.add(flight)
        if self._retrying:
            delay = self._options.backoff.delay(flight.failures, self._random(), least)
            flight.timer = asyncio.get_running_loop().call_later(delay, self._due, flight)

    def parted(self, flights: list[Flight]) -> None:
        """Parts of one that failed, to be tried at once."""
        if self._retrying:
            self.ready.extend(flights)
        else:
            self.waiting.update(flights)

    def keep(self, flight: Flight) -> None:
        """It is not tried again by itself."""
        self.waiting.add(flight)

    def concluded(self, flight: Flight, outcomes: list[Outcome]) -> None:
        """A flight ended: its resource may be suspect now, or cleared."""
        self.ready.extend(self._caution.conclude(flight, outcomes))
        if flight.lapsed:
            self.given_up(flight)

    def given_up(self, flight: Flight) -> None:
        """It flies no more, though it was neither accepted nor refused: if it was the trial, the next one."""
        self.ready.extend(self._caution.ended(flight))

    def stop_retrying(self) -> None:
        """From now on only first attempts are ready."""
        self._retrying = False
        retries = [flight for flight in self.ready if flight.failures]
        self.ready = deque(flight for flight in self.ready if not flight.failures)
        self.waiting.update(retries)
        for flight in self.waiting:
            flight.cancel()

    def withdraw(self, where: Callable[[Sending], bool]) -> list[Sending]:
        """Take out what is not in doubt and meant by `where`."""
        taken: list[Sending] = []
        empty: list[Flight] = []
        for flight in self:
            gone = [sending for sending in flight.batch if not sending.doubtful and where(sending)]
            taken += gone
            flight.batch = [sending for sending in flight.batch if sending.doubtful or not where(sending)]
            if not flight.batch:
                empty.append(flight)
        for flight in empty:
            self._remove(flight)
        self.ready.extend(trial for flight in empty for trial in self._caution.ended(flight))
        return taken

    def clear(self) -> list[Sending]:
        """Take out everything."""
        self.stop_retrying()
        left = [sending for flight in self for sending in flight.batch]
        self.ready.clear()
        self.waiting.clear()
        self._caution = Caution(self._rest)
        return left

    def _remove(self, flight: Flight) -> None:
        flight.cancel()
        if flight in self.waiting:
            self.waiting.remove(flight)
        elif flight in self.ready:
            self.ready.remove(flight)
        else:
            self._caution.discard(flight)

    def _due(self, flight: Flight) -> None:
        self.waiting.discard(flight)
        self._enter([flight])

    def _enter(self, flights: Iterable[Flight]) -> None:
        self.ready.extend(flights)
        self._changed()

    def _rest(self, resource: str, doubts: int) -> None:
        delay = self._options.pause.delay(doubts, self._random())
        asyncio.get_running_loop().call_later(delay, self._rested, resource)

    def _rested(self, resource: str) -> None:
        trial = self._caution.rested(resource)
        if trial is not None:
            self._enter([trial])
