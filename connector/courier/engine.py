"""The courier on an event loop: conversations fly, what fails is tried again, what is final lands.

Long-lived workers take flights from one queue, so a request costs no new task and no wake-up of its own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable

from connector.core.breaker import evidence
from connector.core.talk import Outcome, Refused, Sending
from connector.courier.docket import Docket
from connector.courier.driver import Driver
from connector.courier.edges import Edges
from connector.courier.flight import (
    Again,
    CourierOptions,
    Flight,
    Landed,
    all_accepted,
    given_back,
    reason,
    sort,
)
from connector.courier.guard import Guard
from connector.courier.queue import FlightQueue
from connector.courier.tally import Tally
from connector.errors import Fatal, describe

log = logging.getLogger(__name__)


class Engine:
    """Everything here runs on one event loop; another thread may read lengths and counters.

    news: called when something landed or failed for good, and when more may be handed in.
    done_events, done_bytes: what has landed or was given back.
    """

    def __init__(
        self,
        edges: Edges,
        options: CourierOptions,
        random: Callable[[], float],
        news: Callable[[], None],
    ) -> None:
        self.landed: deque[Landed] = deque()
        self.active: set[Flight] = set()
        self.queue = FlightQueue(options, random, self._dispatch)
        self.guard = Guard(edges, options, random, self._changed)
        self.docket = Docket(options.budget)
        self.tally = Tally(edges.destination.name, edges.meter)
        self.fatal: Fatal | None = None
        self.done_events = self.done_bytes = 0
        self._driver = Driver(edges, options, self.guard, self.tally)
        self._clock, self._options, self._news = edges.clock, options, news
        self._idle: list[asyncio.Future[Flight]] = []
        self._workers: list[asyncio.Task[None]] = []
        self._announcement: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Start the workers (inside the running loop)."""
        self._workers = [asyncio.ensure_future(self._work()) for _ in range(self._options.in_flight)]
        for worker in self._workers:
            worker.add_done_callback(self._worker_ended)

    def take(self, flights: Iterable[Flight]) -> None:
        """Fly these. What a stopped process left in doubt is a resend from the first (RULES 4)."""
        for flight in flights:
            if resent := sum([sending.doubtful for sending in flight.batch]):
                self.tally.retry("in_doubt", resent)
            self.queue.ready.append(flight)
        self._dispatch()

    def withdraw(self, where: Callable[[Sending], bool]) -> list[Sending]:
        """Give up what does not fly, is not in doubt, and is meant by `where`."""
        taken = self.queue.withdraw(where)
        self._forget(taken)
        self._dispatch()
        return taken

    async def abandon(self) -> tuple[list[Sending], list[Sending]]:
        """Stop: the sendings that certainly were not applied, and those that may be."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self.guard.close()
        left = [s for flight in self.active for s in flight.interrupted()] + self.queue.clear()
        self.active.clear()
        self._forget(left)
        self.tally.flush()
        self._tell()
        return [s for s in left if not s.doubtful], [s for s in left if s.doubtful]

    # --- Flying -----------------------------------------------------------------------------------

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            flight = self._next()
            if flight is None:
                free = loop.create_future()
                self._idle.append(free)
                flight = await free
            await self._fly(flight)

    def _next(self) -> Flight | None:
        """The next flight that may begin now; it counts as active at once, so that it cannot get lost."""
        guard = self.guard
        if not guard.open_for_start(len(self.active)):
            return None
        if guard.gate.state == "closed":
            flight = self.queue.next()
        elif (flight := self.queue.probe(tried=not guard.patient)) is not None:
            guard.start(flight)
        if flight is not None:
            self.active.add(flight)
        return flight

    def _dispatch(self) -> None:
        while self._idle and (flight := self._next()) is not None:
            self._idle.pop().set_result(flight)

    async def _fly(self, flight: Flight) -> None:
        flight.started = self._clock.monotonic()
        try:
            outcomes = await self._driver.converse(flight)
            landed, again = sort(flight.lot, flight.batch, outcomes)
        except Exception as error:  # noqa: BLE001 - a bug in a dialect costs time, never an event
            self.active.discard(flight)
            self._defect(flight, error)
            return
        self.active.discard(flight)
        if flight.trial or not all_accepted(outcomes):
            self._conclude(flight, outcomes, landed, again)
        else:  # as _conclude would, in a third of its time
            self.docket.heard(flight, outcomes, failed=False)
            self._land(landed)
            self.guard.conclude(flight, None)
        if self._idle:
            self._dispatch()

    def _conclude(self, flight: Flight, outcomes: list[Outcome], landed: list[Landed], again: Again) -> None:
        failure = evidence(outcomes)
        if flight.lapsed:
            self._give_back(landed, again)
        else:
            self.docket.heard(flight, outcomes, failed=bool(again) or failure is not None)
        if again:
            self._again(flight, landed, again)
        if landed:
            self._land(landed)
        self.queue.concluded(flight, outcomes)
        if failure and (flight.lapsed or (flight.blame.suspected and failure.reason != "quota")):
            self.guard.leave(flight)
        else:
            self.guard.conclude(flight, failure)

    def _again(self, flight: Flight, landed: list[Landed], again: Again) -> None:
        """What is not final yet flies again, or lands: an event's budget is spent."""
        flight.probes += self.guard.probes(flight)
        for outcome, batch in again.items():
            retried = self.docket.next(flight, batch, outcome)
            if isinstance(retried, Landed):
                landed.append(retried)
                self.queue.given_up(flight)
                continue
            self.tally.retry(reason(outcome), len(batch))
            for one in retried:
                self.queue.again(one, outcome)

    def _give_back(self, landed: list[Landed], again: Again) -> None:
        """Not written for want of a lease: the ledger is asked again, and the destination is not blamed."""
        back = given_back(again.values())
        again.clear()
        self.tally.retry("lease", len(back))
        landed += back

    def _defect(self, flight: Flight, error: Exception) -> None:
        """A conversation raised: nothing of it is lost. What keeps raising before a request was written is an
        event's own, which is found by halving; else it stops the lane.

        A batch that bears no resend is not tried again once a request was written.
        """
        what = f"a conversation of {flight.lot.resource} raised {describe(error)}"
        log.error(what)  # without the exception's text, which may quote the event
        self.tally.retry("defect", len(flight.batch))
        retry = flight.again(flight.interrupted(), defects=flight.defects + 1)
        unsafe = flight.written and flight.lot.in_doubt == "hold"
        if not flight.written and retry.defects >= self._options.defects:
            self._isolate(flight, f"{what}; please report it")
        elif unsafe or retry.defects >= self._options.defects:
            self.fatal = Fatal(f"{what}; please report it")
            self.queue.keep(retry)
            self._news()
        else:
            self.queue.wait(retry, self._options.backoff.base)
        self.guard.leave(flight)
        self._dispatch()

    def _isolate(self, flight: Flight, why: str) -> None:
        batch, middle = flight.batch, len(flight.batch) // 2
        if middle:
            self.queue.parted([flight.part(batch[:middle]), flight.part(batch[middle:])])
            return
        end = Refused("defect", why)
        self._land([Landed(one, end, one.attempts, not one.doubtful) for one in batch])
        self.queue.given_up(flight)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        """Only `abandon` ends a worker; anything else is our own bug."""
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            self.fatal = Fatal(f"the courier raised {describe(error)}; please report it")
            self._news()

    # --- News -------------------------------------------------------------------------------------

    def _land(self, landed: list[Landed]) -> None:
        self.landed.extend(landed)
        self._forget([one.sending for one in landed])
        self._announce()

    def _forget(self, sendings: list[Sending]) -> None:
        self.done_events += len(sendings)
        self.done_bytes += sum([sending.event.size for sending in sendings])

    def _changed(self) -> None:
        self._dispatch()
        self._news()

    def _announce(self) -> None:
        """Soon: landings are announced together, unless half the slots have become free."""
        if len(self.landed) * 2 >= self._options.in_flight:
            self._tell()
        elif self._announcement is None:
            loop = asyncio.get_running_loop()
            self._announcement = loop.call_later(self._options.gather, self._tell)

    def _tell(self) -> None:
        if self._announcement is not None:
            self._announcement.cancel()
            self._announcement = None
        self._news()
