"""Metrics, probes and status over HTTP: read-only, in a thread of its own, before the pipeline starts."""

import json
import socket
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import Final

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from connector.adapters.masking import Masker
from connector.adapters.web_connection import CONNECTIONS, Connection
from connector.adapters.web_page import POLICY
from connector.adapters.web_status import Glance, Health
from connector.errors import Fatal

FRESH: Final = 1.0
"""Seconds for which one look at the process serves all who ask; a lane looks at itself as often."""
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class WebServer:
    """The server while it runs."""

    def __init__(self, server: uvicorn.Server, bound: socket.socket) -> None:
        self._server = server
        self._socket = bound
        self._thread = Thread(target=server.run, kwargs={"sockets": [bound]}, name="web", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens; of use where the configuration says 0."""
        port: int = self._socket.getsockname()[1]
        return port

    def close(self) -> None:
        """Stop listening, end open connections; waits 5 seconds at most."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()


def serve(
    host: str,
    port: int,
    registry: CollectorRegistry,
    health: Health,
    masker: Masker | None = None,
    fresh: float = FRESH,
    connection: type[Connection] = Connection,
) -> WebServer:
    """Listen and answer from now on. masker: of the status. Raises Fatal: the address cannot be had."""
    bound = _bind(host, port)
    config = uvicorn.Config(
        application(registry, health, Glance(health, masker or Masker(), fresh)),
        loop="asyncio",
        http=connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS + 1,
        backlog=CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16_384,
    )
    return WebServer(uvicorn.Server(config), bound)


def application(registry: CollectorRegistry, health: Health, glance: Glance) -> Starlette:
    """The endpoints of the contract; all of them only read.

    Pages answer in threads of their own, so that none that waits keeps a probe waiting.
    """

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={**_HEADERS, "content-type": content_type})

    def status(_: Request) -> Response:
        return Response(glance.json(), headers=_HEADERS, media_type="application/json")

    def index(_: Request) -> Response:
        return HTMLResponse(glance.page(), headers=_HEADERS | {"content-security-policy": POLICY})

    return Starlette(
        routes=[
            Route("/", index),
            Route("/metrics", metrics),
            Route("/livez", _probe(health.live)),
            Route("/readyz", _probe(health.ready)),
            Route("/status", status),
        ]
    )


def _probe(problems: Callable[[], list[str]]) -> Callable[[Request], Awaitable[Response]]:
    """200 without problems, else 503 with a line each; as JSON for those who ask for it.

    On the server's own thread: those of the pages may all be waiting.
    """

    async def answer(request: Request) -> Response:
        found = problems()
        code = 503 if found else 200
        if "application/json" in request.headers.get("accept", ""):
            body = json.dumps({"ok": not found, "problems": found})
            return Response(body, code, _HEADERS, media_type="application/json")
        return PlainTextResponse("\n".join(found or ["ok"]) + "\n", code, _HEADERS)

    return answer


def _bind(host: str, port: int) -> socket.socket:
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Fatal(f"server.host: {host} is not an address ({error.strerror}); correct it") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(CONNECTIONS)
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or error
        raise Fatal(f"server.port: {host}:{port} cannot be had ({reason}); choose another one") from None
    return bound
