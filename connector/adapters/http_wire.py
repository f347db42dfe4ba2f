"""HTTP/1.1 on the courier's own event loop: uvloop's transports, httptools' parser. The default client.

A request of the live path is so small that what surrounds it is its cost: measured for 100,000 posts of
1 KB, 1.1 to 3.6 CPU-seconds here, 5.2 to 9.4 by pyreqwest, whose own thread has to take the interpreter's
lock for each answer besides, and 75 by httpx2. It does what the port asks and no more: no proxy (httpx2 has
them), no redirects, no cookies, no compression, no second attempt.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from connector.adapters.http_answer import Answering
from connector.adapters.http_options import Credentials, HttpOptions, tls_context, too_large
from connector.core.talk import NoAnswer, Request, Response

HEADS: Final = 64
"""So many heads of requests are kept; paths with an id in them are soon forgotten."""
PORTS: Final = {"http": 80, "https": 443}


class _Head(Struct, frozen=True):
    """A request up to its length, made once per resource.

    own, credentials: the headers that it was made with; others make another head.
    """

    own: Mapping[str, str]
    credentials: Mapping[str, str]
    text: bytes


class WireHttp:
    """The Http port. `credentials` gives the headers that prove who asks. To be used on one event loop.

    A connection carries one request at a time; one that is left open by its answer is used again, the last
    one first, until it has been idle for too long.
    """

    def __init__(self, options: HttpOptions, credentials: Callable[[], Mapping[str, str]]) -> None:
        """Raises ConfigError for TLS files that cannot be used."""
        parts = urlsplit(options.base_url)
        self._host = parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._netloc, self._path = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
        context = tls_context(options)
        self._tls: ssl.SSLContext | None = context if parts.scheme == "https" else None
        self._options, self._credentials = options, Credentials(credentials)
        self._heads: dict[tuple[str, str], _Head] = {}
        self._idle: deque[Answering] = deque()
        self._flying: set[Answering] = set()
        self._watch: asyncio.TimerHandle | None = None

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        """One attempt, whole within `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        head = self._head(request)
        connection = self._used(loop.time())
        if connection is None:
            made = await self._connect(loop, timeout)
            if type(made) is NoAnswer:
                return made
            connection = made
        body = request.body
        length = b"content-length: %d\r\n\r\n" % len(body) if body is not None else b"\r\n"
        answer = connection.ask(head + length + (body or b""), deadline)
        self._flying.add(connection)
        if self._watch is None or deadline < self._watch.when():
            self._watch_for(deadline)
        try:
            reply = await answer
        finally:
            self._flying.discard(connection)
            self._keep(connection, loop.time())
        if type(reply) is NoAnswer:
            return reply
        self._credentials.judge(reply.status)
        return reply if len(reply.body) <= self._options.body_limit else too_large(reply)

    async def close(self) -> None:
        """Close idle connections; what is in flight fails."""
        for connection in [*self._idle, *self._flying]:
            connection.abort()
        self._idle.clear()
        if self._watch is not None:
            self._watch.cancel()

    # --- Deadlines --------------------------------------------------------------------------------

    def _watch_for(self, deadline: float) -> None:
        """One timer for all that flies: most answers come long before, and a timer each costs as much as
        what is done with the answer."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = asyncio.get_running_loop().call_at(deadline, self._end_the_late)

    def _end_the_late(self) -> None:
        self._watch, now = None, asyncio.get_running_loop().time()
        for connection in [one for one in self._flying if one.deadline <= now]:
            connection.late()
        if left := [one.deadline for one in self._flying if one.deadline > now]:
            self._watch_for(min(left))

    # --- Connections ------------------------------------------------------------------------------

    def _used(self, now: float) -> Answering | None:
        """The connection that was used last, if the server still has it."""
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and now - connection.since <= self._options.idle:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Answering, now: float) -> None:
        """What has been idle for too long goes."""
        if connection.reusable and len(self._idle) < self._options.connections:
            connection.since = now
            self._idle.append(connection)
        else:
            connection.abort()
        while self._idle and now - self._idle[0].since > self._options.idle:
            self._idle.popleft().abort()

    async def _connect(self, loop: asyncio.AbstractEventLoop, timeout: float) -> Answering | NoAnswer:
        """Name, TCP and TLS: a request that fails here was provably never made."""
        limit = self._options.body_limit
        try:
            async with asyncio.timeout(min(timeout, self._options.connect_timeout)):
                _, connection = await loop.create_connection(
                    lambda: Answering(loop, limit), self._host, self._port, ssl=self._tls
                )
        except TimeoutError:
            return NoAnswer(False, "connecting took too long")
        except (OSError, ssl.SSLError) as error:
            return NoAnswer(False, (error.strerror or type(error).__name__).lower())
        return connection

    # --- The head of a request --------------------------------------------------------------------

    def _head(self, request: Request) -> bytes:
        key, credentials = (request.method, request.path), self._credentials.headers()
        head = self._heads.get(key)
        if head is None or head.own is not request.headers or head.credentials is not credentials:
            if len(self._heads) >= HEADS:
                self._heads.clear()
            text = self._text(request, {**credentials, **request.headers})
            head = self._heads[key] = _Head(request.headers, credentials, text)
        return head.text

    def _text(self, request: Request, headers: Mapping[str, str]) -> bytes:
        given = {"host": self._netloc, "user-agent": self._options.user_agent, "accept": "*/*", **headers}
        first = f"{request.method} {self._path}{request.path} HTTP/1.1"
        lines = [first, *(f"{name}: {value}" for name, value in given.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in the head of a request")
        return "\r\n".join([*lines, ""]).encode("latin-1")
