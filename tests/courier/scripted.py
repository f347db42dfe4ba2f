"""A destination that answers by a script, and a courier's engine on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from math import inf

from connector.core.events import Event, Order, Requirement
from connector.core.lots import Lot
from connector.core.model import Kind
from connector.core.retry import Backoff
from connector.core.talk import (
    Accepted,
    Batch,
    Conversation,
    Halt,
    InDoubt,
    NoAnswer,
    Outcome,
    Request,
    Response,
    Retry,
    Sending,
    Wait,
)
from connector.courier.edges import Edges
from connector.courier.engine import Engine
from connector.courier.flight import CourierOptions, Flight
from connector.ports import Grant, Quotas
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp
from tests.fakes.meter import FakeMeter
from tests.support.virtual import run_virtual

LIVE = Lot("event", "", 1, "resend")
PAST = Lot("past_events", "", 500, "hold")
Step = Outcome | Exception
Script = Mapping[str, Sequence[Step]]
FAST = CourierOptions(
    in_flight=4, backoff=Backoff(1, 8, 0.1), pause=Backoff(2, 60, 0.5), threshold=3, gather=0.001
)


def sending(key: str, size: int = 100) -> Sending:
    """An order on its way."""
    event = Event("order", Kind.ORDER_UPDATED, key, Order(key), b"", b"", None, None, size=size)
    return Sending(event)


class Scripted:
    """The Destination port: each event meets the outcomes of its script, one an attempt, then is accepted.

    An exception in the script is raised; of an event in `poison` before anything is sent. polls: requests
    and waits of a conversation after its first request.
    overlaps: events whose attempt began before the earlier one had ended.
    """

    name = "crm"
    patience = 0.0

    def __init__(self, script: Script | None = None, polls: int = 0) -> None:
        self.script = {key: list(steps) for key, steps in (script or {}).items()}
        self.polls = polls
        self.poison = frozenset[str]()
        self.batches: list[tuple[str, list[Sending]]] = []
        self.flying: set[str] = set()
        self.overlaps: set[str] = set()

    def check(self, event: Event) -> str | None:
        return None

    def deep(self, event: Event) -> int:
        return 0

    def requires(self, event: Event) -> Requirement | None:
        return None

    def ensure(self, event: Event, *, shared: bool) -> Event:
        return event

    def refine(self, event: Event, grant: Grant) -> Event:
        return event

    def lot(self, event: Event) -> Lot:
        return LIVE

    def aliases(self, event: Event) -> tuple[str, ...]:
        return ()

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        keys = {one.event.key for one in batch}
        self.overlaps |= keys & self.flying
        self.flying |= keys
        self.batches.append((lot.resource, list(batch)))
        try:
            return (yield from self._play(lot, batch))
        finally:
            self.flying -= keys

    def _play(self, lot: Lot, batch: Batch) -> Conversation:
        if any(one.event.key in self.poison for one in batch):
            raise KeyError("poison")
        steps = [self._step(one.event.key) for one in batch]
        fine = all(isinstance(step, Accepted) for step in steps)
        request = Request("POST", "/200" if fine else "/500", lot.resource, keys_of(batch).encode())
        yield request
        for _ in range(self.polls):
            yield Wait(1.0)
            yield request
        outcomes: list[Outcome] = []
        for step in steps:
            if isinstance(step, Exception):
                raise step
            outcomes.append(step)
        return outcomes

    def _step(self, key: str) -> Step:
        script = self.script.get(key)
        return script.pop(0) if script else Accepted()


class ByReply(Scripted):
    """Outcomes by the reply alone, the same for all events of a batch."""

    def _play(self, lot: Lot, batch: Batch) -> Conversation:
        reply = yield Request("POST", "/", lot.resource, keys_of(batch).encode())
        return [_outcome(reply)] * len(batch)


def _outcome(reply: Response | NoAnswer | None) -> Outcome:
    match reply:
        case Response(status=200):
            return Accepted()
        case Response(status=401):
            return Halt("credentials", "401")
        case Response(status=429, headers=headers):
            return Retry("throttled", float(headers["retry-after"]) if headers else None)
        case NoAnswer(made=True):
            return InDoubt("no answer")
        case NoAnswer():
            return Retry("unreachable")
        case _:
            return Retry("unavailable")


def keys_of(batch: Iterable[Sending]) -> str:
    """For messages and bodies."""
    return " ".join(one.event.key for one in batch)


def by_path(request: Request) -> Response:
    """The status stands in the path."""
    return Response(int(request.path[1:]))


class Bench:
    """An engine with everything around it; `run` gives it to a story and ends it afterwards.

    lease: seconds for which the claims are its own.
    """

    def __init__(
        self,
        destination: Scripted,
        options: CourierOptions = FAST,
        *,
        clock: FakeClock | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        self.clock, self.meter = clock or FakeClock(0.0), FakeMeter()
        self.destination, self.options = destination, options
        self.news = 0
        self.lease, self.quotas = inf, quotas
        self.use(FakeHttp(by_path))

    def use(self, http: FakeHttp) -> None:
        """With this client."""
        self.http = http
        edges = Edges(self.destination, http, self.clock, self.meter, lambda: self.lease, self.quotas)
        self.engine = Engine(edges, self.options, lambda: 0.5, self._heard)

    def run(self, story: Callable[["Bench"], Awaitable[None]]) -> "Bench":
        """Open the engine and live through the story."""
        run_virtual(self.clock, self._live(story))
        assert not self.destination.overlaps
        return self

    def take(self, *batches: Sequence[Sending], lot: Lot = LIVE) -> None:
        """Hand in batches."""
        self.engine.take([Flight(lot, list(batch)) for batch in batches])

    async def until(self, done: Callable[[], bool], limit: float = 1e6) -> None:
        """Let time pass until it is so."""
        begun = self.clock.monotonic()
        while not done():
            waited = self.clock.monotonic() - begun
            assert waited < limit, "it never came to that"
            await asyncio.sleep(max(0.01, waited / 1000))

    async def landed(self, count: int) -> None:
        """Let time pass until so many events have landed."""
        await self.until(lambda: len(self.engine.landed) >= count)

    @property
    def outcomes(self) -> dict[str, str]:
        """Key → class of its final outcome."""
        keys = [one.sending.event.key for one in self.engine.landed]
        assert len(keys) == len(set(keys)), "an event landed twice"
        return {one.sending.event.key: type(one.outcome).__name__ for one in self.engine.landed}

    def sent(self) -> list[tuple[float, str]]:
        """When which keys were written."""
        return [(round(at, 2), (request.body or b"").decode()) for at, request in self.http.sent]

    async def _live(self, story: Callable[["Bench"], Awaitable[None]]) -> None:
        self.engine.open()
        try:
            await story(self)
        finally:
            await self.engine.abandon()

    def _heard(self) -> None:
        self.news += 1
