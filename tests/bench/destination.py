"""A destination that says yes and costs next to nothing.

    python -m tests.bench.destination PORT DELAY_MS [diary]

It reads whole requests and answers from a table, so that what is measured is the connector. Its first line
is its port. With `diary` it notes when it accepted each order, and tells that to whoever asks for `/diary`.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_IMPORT = b'{"asyncSessionId":"s","failedContacts":[]}'
_STATUS = b'{"status":"FINISHED"}'
_ORDER = re.compile(rb"ORD-\d{9}")


def _answer(head: bytes) -> bytes:
    if head.startswith(b"POST /v1/contacts"):
        return _JSON % (len(_IMPORT), _IMPORT)
    if head.startswith(b"GET /v1/importstatus"):
        return _JSON % (len(_STATUS), _STATUS)
    return _OK


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests are not pipelined."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._head = bytearray()
        self._left = -1
        self._reply = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by duck type only

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._head[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._reply = _answer(bytes(self._head[:64]))
            self._left = length - (len(self._head) - end - 4)
            self._head.clear()
        else:
            self._left -= len(data)
        if self._left <= 0:
            self._left = -1
            self._finish()

    def _finish(self) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._say)
        else:
            self._say()

    def _say(self) -> None:
        self._transport.write(self._reply)


class _Diarist(_Connection):
    """Keeps a diary: when an order was accepted first, seconds since the epoch."""

    def __init__(self, delay: float, diary: dict[str, float]) -> None:
        super().__init__(delay)
        self._diary, self._text, self._order = diary, b"", ""

    def data_received(self, data: bytes) -> None:
        self._text += data
        super().data_received(data)

    def _finish(self) -> None:
        text, self._text = self._text, b""
        if text.startswith(b"GET /diary"):
            told = json.dumps(self._diary).encode()
            self._reply = _JSON % (len(told), told)
        order = _ORDER.search(text)
        self._order = order[0].decode() if order else ""
        super()._finish()

    def _say(self) -> None:
        super()._say()
        if self._order:
            self._diary.setdefault(self._order, time.time())


async def _serve(port: int, delay: float, *, keeps_diary: bool) -> None:
    diary: dict[str, float] = {}

    def connection() -> _Connection:
        return _Diarist(delay, diary) if keeps_diary else _Connection(delay)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    port, delay, diary = int(sys.argv[1]), float(sys.argv[2]) / 1000, "diary" in sys.argv[3:]
    uvloop.run(_serve(port, delay, keeps_diary=diary))
