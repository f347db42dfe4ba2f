"""A CRM with moods: it takes everything, answers 503, or keeps whoever asks waiting, until it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Mood = Literal["takes", "refuses", "hangs"]
_IMPORT = b'{"asyncSessionId":"s","failedContacts":[]}'
_FINISHED = b'{"status":"FINISHED"}'


class MoodyCrm(ThreadingHTTPServer):
    """On a port of its own; each connection has a thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._changed = threading.Condition()
        self._mood: Mood = "takes"
        self.waiting = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def mood(self) -> Mood:
        """What it does now."""
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        with self._changed:
            self._mood = mood
            self._changed.notify_all()

    def bear(self) -> Mood:
        """What a request gets, once this is not to wait."""
        with self._changed:
            self.waiting += 1
            self._changed.wait_for(lambda: self._mood != "hangs")
            self.waiting -= 1
            return self._mood


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MoodyCrm

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        taken, body = self.server.bear() == "takes", b""
        if self.path.startswith("/v1/contacts"):
            body = _IMPORT
        elif self.command == "GET":
            body = _FINISHED
        self.send_response(200 if taken else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def moody_crm() -> Iterator[MoodyCrm]:
    """One for the time of a with block."""
    crm = MoodyCrm()
    thread = threading.Thread(target=crm.serve_forever, daemon=True)
    thread.start()
    try:
        yield crm
    finally:
        crm.mood = "refuses"
        crm.shutdown()
        crm.server_close()
        thread.join(10)
