"""Traces from a producer's record to the CRM's answer, as a collector gets them over the wire."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import Broker
from tests.support.collector import collecting
from tests.support.exemplars import exemplars
from tests.support.instance import wait_until
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

tracing = pytest.importorskip("connector.adapters.tracing", reason="needs the extra otel")
ORDER = {"status": "string", "total_cost": "string", "email": "string", "date": "string"}
ORIGIN = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def line(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(broker, topic, tmp_path) as made:
        yield made


def two_orders(line: Pipeline) -> Table:
    """The first one was written within a trace of its producer's."""
    table = line.table("orders", "external_order_id", **ORDER)
    row = {
        "status": "INITIALIZED", "total_cost": "12.50", "email": "private.person@example.com",
        "date": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    header = {"traceparent": f"00-{ORIGIN}-00f067aa0ba902b7-01".encode()}
    table.write("c", row | {"external_order_id": "1"}, headers=header)
    table.write("c", row | {"external_order_id": "2"})
    return table


def test_the_trace_of_a_producer_leads_to_the_request_that_told_the_crm_and_names_no_person(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = two_orders(line)
    settings = line.settings([{"name": table.topic, "entity": "order"}])
    with collecting(monkeypatch, OTEL_EXPORTER_OTLP_COMPRESSION="none") as collector:
        tracer = tracing.OtelTracer()
        told = line.run(settings, tracer=tracer)
        tracer.close()

    spans = [span for span in collector.spans if span.name == "POST events"]
    assert told == {"delivered": 2}
    assert sum(span.attributes["crm_connector.accepted"] for span in spans) == 2
    assert sorted(span.links for span in spans) == [[], [ORIGIN]]  # in the order of their ends
    (traced,) = (span for span in spans if span.links)
    assert traced.attributes["crm_connector.records"] == [f"{table.topic}[0] 0-0"]
    assert {span.name for span in collector.spans} == {
        "POST contacts", "GET import_status", "POST events",
    }  # fmt: skip
    assert all(span.is_root and not span.failed and span.seconds < 60 for span in collector.spans)
    assert b"private" not in collector.bytes
    shown = exemplars(line.meter.registry, "crm_connector_request_seconds").values()
    assert {one.labels["trace_id"] for one in shown} <= {span.trace_id for span in collector.spans}
    assert shown


@pytest.mark.kafka
def test_the_process_traces_where_its_file_and_its_variables_say_and_sends_the_last_spans_when_it_ends(
    line: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = two_orders(line)
    line.flush()
    line.settings([{"name": table.topic, "entity": "order"}])
    command = [sys.executable, "-m", "connector", "run", "-c", str(line.file)]
    later = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "CRM_CONNECTOR__TRACING": "true"}
    with (
        collecting(monkeypatch, OTEL_SERVICE_NAME="crm-eu", **later) as collector,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        wait_until(lambda: len(line.crm.orders) == 2, 60, lambda: str(process.poll()))
        process.terminate()
        _, told = process.communicate(timeout=60)

    assert (process.returncode, "error" in told) == (0, False)
    assert {span.resource["service.name"] for span in collector.spans} == {"crm-eu"}
    events = [span for span in collector.spans if span.name == "POST events"]
    assert sorted(span.links for span in events) == [[], [ORIGIN]]
