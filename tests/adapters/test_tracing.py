"""OpenTelemetry as its users set it up, and with a collector that refuses or is not there."""

import io
import json
import logging
import socket
import threading

import pytest
from msgspec.structs import replace

from connector import wiring
from connector.adapters import logs
from connector.core.talk import Retry
from connector.courier import Courier, Edges
from connector.errors import ConfigError
from connector.ports import RequestSpan, Tracer
from connector.recording import Unrecorded
from connector.tracing import Traced
from tests.courier.scripted import LIVE, Scripted, by_path, sending
from tests.courier.test_courier import QUICK, harvest
from tests.fakes.http import FakeHttp
from tests.fakes.meter import FakeMeter
from tests.support.collector import collecting
from tests.support.instance import wait_until

tracing = pytest.importorskip("connector.adapters.tracing", reason="needs the extra otel")


def request(tracer: Tracer) -> RequestSpan:
    span = tracer.begin("POST events", {}, ())
    span.answered({})
    span.end({})
    return span


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "crm-connector"),
        ({"OTEL_SERVICE_NAME": "crm-eu"}, "crm-eu"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=crm-us,team=data"}, "crm-us"),
    ],
)
def test_the_service_is_called_as_its_variables_say(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    with collecting(monkeypatch, **variables) as collector:
        tracer = tracing.OtelTracer()
        request(tracer)
        tracer.close()

    assert collector.path == "/v1/traces"
    assert [span.resource["service.name"] for span in collector.spans] == [name]
    assert collector.spans[0].resource.get("team") == ("data" if name == "crm-us" else None)


def test_headers_of_its_variables_are_sent_along(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting(monkeypatch, OTEL_EXPORTER_OTLP_HEADERS="x-key=planted-collector-key") as collector:
        tracer = tracing.OtelTracer()
        request(tracer)
        tracer.close()

    assert collector.headers["x-key"] == "planted-collector-key"


def test_what_is_not_sampled_has_no_trace_and_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting(monkeypatch, OTEL_TRACES_SAMPLER="always_off") as collector:
        tracer = tracing.OtelTracer()
        span = request(tracer)
        tracer.close()

    assert (span.trace_id, collector.spans) == ("", [])


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_a_protocol_that_is_not_spoken_is_one_line(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "grpc")
    with pytest.raises(ConfigError) as raised:
        tracing.OtelTracer()

    line = f"{name}: grpc is not spoken here; use http/protobuf, usually at port 4318"
    assert raised.value.problems == (line,)


def test_a_wrong_variable_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with pytest.raises(ConfigError) as raised:
        tracing.OtelTracer()

    reason = "max_queue_size must be a positive integer."
    assert raised.value.problems == (f"tracing: an OTEL_ variable is wrong ({reason}); correct it",)


def test_headers_that_cannot_be_read_are_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    logs.configure("json", "info", stream=said)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "planted-header without a name")
    tracing.OtelTracer().close()

    assert said.getvalue() == ""


def test_a_batch_has_as_many_links_as_its_variables_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = [f"00-{number:032x}-{'1' * 16}-01".encode() for number in range(1, 200)]
    with collecting(monkeypatch, OTEL_SPAN_LINK_COUNT_LIMIT="150") as collector:
        tracer = tracing.OtelTracer()
        tracer.begin("POST past_events", {}, origins).end({})
        tracer.close()

    assert [len(span.links) for span in collector.spans] == [150]


def test_a_collector_that_does_not_answer_neither_blocks_nor_keeps_a_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sending() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "traces"]

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        tracer = tracing.OtelTracer(patience=0.1)
        for _ in range(3000):  # more than its queue takes
            request(tracer)
        tracer.close()
        left = sending()
        wait_until(lambda: not sending(), 120, lambda: "it never gave up")

    assert [thread.daemon for thread in left] == [True]


def test_a_collector_that_refuses_costs_spans_and_a_line_that_tells_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = io.StringIO()
    logs.configure("json", "info", stream=said)
    with collecting(monkeypatch) as collector:
        collector.status = 401
        tracer = tracing.OtelTracer()
        request(tracer)
        tracer.close()

    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("error", "Failed to export spans batch code: 401, reason: Unauthorized")
    ]


def test_what_is_logged_about_a_request_has_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation that raises is said in a line; the next one of that worker is another trace's."""
    said = io.StringIO()
    logs.configure("json", "info", stream=said)
    with collecting(monkeypatch) as collector:
        tracer = tracing.OtelTracer()
        clock, meter = wiring.SystemClock(), FakeMeter()
        traced = Traced(Unrecorded(), tracer, "crm", clock, meter)
        script = Scripted({"a": [KeyError("x")], "b": [Retry("unavailable")]})
        edges = Edges(traced.destination(script), traced.http(FakeHttp(by_path, 0.001)), clock, meter)
        courier = Courier(edges, replace(QUICK, in_flight=1), seed=7)
        courier.start()
        courier.submit([(LIVE, [sending(key)]) for key in "ab"])
        harvest(courier, 2)
        courier.close()
        tracer.close()

    (line,) = [json.loads(line) for line in said.getvalue().splitlines()]
    first = collector.spans[0].trace_id
    assert line["event"].startswith("a conversation of event raised KeyError")
    assert (line["trace_id"], len(line["span_id"])) == (first, 16)
    assert len({span.trace_id for span in collector.spans}) == len(collector.spans) == 4
    assert set(meter.exemplars) == {span.trace_id for span in collector.spans}


def test_a_line_about_nothing_has_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    logs.configure("json", "info", stream=said)
    with collecting(monkeypatch):
        tracer = tracing.OtelTracer()
        request(tracer)
        tracer.rest()
        logging.getLogger("connector.x").warning("something else")
        tracer.close()

    assert "trace_id" not in json.loads(said.getvalue())
