"""Between the processes and the CRM: requests that arrive, or not, and answers that come, or not."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from connector.core.talk import NoAnswer, Request, Response
from tests.simulation.scenario import Fate
from tests.simulation.sim import Sim
from tests.support.stage_crm import Sent, StageCrm, sent_in

APPLIED = frozenset({"ok", "lost", "slow", "late", "500 applied", "failed", "error"})
STATUS = {"500": 500, "500 applied": 500, "503": 503, "429": 429, "401": 401}
WAY = 0.01
"""Seconds from a process to the CRM, and back."""
LATE = 1.5
"""Seconds after its time limit at which a late request is applied."""


class Flight:
    """A request that was written. by: the process. state: open | refused (certainly not applied) | accepted |
    doubt; over: its claim was settled since. late: the CRM applies it after its time limit; stale: it was
    written after its claim was another's to take. listed: contacts that its import failed for; broken: it
    ends in ERROR."""

    __slots__ = ("broken", "by", "late", "listed", "number", "over", "request", "sent", "stale", "state")

    def __init__(self, by: Any, number: int, request: Request) -> None:
        self.by, self.number, self.request = by, number, request
        self.sent: list[Sent] = sent_in(request)
        self.state = "open"
        self.over = self.late = self.stale = self.broken = False
        self.listed: set[str] = set()

    def __str__(self) -> str:
        told = ", ".join(f"{key}={rev or 'made'}" for _, key, rev in self.sent)
        return f"#{self.number} {self.request.resource} {told}"


class Network:
    """All requests of all processes. fates: by number, the rest are ok. down: the CRM is.

    written, applied: who judges.
    """

    def __init__(self, sim: Sim, crm: StageCrm, fates: Mapping[int, Fate]) -> None:
        self._sim, self._crm, self._fates = sim, crm, dict(fates)
        self._count = 0
        self.down = False
        self.written: Callable[[Flight], object] = lambda _: None
        self.applied: Callable[[Flight], object] = lambda _: None

    def take(
        self, by: Any, request: Request, timeout: float, answer: Callable[[Response | NoAnswer], object]
    ) -> Flight:
        """A process writes a request; `answer` is called with what comes back to it, if anything does."""
        self._count += 1
        flight = Flight(by, self._count, request)
        fate: Fate = "503" if self.down else self._fates.get(self._count, "ok")
        self.written(flight)
        flight.late = fate == "late"
        on_the_way = timeout + LATE if flight.late else WAY * (1 + self._sim.random.random())
        self._sim.after(on_the_way, lambda: self._arrive(flight, fate, answer))
        return flight

    def _arrive(self, flight: Flight, fate: Fate, answer: Callable[[Response | NoAnswer], object]) -> None:
        reply = self._serve(flight, fate)
        if fate not in {"slow", "late"}:
            self._sim.after(WAY * (1 + self._sim.random.random()), lambda: answer(reply))

    def _serve(self, flight: Flight, fate: Fate) -> Response | NoAnswer:
        reply: Response | NoAnswer = NoAnswer(fate != "refused", "connection lost")
        if fate in APPLIED:
            told = self._apply(flight, fate)
            reply = told if fate in {"ok", "failed", "error"} else reply
        if fate in STATUS:
            hurry = fate == "429" and flight.number % 2
            reply = Response(STATUS[fate], b"", {"retry-after": "3"} if hurry else {})
        return reply

    def _apply(self, flight: Flight, fate: Fate) -> Response:
        crm, is_import = self._crm.crm, flight.request.resource == "contacts"
        crm.failing = set(_first_id(flight.request)) if is_import and fate == "failed" else set()
        crm.broken_imports = int(is_import and fate == "error")
        flight.listed, flight.broken = crm.failing, crm.broken_imports > 0
        answer = self._crm.apply(flight.request)
        crm.failing, crm.broken_imports = set(), 0
        if answer.status == 200:
            self.applied(flight)
        return answer


class SimHttp:
    """The Http port of one process. about: it is called. pulse: the process may stop here, or end: then a
    future to wait for. take: see Network. heard: an answer has come to the process.
    """

    def __init__(
        self,
        about: Callable[[Request, float], object],
        pulse: Callable[[str], "asyncio.Future[None] | None"],
        take: Callable[[Request, float, Callable[[Response | NoAnswer], object]], Flight],
        heard: Callable[[Flight, Response | NoAnswer], object],
    ) -> None:
        self._about, self._pulse, self._take, self._heard = about, pulse, take, heard

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        self._about(request, timeout)
        await self._beat("http")
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Response | NoAnswer] = loop.create_future()
        timer = loop.call_later(timeout, _set, reply, NoAnswer(True, "timed out"))
        flight = self._take(request, timeout, lambda answer: loop.call_soon(_set, reply, answer))
        answer = await reply
        timer.cancel()
        flight.state = state_of(answer)
        self._heard(flight, answer)
        await self._beat("http answered")
        return answer

    async def _beat(self, name: str) -> None:
        gone = self._pulse(name)
        if gone is not None:
            await gone

    async def close(self) -> None:
        """Nothing is open."""


def _set(reply: "asyncio.Future[Response | NoAnswer]", answer: Response | NoAnswer) -> None:
    if not reply.done():
        reply.set_result(answer)


def state_of(answer: Response | NoAnswer) -> str:
    """What an answer tells of its request (RULES 4)."""
    if isinstance(answer, NoAnswer):
        return "doubt" if answer.made else "refused"
    if answer.status // 100 == 2:
        return "accepted"
    return "doubt" if answer.status in {500, 502, 504} else "refused"


def _first_id(request: Request) -> list[str]:
    contacts = msgspec.json.decode(request.body or b"{}").get("contacts") or [{}]
    found = contacts[0].get("externalCustomerId")
    return [str(found)] if found else []
