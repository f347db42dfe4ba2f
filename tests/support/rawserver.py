"""An HTTP server made of bytes: what it does wrong is the point, so it is written by hand."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple


class RawRequest(NamedTuple):
    """What arrived: names of headers in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """One accepted connection: reads whole requests, writes any bytes, ends as asked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self._reader, self._writer = reader, writer

    async def request(self) -> RawRequest:
        """The next request, its body by Content-Length. IncompleteReadError: the client has gone."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        method, target, _ = first.split(" ")
        return RawRequest(method, target, headers, body)

    async def write(self, data: bytes) -> None:
        """Send these bytes now."""
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        """End with FIN."""
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """End with RST."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._writer.transport.abort()


Behaviour = Callable[["RawServer", Connection], Awaitable[None]]


class RawServer:
    """Counts connections and keeps requests; `behave` runs for every connection."""

    def __init__(self, behave: Behaviour, *, tls: bool = False) -> None:
        self.requests: list[RawRequest] = []
        self.connections = 0
        self.port = 0
        self._behave, self._scheme = behave, "https" if tls else "http"
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    async def request(self, connection: Connection) -> RawRequest:
        """Read the next request and keep it."""
        self.requests.append(await connection.request())
        return self.requests[-1]

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection was made."""
        self.connections += 1
        task = asyncio.ensure_future(self._serve(Connection(reader, writer, self.connections)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def silence(self) -> None:
        """Until every connection is at its end, and its clients could hear of that."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await settled()

    async def stop(self) -> None:
        """End every connection, also those that hang on purpose."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, connection: Connection) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._behave(self, connection)
        finally:
            await connection.close()


@asynccontextmanager
async def serve(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """A listening server on a free port of 127.0.0.1."""
    raw = RawServer(behave, tls=tls is not None)
    listener = await asyncio.start_server(raw.accept, "127.0.0.1", 0, ssl=tls)
    raw.port = listener.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        listener.close()
        await raw.stop()


async def settled() -> None:
    """What had arrived is read, however long the machine stood still: each turn looks at sockets."""
    for _ in range(20):
        await asyncio.sleep(0)


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    """A whole answer with its Content-Length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
