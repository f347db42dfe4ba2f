"""One connection through the proxy: two pumps, and two ways to end."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

Way = Literal["up", "down"]
"""Client to server; server to client."""
_CHUNK = 1 << 16


class Wire:
    """allow: how many of so many bytes may pass, and how the wire ends after them ("": it goes on)."""

    def __init__(
        self,
        target: tuple[str, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        flowing: asyncio.Event,
        allow: Callable[["Wire", Way, int], tuple[int, str]],
    ) -> None:
        """A client has connected; the server not yet."""
        self._target, self._reader, self._writers = target, reader, [writer]
        self._flowing, self._allow = flowing, allow
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Copy until both sides have ended, or the wire is."""
        try:
            reader, writer = await asyncio.open_connection(*self._target)
        except OSError:
            self.end("reset")
            return
        self._writers.append(writer)
        both = asyncio.gather(
            self._pump("up", self._reader, writer), self._pump("down", reader, self._writers[0])
        )
        both.add_done_callback(lambda _: self._over.set())
        await self._over.wait()
        both.cancel()
        await asyncio.gather(both, return_exceptions=True)
        self.end("close")

    def end(self, how: str) -> None:
        """close: in order, after what was passed. reset: at once."""
        for writer in self._writers:
            if how == "reset":
                _abort(writer)
            else:
                writer.close()
        self._over.set()

    async def _pump(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._flowing.wait()
                passed, how = self._allow(self, way, len(data))
                writer.write(data[:passed])
                await writer.drain()
                if how:
                    self.end(how)
                    return
            await self._flowing.wait()
            writer.write_eof()
        except OSError:
            self.end("reset")


def _abort(writer: asyncio.StreamWriter) -> None:
    """RST, whatever is still to be sent."""
    raw = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()
