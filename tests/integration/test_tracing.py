"""Traces from a producer's record to the CRM's answer, as a collector gets them over the wire."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import Broker
from tests.support.collector import collecting
from tests.support.exemplars import exemplars
from tests.support.pipeline import Pipeline, pipeline
from tests.support.topics import TopicFactory

tracing = pytest.importorskip("connector.adapters.tracing", reason="needs the extra otel")
ORDER = {"status": "string", "total_cost": "string", "email": "string", "date": "string"}
ORIGIN = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def line(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(broker, topic, tmp_path) as made:
        yield made


def test_the_trace_of_a_producer_leads_to_the_request_that_told_the_crm_and_names_no_person(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = line.table("orders", "external_order_id", **ORDER)
    row = {
        "status": "INITIALIZED", "total_cost": "12.50", "email": "private.person@example.com",
        "date": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    header = {"traceparent": f"00-{ORIGIN}-00f067aa0ba902b7-01".encode()}
    table.write("c", row | {"external_order_id": "1"}, headers=header)
    table.write("c", row | {"external_order_id": "2"})
    settings = line.settings([{"name": table.topic, "entity": "order"}])
    with collecting(monkeypatch, OTEL_EXPORTER_OTLP_COMPRESSION="none") as collector:
        tracer = tracing.OtelTracer()
        told = line.run(settings, tracer=tracer)
        tracer.close()

    spans = [span for span in collector.spans if span.name == "POST events"]
    assert told == {"delivered": 2}
    assert sum(span.attributes["crm_connector.accepted"] for span in spans) == 2
    assert [span.links for span in spans] == [[ORIGIN], []]
    assert spans[0].attributes["crm_connector.records"] == [f"{table.topic}[0] 0-0"]
    assert {span.name for span in collector.spans} == {
        "POST contacts", "GET import_status", "POST events",
    }  # fmt: skip
    assert all(span.is_root and not span.failed and span.seconds < 60 for span in collector.spans)
    assert b"private" not in collector.bytes
    shown = exemplars(line.meter.registry, "crm_connector_request_seconds").values()
    assert {one.labels["trace_id"] for one in shown} <= {span.trace_id for span in collector.spans}
    assert shown
