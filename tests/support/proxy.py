"""A TCP proxy whose wires can be cut, stalled and unplugged: what networks do, at a byte that a test names.

It copies bytes and knows no protocol. A cut behind the request and before the answer is the lost answer.
"""

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from tests.support.proxy_wire import Way, Wire

T = TypeVar("T")
How = Literal["close", "reset"]
_SECONDS = 60.0


@dataclass(frozen=True)
class Cut:
    """So many bytes of each wire still pass; the next one ends it instead.

    way: up (client to server) or down. after: bytes counted from when the cut is set, or from the wire's
    beginning; drawn for each wire from a range. times: wires that are cut before all is well again.
    how: close lets arrive what was passed, then ends in order; reset may take back even that.
    """

    way: Way
    after: int | range = 0
    times: int = 1
    how: How = "close"


class Proxy:
    """Before one server. A context manager. `port` of an address of this machine stays for its whole life.

    connections, cuts: how many there were. seed: of what is drawn.
    """

    def __init__(self, host: str, port: int, *, seed: int = 0, at: str = "127.0.0.1") -> None:
        """Where the bytes go; at: the address it listens on. The port is taken, and refuses until `start`."""
        self.target, self.host = (host, port), at
        self.connections = self.cuts = 0
        # Bound and never listening: it keeps the port while the listener is away.
        self._keeper = _bound(at, 0)
        self.port: int = self._keeper.getsockname()[1]
        self._random = random.Random(seed)
        self._cut: Cut | None = None
        self._wires: dict[Wire, int | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None

    # --- What a test does to it -------------------------------------------------------------------

    def cut(self, cut: Cut) -> None:
        """Set a cut on all wires, those to come included; it replaces the one before."""
        self._call(lambda: self._set(cut))

    def stall(self) -> None:
        """From now on nothing passes either way; connections are made, and say nothing."""
        self._call(self._flowing.clear)

    def flow(self) -> None:
        """Bytes pass again, those that were held back first."""
        self._call(self._flowing.set)

    def reset(self) -> None:
        """Break every connection; what was held back is lost."""
        self._call(self._break)

    def refuse(self) -> None:
        """Break every connection, and refuse new ones."""
        self._call(self._shut)
        self.reset()

    def accept(self) -> None:
        """Take connections again."""
        self._complete(self._listen())

    def heal(self) -> None:
        """No cut, no stall, connections welcome; the broken ones stay broken."""
        self._call(lambda: self._set(None))
        self.flow()
        self.accept()

    # --- Its life ---------------------------------------------------------------------------------

    def start(self) -> Self:
        """Take connections."""
        self._thread.start()
        self.heal()
        return self

    def stop(self) -> None:
        """Break every connection, and give the port back."""
        self.refuse()
        self._complete(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()
        self._keeper.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- On the loop ------------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._take, sock=_bound(self.host, self.port))

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _break(self) -> None:
        for wire in self._wires:
            wire.end("reset")

    async def _finish(self) -> None:
        self._flowing.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        wire = Wire(self.target, reader, writer, self._flowing, self._allow)
        self._wires[wire] = self._draw()
        task = asyncio.ensure_future(wire.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._wires.pop(wire, None))

    def _set(self, cut: Cut | None) -> None:
        self._cut = cut
        self._wires = {wire: self._draw() for wire in self._wires}

    def _draw(self) -> int | None:
        if self._cut is None:
            return None
        after = self._cut.after
        return after if isinstance(after, int) else self._random.choice(after)

    def _allow(self, wire: Wire, way: Way, size: int) -> tuple[int, str]:
        """How many of these bytes pass, and how the wire ends then ("": it does not)."""
        cut, left = self._cut, self._wires.get(wire)
        if cut is None or left is None or way != cut.way:
            return size, ""
        if size <= left:
            self._wires[wire] = left - size
            return size, ""
        self.cuts += 1
        if cut.times == 1:
            self._set(None)
        else:
            self._cut = Cut(cut.way, cut.after, cut.times - 1, cut.how)
        return left, cut.how

    def _call(self, function: Callable[[], T]) -> T:
        async def run() -> T:
            return function()

        return self._complete(run())

    def _complete(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    return made
