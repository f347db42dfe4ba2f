"""The CRM of a stage: the sandbox's own state behind an HTTP port that loses answers."""

import asyncio
import base64
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from connector.core.talk import NoAnswer, Request, Response
from connector.sandbox.crm import Crm
from connector.sandbox.options import Options
from connector.sandbox.yespo import Call, Yespo
from tests.support.fuse import Fuse, Killed
from tests.support.stage_courier import StageClock

Fate = Literal["ok", "lost", "vanished", "slow", "refused", "500", "500 applied", "503", "429", "401"]
"""What becomes of one request. lost: applied, no answer; vanished: neither; refused: no connection;
slow: no answer within the client's time limit."""
DOUBTS = {"lost", "vanished", "slow", "500", "500 applied"}
APPLIED = {"ok", "lost", "500 applied"}
MARK = b'"marked"'
"""A request with this in it is refused (400), a batch as a whole."""
LATENCY = 0.02
_HEADERS = (
    (b"authorization", b"Basic " + base64.b64encode(b"u:sandbox-key")),
    (b"content-type", b"application/json"),
)

Sent = tuple[str, str, str]
"""Entity, key and `rev`: which version of what."""


class StageCrm:
    """fate: what becomes of a request. applied: every version in the order in which the CRM took it.

    says: an answer that takes the place of all that (None: none does); nothing is applied then.
    doubts: how often a request with a version in it ended with nobody knowing (deaths: see Stage).
    """

    def __init__(self, clock: StageClock, **options: Any) -> None:
        chosen = {"rate_per_second": 0, "import_seconds": 0.2, "segmented": None, **options}
        self.crm = Crm(Options(**chosen), clock.now)
        self._yespo = Yespo(self.crm)
        self.fate: Callable[[Request], Fate] = lambda _: "ok"
        self.says: Callable[[Request], Response | None] = lambda _: None
        self.applied: list[Sent] = []
        self.doubts: Counter[Sent] = Counter()
        self.requests: list[Request] = []
        self._sessions: dict[str, list[Sent]] = {}

    def receive(self, request: Request) -> Fate:
        """The request is written."""
        self.requests.append(request)
        return self.fate(request)

    def serve(self, request: Request, fate: Fate) -> Response | NoAnswer:
        """Apply it, or not, and answer, or not."""
        if (said := self.says(request)) is not None:
            return said
        if fate in DOUBTS:
            self.doubts.update(sent_in(request))
        if fate == "401" and request.resource == "import_status":
            # An import whose end cannot be asked for is sent again (RULES 4: contacts resend).
            self.doubts.update(self._sessions[request.path.rpartition("/")[2]])
        answer = self.apply(request) if fate in APPLIED else None
        match fate:
            case "lost" | "vanished" | "slow":
                return NoAnswer(True, "connection lost")
            case "refused":
                return NoAnswer(False, "connection refused")
            case "500" | "500 applied":
                return Response(500)
            case "503" | "429" | "401":
                return Response(int(fate))
        assert answer is not None
        return answer

    def cut(self, request: Request, fate: Fate) -> None:
        """The process died while the request was on its way: it arrives, or not, and nobody hears of it."""
        if fate in APPLIED:
            self.apply(request)

    def apply(self, request: Request) -> Response:
        """What the CRM itself makes of it."""
        if MARK in (request.body or b""):
            return Response(400, b"marked")
        path, _, query = request.path.partition("?")
        call = Call(request.method, path, query.encode(), _HEADERS, request.body or b"")
        answer = self._yespo.handle(call)[1]
        if answer.status == 200 and request.resource != "import_status":
            self.applied += sent_in(request)
            if request.resource == "contacts":
                self._sessions[msgspec.json.decode(answer.body)["asyncSessionId"]] = sent_in(request)
        return Response(answer.status, answer.body)

    def taken(self, entity: str, key: str) -> list[str]:
        """The versions of one entity, in the order in which the CRM took them."""
        return [rev for kind, name, rev in self.applied if (kind, name) == (entity, key)]


class StageHttp:
    """The Http port of one process: with its death it falls silent."""

    def __init__(self, crm: StageCrm, fuse: Fuse) -> None:
        self._crm, self._fuse = crm, fuse
        self._flying: dict[int, tuple[Request, Fate]] = {}

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        try:
            return await self._send(request, timeout)
        except Killed:
            await asyncio.get_running_loop().create_future()
            raise

    async def _send(self, request: Request, timeout: float) -> Response | NoAnswer:
        self._fuse.tick("http")
        fate = self._crm.receive(request)
        self._flying[id(request)] = (request, fate)
        await asyncio.sleep(timeout if fate == "slow" else LATENCY)
        self._fuse.check()
        del self._flying[id(request)]
        reply = self._crm.serve(request, fate)
        self._fuse.tick("http answered")
        return reply

    def die(self) -> None:
        """What was on its way when the process died arrives by its own fate."""
        for request, fate in self._flying.values():
            self._crm.cut(request, fate)
        self._flying.clear()

    async def close(self) -> None:
        """Nothing is open."""


def sent_in(request: Request) -> list[Sent]:
    """The versions that a request carries. A contact's `rev` is its first name ("": made for an order)."""
    if request.resource == "erasures":
        return [("contact", request.path.partition("externalCustomerId=")[2].partition("&")[0], "erased")]
    if request.body is None:
        return []
    body = msgspec.json.decode(request.body)
    if "contacts" in body:
        return [("contact", _contact_key(c), c.get("firstName", "")) for c in body["contacts"]]
    return [_order(event) for event in body.get("events", [body])]


def _contact_key(contact: dict[str, Any]) -> str:
    if known := contact.get("externalCustomerId"):
        return str(known)
    channel = contact["channels"][0]
    return f"{'phone' if channel['type'] == 'sms' else 'email'}:{channel['value']}"


def _order(event: dict[str, Any]) -> Sent:
    params = {param["name"]: param["value"] for param in event["params"]}
    return ("order", str(params["externalOrderId"]), str(params.get("rev", "")))
