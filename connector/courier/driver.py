"""Runs a conversation over a real HTTP client: its waits, and its requests as they may be written."""

import asyncio
from typing import Final

from connector.core.talk import NoAnswer, Outcome, Request, Response, Wait
from connector.courier.edges import Edges
from connector.courier.flight import CourierOptions, Flight
from connector.courier.guard import Guard
from connector.courier.tally import Tally

GRACE: Final = 5.0
"""Seconds past a step's own limit after which a conversation counts as stuck."""
UNWRITTEN: Final = NoAnswer(False, "the lease")


class Driver:
    """On one event loop."""

    def __init__(self, edges: Edges, options: CourierOptions, guard: Guard, tally: Tally) -> None:
        self._destination, self._http, self._clock = edges.destination, edges.http, edges.clock
        self._lease, self._limit = edges.lease, options.request_timeout
        self._guard, self._tally = guard, tally

    async def converse(self, flight: Flight) -> list[Outcome]:
        """From the first request to the outcomes. Raises what the dialect raises."""
        conversation = self._destination.converse(flight.lot, flight.batch)
        reply: Response | NoAnswer | None = None
        while True:
            try:
                step = conversation.send(reply)
            except StopIteration as stop:
                outcomes: list[Outcome] = stop.value
                return outcomes
            if type(step) is Wait:
                flight.deadline = self._clock.monotonic() + step.seconds + GRACE
                await asyncio.sleep(step.seconds)
                reply = None
            else:
                reply = await self._exchange(flight, step)

    async def _exchange(self, flight: Flight, request: Request) -> Response | NoAnswer:
        wait = self._guard.reserve()
        if wait != 0:
            await self._guard.admit(flight, wait)
        begun = self._clock.monotonic()
        flight.deadline = begun + self._limit + GRACE
        if request.method != "GET" and self._lease() <= self._limit:  # a read may be late, it changes nothing
            flight.lapsed = True
            return UNWRITTEN
        if not flight.written:
            flight.written = True
            self._tally.batch(flight.lot.resource, len(flight.batch), flight.size)
        reply = await self._http.send(request, self._limit)
        self._tally.request(request.resource, reply, self._clock.monotonic() - begun)
        self._guard.heard(flight, reply)
        return reply
