"""The sandbox on a real socket: in a thread, or as a process of its own."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from connector.sandbox.accepted import AcceptedFile
from connector.sandbox.app import CUT, Application, Receive, Scope, Send
from connector.sandbox.clock import MovableClock
from connector.sandbox.crm import Crm
from connector.sandbox.faults import Faults
from connector.sandbox.metrica.counter import Counter
from connector.sandbox.options import Options

_START_SECONDS = 60
_BACKLOG = 2048


class SandboxServer:
    """A running sandbox; a context manager, or start() and stop().

    `url` is the destination's base URL: Yespo's paths are served with and without /api, Metrica's below
    /cdp. Options are keyword
    arguments (see `Options`), or one `options`. Port 0 picks a free one. accepted: a file that gets a line
    for each acceptance (see `accepted`). Raises OSError for a taken port, or a file that cannot be written.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        accepted: Path | None = None,
        **settings: Any,
    ) -> None:
        self.options = options or Options(**settings)
        self._application = Application(self.options)
        if accepted is not None:
            self.crm.on_accepted = self.counter.on_accepted = AcceptedFile(accepted)
        self._socket = socket.create_server((host, port), backlog=_BACKLOG, reuse_port=False)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(_config(self._application))
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """http://host:port."""
        return f"http://{self.host}:{self.port}"

    @property
    def crm(self) -> Crm:
        """The account's state."""
        return self._application.crm

    @property
    def counter(self) -> Counter:
        """What the sandbox Metrica holds."""
        return self._application.metrica.counter

    @property
    def faults(self) -> Faults:
        """Faults on demand."""
        return self._application.faults

    @property
    def clock(self) -> MovableClock:
        """The sandbox's time."""
        return self._application.clock

    @property
    def idle(self) -> bool:
        """Whether nobody is connected, and no request is being worked on."""
        state = self._server.server_state
        return not (state.connections or state.tasks)

    def limit_rate(self, per_second: int) -> None:
        """Set another limit on requests; 0 = none."""
        with self.crm.lock:
            self._application.yespo.rate.limit(per_second)

    def change_key(self, api_key: str) -> None:
        """From now on only this API key opens."""
        with self.crm.lock:
            self._application.yespo.change_key(api_key)

    def reset(self) -> None:
        """An empty account, an empty counter, no faults."""
        self.faults.clear()
        self._application.yespo.reset()
        self._application.metrica.reset()

    def start(self) -> Self:
        """Serve from a thread; returns when requests are answered. Raises RuntimeError if it cannot."""
        self._thread = threading.Thread(target=self.run, name="sandbox", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.005)
        return self

    def run(self) -> None:
        """Serve in this thread until stopped (in the main one: by SIGINT or SIGTERM)."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self.crm.counts()  # imports whose time has come are applied, and told of

    def shut(self) -> None:
        """Ask `run` to end; returns at once."""
        self._application.drop()
        self._server.should_exit = True

    def stop(self) -> None:
        """Stop serving; hanging requests are dropped. The state stays readable."""
        self.shut()
        if self._thread is None:
            self._socket.close()
        else:
            self._thread.join(_START_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    host: str = "127.0.0.1",
    port: int = 8080,
    options: Options | None = None,
    *,
    accepted: Path | None = None,
    on_ready: Callable[[SandboxServer], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. on_ready is called once the port is bound. See SandboxServer."""
    server = SandboxServer(options, host=host, port=port, accepted=accepted)
    if on_ready:
        on_ready(server)
    with suppress(KeyboardInterrupt):
        server.run()


def _config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=cast("type[Any]", _cuttable),
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )


def _cuttable(**arguments: Any) -> Any:
    """Uvicorn's protocol for one connection, whose application can drop that connection.

    ASGI has no message for it, and a fault needs one: a server that has the request and never answers.
    """
    protocol: Any = cast("Any", AutoHTTPProtocol)(**arguments)
    application = protocol.app

    async def with_cut(scope: Scope, receive: Receive, send: Send) -> None:
        scope[CUT] = protocol.transport.abort
        await application(scope, receive, send)

    protocol.app = with_cut
    return protocol
