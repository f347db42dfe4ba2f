"""When the next request may be written: by a bucket of this process, or by one that replicas share.

A shared bucket is asked for a chunk of tokens at a time, while those who need them wait; the loop never does.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from connector.core.quota import Chunk, Quota, Taken
from connector.core.retry import Backoff
from connector.courier.edges import Edges
from connector.errors import ConnectorError
from connector.ports import Clock, Quotas

AGAIN: Final = Backoff(base=0.25, cap=5.0)
"""Between two tries of a shared bucket that does not answer."""


class Pace(Protocol):
    """One destination's request rate, on one event loop."""

    def reserve(self) -> float | None:
        """Take a token: the seconds until it is due. None: there is none before `fill`."""

    async def fill(self) -> None:
        """Wait until there are more tokens to take."""

    def refused(self) -> None:
        """A request met the destination's own quota (429): the rate goes down."""

    def answered(self) -> None:
        """A request was answered: a lowered rate goes up again."""

    def close(self) -> None:
        """No more tokens."""


def pace(edges: Edges, rate: float, random: Callable[[], float]) -> Pace:
    """rate: requests per second, 0 = unlimited: a 429 then closes the gate and lowers nothing."""
    if not rate:
        return Free()
    show = _Gauge(edges, rate).show
    if edges.quotas is None:
        return OwnPace(Quota(rate, rate), edges.clock, show)
    return SharedPace(edges.quotas, edges.clock, random, show)


class _Gauge:
    """The rate in force, for operators."""

    def __init__(self, edges: Edges, rate: float) -> None:
        self._edges, self._shown = edges, 0.0
        self.show(rate)

    def show(self, rate: float) -> None:
        if rate != self._shown:
            self._shown = rate
            name = self._edges.destination.name
            self._edges.meter.set("rate_limit_requests_per_second", rate, destination=name)


class Free:
    """No limit."""

    def reserve(self) -> float:
        """See Pace."""
        return 0.0

    async def fill(self) -> None:
        """Nothing to wait for."""

    def refused(self) -> None:
        """Nothing is lowered."""

    def answered(self) -> None:
        """Nothing was."""

    def close(self) -> None:
        """Nothing is open."""


class OwnPace:
    """A bucket of this process alone."""

    def __init__(self, quota: Quota, clock: Clock, show: Callable[[float], None]) -> None:
        self._quota, self._clock, self._show = quota, clock, show

    def reserve(self) -> float:
        """See Pace."""
        self._quota, wait = self._quota.take(self._clock.monotonic())
        return max(0.0, wait)

    async def fill(self) -> None:
        """Nothing to wait for."""

    def refused(self) -> None:
        """See Pace."""
        self._quota = self._quota.refused(self._clock.monotonic())
        self._show(self._quota.rate)

    def answered(self) -> None:
        """See Pace."""
        if self._quota.rate < self._quota.most:
            self._quota = self._quota.answered(self._clock.monotonic())
            self._show(self._quota.rate)

    def close(self) -> None:
        """Nothing is open."""


class SharedPace:
    """The bucket of all replicas. Nothing is sent while it does not answer, which the lane's turns tell."""

    def __init__(
        self, quotas: Quotas, clock: Clock, random: Callable[[], float], show: Callable[[float], None]
    ) -> None:
        self._quotas, self._clock, self._random, self._show = quotas, clock, random, show
        self._chunk = Chunk()
        self._waiting = 0
        self._refused = self._answered = False
        self._filling: asyncio.Task[None] | None = None

    def reserve(self) -> float | None:
        """See Pace."""
        now = self._clock.monotonic()
        self._chunk, due = self._chunk.take(now)
        return None if due is None else due - now

    async def fill(self) -> None:
        """See Pace."""
        self._waiting += 1
        try:
            if self._filling is None or self._filling.done():
                self._filling = asyncio.ensure_future(self._fill())
            await asyncio.shield(self._filling)
        finally:
            self._waiting -= 1

    def refused(self) -> None:
        """See Pace."""
        self._refused, self._chunk = True, Chunk()

    def answered(self) -> None:
        """See Pace."""
        self._answered = True

    def close(self) -> None:
        """See Pace."""
        if self._filling is not None:
            self._filling.cancel()

    async def _fill(self) -> None:
        failures = 0
        while not await self._asked():
            failures += 1
            await asyncio.sleep(AGAIN.delay(failures, self._random()))

    async def _asked(self) -> bool:
        """Ask for a chunk; False: no answer."""
        tokens, lead, asked = self._chunk.more(self._waiting), self._chunk.lead, self._clock.monotonic()
        refused, answered, self._refused, self._answered = self._refused, self._answered, False, False
        try:
            taken: Taken = await self._quotas.take(tokens, lead, refused=refused, answered=answered)
        except ConnectorError:
            self._refused = self._refused or refused
            return False
        self._chunk = Chunk(tokens, taken.wait, taken.rate, asked, self._clock.monotonic())
        self._show(taken.rate)
        return True
