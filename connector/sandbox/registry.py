"""A schema registry in process: the reading half of Confluent's API, on a real socket."""

import json
import re
import sys
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeAlias

from msgspec import Struct

Reference: TypeAlias = tuple[str, str, int]
"""Type name, subject, version."""
Answer: TypeAlias = tuple[int, object]
"""Status and body; a text goes out as it is, all else as JSON."""


class Schema(Struct, frozen=True):
    """One registered schema."""

    text: str
    references: Sequence[Reference] = ()

    def described(self) -> dict[str, object]:
        """As the API has it."""
        references = [{"name": name, "subject": s, "version": v} for name, s, v in self.references]
        return {"schema": self.text, **({"references": references} if references else {})}


class RegistryServer:
    """Schemas by id and by subject; ids and versions count from 1. A context manager, or start and stop.

    Subclasses may put faults before `answer`.
    """

    def __init__(self) -> None:
        self.schemas: dict[int, Schema] = {}
        self.subjects: dict[str, list[int]] = {}
        self.url = ""
        self._server: ThreadingHTTPServer | None = None

    def register(
        self, subject: str, schema: str, references: Sequence[Reference] = (), *, schema_id: int | None = None
    ) -> int:
        """Add a version to a subject; its id."""
        schema_id = schema_id or max(self.schemas, default=0) + 1
        self.schemas[schema_id] = Schema(schema, references)
        self.subjects.setdefault(subject, []).append(schema_id)
        return schema_id

    def start(self) -> None:
        """Listen (on the same port as before, if it ran before). Raises OSError where that is taken."""
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, args=(0.01,), name="registry", daemon=True
        ).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, path: str, authorization: str | None) -> Answer:  # noqa: ARG002 - for those with faults
        """Answer a GET. path: without the query; authorization: that header."""
        if found := re.fullmatch(r"/schemas/ids/(\d+)(/schema)?", path):
            return self.by_id(int(found[1]), bare=found[2] is not None)
        if found := re.fullmatch(r"/subjects/([^/]+)/versions(?:/(\d+|latest))?", path):
            return self._by_subject(found[1], found[2])
        if path == "/subjects":
            return HTTPStatus.OK, sorted(self.subjects)
        return HTTPStatus.NOT_FOUND, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def by_id(self, schema_id: int, *, bare: bool) -> Answer:
        """A schema by id; bare: nothing but its text."""
        schema = self.schemas.get(schema_id)
        if schema is None:
            return _not_found(40403, f"No content with ID '{schema_id}' was found.")
        return HTTPStatus.OK, schema.text if bare else schema.described()

    def _by_subject(self, subject: str, version: str | None) -> Answer:
        ids = self.subjects.get(subject)
        if ids is None:
            return _not_found(40401, "Subject not found.")
        if version is None:
            return HTTPStatus.OK, list(range(1, len(ids) + 1))
        number = len(ids) if version == "latest" else int(version)
        if not 1 <= number <= len(ids):
            return _not_found(40402, "Version not found.")
        described = self.schemas[ids[number - 1]].described()
        return HTTPStatus.OK, {"subject": subject, "version": number, "id": ids[number - 1], **described}


def _not_found(code: int, message: str) -> Answer:
    return HTTPStatus.NOT_FOUND, {"error_code": code, "message": message}


class _Server(ThreadingHTTPServer):
    """Leaves no thread behind, and takes its old port again."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of it, unless who asked has gone away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(registry: RegistryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # a connection a request: a stopped server has no open ones

        def do_GET(self) -> None:
            """Answer."""
            path = self.path.partition("?")[0]
            status, body = registry.answer(path, self.headers.get("Authorization"))
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    return Handler
