"""A collector of traces: OTLP over HTTP, as OpenTelemetry's own takes it, decoded by its own protobuf."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs the extra otel")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.instance import wait_until

SECONDS = 120.0


class Collected:
    """A span as it was sent. links: trace ids. seconds: how long it took. resource: who sent it."""

    def __init__(self, span: Span, resource: dict[str, Any]) -> None:
        self.name, self.resource = span.name, resource
        self.trace_id = span.trace_id.hex()
        self.is_root = not span.parent_span_id
        self.attributes = attributes(span.attributes)
        self.links = [link.trace_id.hex() for link in span.links]
        self.failed = span.status.code == Status.STATUS_CODE_ERROR
        self.seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


class Collector:
    """status: of its answers. headers: of the last request. bytes: all that it was sent."""

    def __init__(self) -> None:
        self.spans: list[Collected] = []
        self.headers: dict[str, str] = {}
        self.status, self.path, self.bytes = 200, "", b""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait_for(self, count: int) -> list[Collected]:
        """So many spans, as soon as they are there."""
        wait_until(lambda: len(self.spans) >= count, SECONDS, lambda: f"{len(self.spans)} of {count} spans")
        return self.spans

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path, self.headers, self.bytes = path, headers, self.bytes + body
        for one in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = attributes(one.resource.attributes)
            self.spans += [Collected(span, resource) for scope in one.scope_spans for span in scope.spans]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if collector.status == 200:
                    collector.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Nothing: output belongs to tests."""

        return Handler


def attributes(pairs: Any) -> dict[str, Any]:
    """As Python values."""
    return {pair.key: _value(pair) for pair in pairs}


def _value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    found = getattr(pair.value, str(kind))
    return [each.string_value for each in found.values] if kind == "array_value" else found


@contextmanager
def collecting(patch: pytest.MonkeyPatch, **variables: str) -> Iterator[Collector]:
    """A collector that this process's variables name."""
    with Collector() as collector:
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50", **variables}
        for name, value in given.items():
            patch.setenv(name, value)
        yield collector
