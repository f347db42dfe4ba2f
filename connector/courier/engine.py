"""The courier on an event loop: conversations fly, what fails is tried again, what is final lands.

Long-lived workers take flights from one queue, so a request costs no new task and no wake-up of its own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable

from connector.core.breaker import evidence
from connector.core.talk import NoAnswer, Outcome, Request, Response, Sending, Wait
from connector.courier.edges import Edges
from connector.courier.flight import (
    Again,
    CourierOptions,
    Flight,
    Landed,
    given_back,
    place,
    reason,
    sort,
)
from connector.courier.guard import Guard
from connector.courier.queue import FlightQueue
from connector.courier.tally import Tally
from connector.errors import Fatal

GRACE = 5.0
"""Seconds past a step's own limit after which a conversation counts as stuck."""
UNWRITTEN = NoAnswer(False, "the lease")

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
        self.tally = Tally(edges.destination.name, edges.meter)
        self.fatal: Fatal | None = None
        self.done_events = self.done_bytes = 0
        self._destination, self._http, self._clock = edges.destination, edges.http, edges.clock
        self._lease, self._options, self._news = edges.lease, options, news
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
            if resent := sum(sending.doubtful for sending in flight.batch):
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
        if not self.guard.open_for_start(len(self.active)) or (flight := self.queue.next()) is None:
            return None
        self.guard.start(flight)
        self.active.add(flight)
        return flight

    def _dispatch(self) -> None:
        while self._idle and (flight := self._next()) is not None:
            self._idle.pop().set_result(flight)

    async def _fly(self, flight: Flight) -> None:
        flight.started = self._clock.monotonic()
        try:
            outcomes = await self._converse(flight)
            landed, again = sort(flight.lot, flight.batch, outcomes)
        except Exception as error:  # noqa: BLE001 - a bug in a dialect costs time, never an event
            self.active.discard(flight)
            self._defect(flight, error)
            return
        self.active.discard(flight)
        if flight.lapsed:
            self._give_back(flight, landed, again)
        for outcome, batch in again.items():
            self.tally.retry(reason(outcome), len(batch))
            self.queue.again(flight.again(batch), outcome)
        if landed:
            self.landed.extend(landed)
            self._forget([one.sending for one in landed])
            self._announce()
        self.queue.concluded(flight, outcomes)
        if not flight.lapsed:
            self.guard.conclude(flight, evidence(outcomes))
        if self._idle:
            self._dispatch()

    def _give_back(self, flight: Flight, landed: list[Landed], again: Again) -> None:
        """Not written for want of a lease: the ledger is asked again, and the destination is not blamed."""
        back = given_back(again.values())
        again.clear()
        self.tally.retry("lease", len(back))
        landed += back
        self.guard.leave(flight)

    async def _converse(self, flight: Flight) -> list[Outcome]:
        conversation = self._destination.converse(flight.lot, flight.batch)
        reply: Response | NoAnswer | None = None
        while True:
            try:
                step = conversation.send(reply)
            except StopIteration as stop:
                outcomes: list[Outcome] = stop.value
                return outcomes
            if isinstance(step, Wait):
                flight.deadline = self._clock.monotonic() + step.seconds + GRACE
                await asyncio.sleep(step.seconds)
                reply = None
            else:
                reply = await self._exchange(flight, step)

    async def _exchange(self, flight: Flight, request: Request) -> Response | NoAnswer:
        wait = self.guard.reserve()
        if wait != 0:
            await self.guard.admit(flight, wait)
        limit, begun = self._options.request_timeout, self._clock.monotonic()
        flight.deadline = begun + limit + GRACE
        if request.method != "GET" and self._lease() <= limit:  # a read may be late, it changes nothing
            flight.lapsed = True
            return UNWRITTEN
        if not flight.written:
            flight.written = True
            self.tally.batch(flight.lot.resource, len(flight.batch), flight.size)
        reply = await self._http.send(request, limit)
        self.tally.request(request.resource, reply, self._clock.monotonic() - begun)
        self.guard.heard(flight, reply)
        return reply

    def _defect(self, flight: Flight, error: Exception) -> None:
        """A conversation raised: nothing of it is lost, and what keeps raising stops the lane.

        A batch that bears no resend is not tried again once a request was written.
        """
        what = f"a conversation of {flight.lot.resource} raised {type(error).__name__} at {place(error)}"
        log.error(what)  # without the exception's text, which may quote the event
        self.tally.retry("defect", len(flight.batch))
        retry = flight.again(flight.interrupted(), defects=flight.defects + 1)
        unsafe = flight.written and flight.lot.in_doubt == "hold"
        if unsafe or retry.defects >= self._options.defects:
            self.fatal = Fatal(f"{what}; please report it")
            self.queue.keep(retry)
            self._news()
        else:
            self.queue.wait(retry, self._options.backoff.base)
        self.guard.leave(flight)
        self._dispatch()

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        """Only `abandon` ends a worker; anything else is our own bug."""
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            self.fatal = Fatal(
                f"the courier raised {type(error).__name__} at {place(error)}; please report it"
            )
            self._news()

    # --- News -------------------------------------------------------------------------------------

    def _forget(self, sendings: list[Sending]) -> None:
        self.done_events += len(sendings)
        self.done_bytes += sum(sending.event.size for sending in sendings)

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
