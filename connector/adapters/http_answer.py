"""One HTTP/1.1 connection of `http_wire`: a request out, its answer in."""

import asyncio
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from connector.core.talk import NoAnswer, Response

HEAD_LIMIT: Final = 65_536
"""Bytes before the body of an answer."""
OK, NO_CONTENT, NOT_MODIFIED = 200, 204, 304


class Answering(asyncio.Protocol):
    """The client's end of a connection. Times are by the loop's clock.

    since: when it fell idle. deadline: when its answer is due; who has it looks after that.
    Whatever goes wrong after `ask` leaves the request in doubt.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, body_limit: int) -> None:
        """Not connected yet."""
        self._loop, self._limit = loop, body_limit
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response | NoAnswer] | None = None
        self._parser = HttpResponseParser(self)
        self._open = False
        self._clear()
        self.since = self.deadline = 0.0

    def _clear(self) -> None:
        """No answer has begun."""
        self._status = self._size = self._before = 0
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._headed = self._whole = self._keeps = self._until_eof = False

    @property
    def reusable(self) -> bool:
        """Whether another request may be written: the last one is answered, and the server stays."""
        return self._open and self._answer is None

    def ask(self, request: bytes, deadline: float) -> asyncio.Future[Response | NoAnswer]:
        """Write it; its answer, or NoAnswer in doubt."""
        if self._transport is None:
            raise AssertionError("asked before it was connected")
        self._answer, self.deadline = self._loop.create_future(), deadline
        self._transport.write(request)
        return self._answer

    def late(self) -> None:
        """Its deadline has passed, unless it has just been answered."""
        if self._answer is not None:
            self._fail("operation timed out")

    def abort(self) -> None:
        """Close at once."""
        self._fail("closed here")

    # --- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The server is there."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck type only
        self._open = True

    def data_received(self, data: bytes) -> None:
        """A part of an answer; while idle, nobody asked for anything."""
        if self._answer is None:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self._whole:
                self._fail("the answer is not HTTP")
                return
            self._open = False  # something follows the answer
        if self._whole or self._size > self._limit:
            self._finish()
        elif not self._headed:
            self._before += len(data)
            if self._before > HEAD_LIMIT:
                self._fail("the head of the answer is too large")

    def eof_received(self) -> None:
        """An answer without a length ends so."""
        if self._until_eof:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed by either side. What leads back here is let go of: cycles are seldom looked for."""
        self._fail("connection reset" if exc else "connection closed")
        self._transport = None
        del self._parser

    # --- What httptools calls ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Only one answer was asked for."""
        if self._whole:
            raise ValueError("another answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, its name in any case; trailers are passed over."""
        if not self._headed:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The body comes next; or the answer itself, after an interim one."""
        self._status = self._parser.get_status_code()
        if self._status < OK:
            self._headers = {}
            return
        self._headed = True
        bare = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        self._until_eof = bare and self._status not in (NO_CONTENT, NOT_MODIFIED)

    def on_body(self, body: bytes) -> None:
        """A part of the body; what is past the limit is not kept."""
        if self._size <= self._limit:
            self._body.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        self._whole = self._headed
        self._keeps = self._parser.should_keep_alive()

    # --- The end of an answer ---------------------------------------------------------------------

    def _finish(self) -> None:
        """Nothing more of it is of interest: the connection is free again, if the server keeps it."""
        response = Response(self._status, b"".join(self._body), self._headers)
        self._open = self._open and self._whole and self._keeps
        self._clear()
        self._end(response)

    def _fail(self, reason: str) -> None:
        self._open = False
        if self._transport is not None:
            self._transport.abort()
        self._end(NoAnswer(True, reason))

    def _end(self, reply: Response | NoAnswer) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(reply)
