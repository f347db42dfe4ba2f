"""An HTTP client without a network."""

import asyncio
from collections.abc import Callable

from connector.core.talk import NoAnswer, Request, Response


def ok(request: Request) -> Response | NoAnswer:
    """Every request succeeds."""
    return Response(200)


class FakeHttp:
    """The Http port. answer: the reply, when the time has come. latency: seconds of the loop's time.

    sent: every request, in order, with the time of the loop at which it was written.
    """

    def __init__(self, answer: Callable[[Request], Response | NoAnswer] = ok, latency: float = 0.01) -> None:
        self.answer, self.latency = answer, latency
        self.sent: list[tuple[float, Request]] = []
        self.flying = self.peak = 0
        self.closed = False

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        self.sent.append((asyncio.get_running_loop().time(), request))
        self.flying += 1
        self.peak = max(self.peak, self.flying)
        try:
            await asyncio.sleep(min(self.latency, timeout))
            return self.answer(request) if self.latency <= timeout else NoAnswer(True, "timed out")
        finally:
            self.flying -= 1

    async def close(self) -> None:
        self.closed = True
