"""The sandbox as an ASGI application: control, faults, then the API."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from connector.sandbox.answers import Answer
from connector.sandbox.clock import MovableClock
from connector.sandbox.control import PREFIX, Control
from connector.sandbox.crm import Crm
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.options import Options
from connector.sandbox.records import Seen
from connector.sandbox.yespo import Call, Yespo

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
CUT = "sandbox.cut"
_REFUSED = 300


class Application:
    """One account behind ASGI. scope[CUT], put there by the server, drops the connection."""

    def __init__(self, options: Options) -> None:
        self.clock = MovableClock()
        self.crm = Crm(options, self.clock)
        self.faults = Faults(self.clock)
        self.yespo = Yespo(self.crm)
        self._control = Control(self.yespo, self.faults, self.clock)
        self._hanging: set[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = set()
        self._dropped = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        body = await _read(receive)
        method, path, query = scope["method"], scope["path"], scope["query_string"]
        if path == "/" or path.startswith(PREFIX):
            await _send(send, self._control.handle(method, path, query, body))
            return
        call = Call(method, path.removeprefix("/api"), query, scope["headers"], body)
        fault = self.faults.pick(method, call.path, body)
        answer = self._answer(call) if fault is None else await self._faulty(fault, call)
        if answer is not None:
            await _send(send, answer)
            return
        entry = (asyncio.get_running_loop(), scope[CUT])
        self._hanging.add(entry)
        if self._dropped or (fault and fault.do != "hang"):
            scope[CUT]()
        await _gone(receive)
        self._hanging.discard(entry)

    def drop(self) -> None:
        """Cut the requests that hang, now and from now on; from any thread."""
        self._dropped = True
        for loop, cut in list(self._hanging):
            loop.call_soon_threadsafe(cut)

    def _answer(self, call: Call) -> Answer:
        name, answer = self.yespo.handle(call)
        self._log(name, call, answer.status)
        return answer

    async def _faulty(self, fault: Fault, call: Call) -> Answer | None:
        """Do the fault; no answer = the connection is cut, or hangs."""
        if fault.delay:
            await asyncio.sleep(fault.delay)
        name, answer = "fault", None
        if fault.do in {"delay", "lost_answer"} or fault.apply:
            heard = fault.do == "delay" or (fault.do == "status" and fault.status < _REFUSED)
            name, answer = self.yespo.handle(msgspec.structs.replace(call, answered=heard))
        if fault.do != "delay":
            answer = fault.answer() if fault.do in {"status", "refuse_auth"} else None
        self._log(name, call, answer.status if answer else 0, fault.do)
        return answer

    def _log(self, name: str, call: Call, status: int, fault: str | None = None) -> None:
        self.crm.saw(name, Seen(self.clock(), call.method, call.path, status, len(call.body), fault))


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


async def _send(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"content-length", b"%d" % len(answer.body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
