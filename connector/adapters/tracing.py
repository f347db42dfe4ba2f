"""Traces by OpenTelemetry, sent by OTLP over HTTP: where and how is told by its own variables, OTEL_….

Of the extra `otel`; only whoever traces loads this module. Spans wait in a queue of the SDK and are sent by a
thread of its own; what the queue cannot hold, and what its collector does not take, is lost.
"""

import logging
import os
import time
from collections.abc import Sequence
from threading import Thread
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import connector
from connector.adapters.structured import structlog
from connector.errors import ConfigError
from connector.ports import Attributes

PATIENCE: Final = 4.0
"""Seconds that the end of a process waits for the last spans to be taken."""
SPOKEN: Final = "http/protobuf"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NO_PARENT: Final = Context()
_headers: Final = TraceContextTextMapPropagator()


class OtelTracer:
    """ports.Tracer."""

    def __init__(self, patience: float = PATIENCE) -> None:
        """patience: seconds that `close` may take. Raises ConfigError for variables that cannot be meant."""
        self._patience = patience
        _refuse_other_protocols()
        logging.getLogger("opentelemetry.util.re").setLevel(logging.ERROR)  # it would quote the headers
        try:
            limits = SpanLimits()
            self._provider = TracerProvider(resource=_resource(), span_limits=limits, shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except ValueError as error:
            raise ConfigError(f"tracing: an OTEL_ variable is wrong ({error}); correct it") from None
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # a line for each try would be too many
        self._links = limits.max_links  # more would be read to be dropped
        self._tracer = self._provider.get_tracer("crm-connector", connector.__version__)

    def begin(self, name: str, attributes: Attributes, links: Sequence[bytes]) -> "OtelSpan":
        """See ports.Tracer."""
        kind, some = trace.SpanKind.CLIENT, links[: self._links]
        origins = [link for each in some if (link := _link(each))]
        span = self._tracer.start_span(name, _NO_PARENT, kind, attributes, origins)
        begun = OtelSpan(span)
        if begun.trace_id:
            known = span.get_span_context()
            structlog.contextvars.bind_contextvars(
                trace_id=begun.trace_id, span_id=trace.format_span_id(known.span_id)
            )
        else:
            self.rest()
        return begun

    def rest(self) -> None:
        """See ports.Tracer."""
        structlog.contextvars.unbind_contextvars("trace_id", "span_id")

    def close(self) -> None:
        """Send what waits, if the collector takes it soon."""
        last = Thread(target=self._provider.shutdown, name="traces", daemon=True)
        last.start()
        last.join(self._patience)


class OtelSpan:
    """ports.Span."""

    def __init__(self, span: trace.Span) -> None:
        known = span.get_span_context()
        self.trace_id = trace.format_trace_id(known.trace_id) if known.trace_flags.sampled else ""
        self._span = span
        self._ended: int | None = None

    def answered(self, attributes: Attributes) -> None:
        """See ports.Span."""
        self._ended = time.time_ns()
        self._tell(attributes)

    def end(self, attributes: Attributes) -> None:
        """See ports.Span."""
        self._tell(attributes)
        self._span.end(self._ended)

    def _tell(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)
        if "error.type" in attributes:
            self._span.set_status(trace.StatusCode.ERROR)


def _link(origin: bytes) -> trace.Link | None:
    carrier = {"traceparent": origin.decode("latin-1")}
    found = trace.get_current_span(_headers.extract(carrier, _NO_PARENT)).get_span_context()
    return trace.Link(found) if found.is_valid else None


def _resource() -> Resource:
    """As the variables say; without a name of theirs the product's own."""
    found = Resource.create()
    if str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return found.merge(Resource({SERVICE_NAME: "crm-connector"}))
    return found


def _refuse_other_protocols() -> None:
    """A collector that is meant to be asked by gRPC does not understand this one."""
    for name in _PROTOCOLS:
        told = os.environ.get(name, SPOKEN)
        if told != SPOKEN:
            raise ConfigError(f"{name}: {told} is not spoken here; use {SPOKEN}, usually at port 4318")
        if name in os.environ:
            return
