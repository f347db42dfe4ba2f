"""A connection of the web server that nobody can hold: by silence, a slow head, an unread answer."""

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

CONNECTIONS: Final = 64
"""At once. One more takes the place of the one longest idle; while all are busy, it is answered 503."""
LIFE: Final = 30.0
"""Seconds after which a connection ends: at once while it is idle or in its head, else with its answer …"""
GRACE: Final = 10.0
"""… for which so many seconds are left."""


class Connection(H11Protocol):
    """One of at most CONNECTIONS, and for LIFE at most: probes always find a place."""

    life, grace = LIFE, GRACE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Has a place, at the cost of who does not need it."""
        others = [one for one in self.connections if isinstance(one, Connection)]
        open_ = [one for one in others if not one.transport.is_closing()]
        if len(open_) >= CONNECTIONS and (idle := [one for one in open_ if one.idle]):
            min(idle, key=lambda one: one.since).transport.abort()
        super().connection_made(transport)
        self.since = self.loop.time()
        self._end = self.loop.call_later(self.life, self._finish)

    def connection_lost(self, exc: Exception | None) -> None:
        """Its place is free."""
        self._end.cancel()
        super().connection_lost(exc)

    @property
    def idle(self) -> bool:
        """Whether no request of it is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _finish(self) -> None:
        if self.idle:
            self.transport.abort()
            return
        self.cycle.keep_alive = False
        self._end = self.loop.call_later(self.grace, self.transport.abort)
