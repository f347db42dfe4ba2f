"""An in-process schema registry: Confluent's API over real sockets, with the faults that registries have."""

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Reference: TypeAlias = tuple[str, str, int]
"""Type name, subject, version."""
Answer: TypeAlias = tuple[int, object]


@dataclass
class _Schema:
    text: str
    references: Sequence[Reference]


@dataclass
class _Store:
    """What is registered, and what goes wrong. `fail`: the answer to everything; `delay`: seconds first."""

    schemas: dict[int, _Schema] = field(default_factory=dict)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    bad_ids: set[int] = field(default_factory=set)
    bare_path: bool = True
    fail: Answer | None = None
    delay: float = 0.0
    authorization: str | None = None
    requests: list[str] = field(default_factory=list)


class RegistryServer:
    """The registry of a test. Ids and versions count from 1."""

    def __init__(self) -> None:
        self.store = _Store()
        self._server: ThreadingHTTPServer | None = None
        self.url = ""

    def register(
        self, subject: str, schema: str, references: Sequence[Reference] = (), *, schema_id: int | None = None
    ) -> int:
        """Add a version to a subject; its id."""
        schema_id = schema_id or max(self.store.schemas, default=0) + 1
        self.store.schemas[schema_id] = _Schema(schema, references)
        self.store.subjects.setdefault(subject, []).append(schema_id)
        return schema_id

    def answer_400(self, schema_id: int, *, bare_path: bool = True) -> None:
        """As Apicurio 3.0.9 for a string default of "{}"; bare_path: …/schema works, as it does there."""
        self.store.bad_ids.add(schema_id)
        self.store.bare_path = bare_path

    def count(self, path: str) -> int:
        """How many requests had exactly this path (without query)."""
        return self.store.requests.count(path)

    def start(self) -> None:
        """Listen (on the same port as before, if it ran before)."""
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self._server = _Server(("127.0.0.1", port), _handler(self.store))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    """Leaves no thread behind, and takes its old port again."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


@contextmanager
def running_registry() -> Iterator[RegistryServer]:
    """A registry for the time of a with block."""
    server = RegistryServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _handler(store: _Store) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"  # a connection a request: a stopped server has no open ones

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            store.requests.append(path)
            time.sleep(store.delay)
            status, body = _answer(store, path, self.headers.get("Authorization"))
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output quiet."""

    return Handler


def _answer(store: _Store, path: str, authorization: str | None) -> Answer:
    if store.fail is not None:
        return store.fail
    if store.authorization is not None and authorization != store.authorization:
        return 401, {"error_code": 401, "message": "Unauthorized"}
    if found := re.fullmatch(r"/schemas/ids/(\d+)(/schema)?", path):
        return _by_id(store, int(found[1]), bare=found[2] is not None)
    if found := re.fullmatch(r"/subjects/([^/]+)/versions(?:/(\d+|latest))?", path):
        return _by_subject(store, found[1], found[2])
    return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}


def _by_id(store: _Store, schema_id: int, *, bare: bool) -> Answer:
    schema = store.schemas.get(schema_id)
    if schema is None:
        return 404, {"error_code": 40403, "message": f"No content with ID '{schema_id}' was found."}
    if schema_id in store.bad_ids and not (bare and store.bare_path):
        return 400, {"message": "Failed to discover artifact type from content.", "error_code": 0}
    return 200, schema.text if bare else _described(schema)


def _by_subject(store: _Store, subject: str, version: str | None) -> Answer:
    ids = store.subjects.get(subject)
    if ids is None:
        return 404, {"error_code": 40401, "message": "Subject not found."}
    if version is None:
        return 200, list(range(1, len(ids) + 1))
    number = len(ids) if version == "latest" else int(version)
    if not 1 <= number <= len(ids):
        return 404, {"error_code": 40402, "message": "Version not found."}
    described = _described(store.schemas[ids[number - 1]])
    return 200, {"subject": subject, "version": number, "id": ids[number - 1], **described}


def _described(schema: _Schema) -> dict[str, object]:
    references = [{"name": name, "subject": s, "version": v} for name, s, v in schema.references]
    return {"schema": schema.text, **({"references": references} if references else {})}
