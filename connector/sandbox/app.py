"""The sandbox as an ASGI application: control, faults, then the API."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from functools import partial
from typing import Any

from msgspec.structs import replace

from connector.sandbox.answers import Answer
from connector.sandbox.clock import MovableClock
from connector.sandbox.control import PREFIX, Control
from connector.sandbox.crm import Crm
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.metrica import request as metrica
from connector.sandbox.metrica.control import MetricaControl
from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.errors import fault_answer
from connector.sandbox.metrica.service import Metrica
from connector.sandbox.metrica.spool import Spool
from connector.sandbox.options import Options
from connector.sandbox.records import Seen
from connector.sandbox.yespo import Call, Yespo

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
CUT = "sandbox.cut"


class Application:
    """One account of Yespo and one counter of Metrica behind ASGI.

    scope[CUT], put there by the server, drops the connection.
    """

    def __init__(self, options: Options) -> None:
        self.clock = MovableClock()
        self.crm = Crm(options, self.clock)
        self.faults = Faults(self.clock)
        self.yespo = Yespo(self.crm)
        self.metrica = Metrica(Counter(options.metrica, self.clock))
        self._control = Control(self.yespo, MetricaControl(self.metrica), self.faults, self.clock)
        self._hanging: set[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = set()
        self._dropped = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        method, path, query = scope["method"], scope["path"], scope["query_string"]
        if path.startswith(metrica.PREFIX):
            await self._at_metrica(scope, receive, send)
            return
        body = await _read(receive)
        if path == "/" or path.startswith(PREFIX):
            await _send(send, self._control.handle(method, path, query, body))
            return
        call = Call(method, path.removeprefix("/api"), query, scope["headers"], body)
        fault = self.faults.pick(method, call.path, body)
        answer = self._answer(call) if fault is None else await self._faulty(fault, call)
        if answer is None:
            await self._hang(fault, scope, receive)
        else:
            await _send(send, answer)

    def drop(self) -> None:
        """Cut the requests that hang, now and from now on; from any thread."""
        self._dropped = True
        for loop, cut in list(self._hanging):
            loop.call_soon_threadsafe(cut)

    # --- Yespo ----------------------------------------------------------------------------------------

    def _answer(self, call: Call) -> Answer:
        name, answer = self.yespo.handle(call)
        self._log(name, call, answer.status)
        return answer

    async def _faulty(self, fault: Fault, call: Call) -> Answer | None:
        """Do the fault; no answer = the connection is cut, or hangs."""
        name, answer = "fault", None
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.is_carried_out:
            name, answer = self.yespo.handle(replace(call, answered=fault.is_heard))
        if fault.do != "delay":
            answer = fault.answer() if fault.speaks else None
        self._log(name, call, answer.status if answer else 0, fault.do)
        return answer

    def _log(self, name: str, call: Call, status: int, fault: str | None = None) -> None:
        self.crm.saw(name, Seen(self.clock(), call.method, call.path, status, len(call.body), fault))

    # --- Metrica --------------------------------------------------------------------------------------

    async def _at_metrica(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Its uploads may be large and long: they are worked on in a thread, and hold up nobody."""
        with Spool(self.crm.options.metrica.body_bytes) as body:
            answer = await self._spooled(scope, receive, body)
        if answer is not None:
            date = ("date", formatdate(self.clock(), usegmt=True))  # tells how long the day's quota lasts
            await _send(send, replace(answer, headers=(date, *answer.headers)))

    async def _spooled(self, scope: Scope, receive: Receive, body: Spool) -> Answer | None:
        """No answer = the connection is gone."""
        address = (scope.get("client") or ("", 0))[0]
        request = metrica.Request(
            scope["method"], scope["path"], scope["query_string"], scope["headers"], address, body
        )
        with self.metrica.entering(request) as refusal:
            if not await _spool(receive, body):
                return None
            pick = partial(self.faults.pick, request.method, request.path, body)  # may read all of it
            fault = None if refusal else await asyncio.to_thread(pick)
            answer = await self._metrica_answer(request, fault, refusal)
            if answer is None:
                await self._hang(fault, scope, receive)
            return answer

    async def _metrica_answer(
        self, request: metrica.Request, fault: Fault | None, answer: Answer | None
    ) -> Answer | None:
        """answer: of a request that may not enter."""
        name = "fault" if fault else "refused"
        if fault is not None:
            await asyncio.sleep(fault.delay)
        if answer is None and (fault is None or fault.is_carried_out):
            request = replace(request, answered=fault is None or fault.is_heard)
            name, answer = await asyncio.to_thread(self.metrica.handle, request)
        if fault is not None and fault.do != "delay":
            answer = fault_answer(fault) if fault.speaks else None
        did, status = fault.do if fault else None, answer.status if answer else 0
        seen = Seen(self.clock(), request.method, request.path, status, request.body.size, did)
        self.metrica.counter.saw(name, seen)
        return answer

    # --- Both -----------------------------------------------------------------------------------------

    async def _hang(self, fault: Fault | None, scope: Scope, receive: Receive) -> None:
        """Cut the connection, or leave it until the client is gone."""
        entry = (asyncio.get_running_loop(), scope[CUT])
        self._hanging.add(entry)
        if self._dropped or (fault and fault.do != "hang"):
            scope[CUT]()
        await _gone(receive)
        self._hanging.discard(entry)


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _spool(receive: Receive, body: Spool) -> bool:
    """Whether it came whole."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        body.write(message.get("body", b""))
        more = message.get("more_body", False)
    return True


async def _send(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
