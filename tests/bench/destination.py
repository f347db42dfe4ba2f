"""A destination that says yes and costs next to nothing: `python -m tests.bench.destination PORT DELAY_MS`.

It reads whole requests and answers from a table, so that what is measured is the connector.
"""

import asyncio
import sys
from typing import cast

import uvloop

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_IMPORT = b'{"asyncSessionId":"s","failedContacts":[]}'
_STATUS = b'{"status":"FINISHED"}'


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
            asyncio.get_running_loop().call_later(self._delay, self._transport.write, self._reply)
        else:
            self._transport.write(self._reply)


async def _serve(port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay), "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
