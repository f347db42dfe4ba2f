"""The Tracer port: what a collector is sent over the wire, and the fake keeps, alike."""

from collections.abc import Callable, Iterator, Sequence

import pytest
import structlog

from connector.ports import Attributes, Tracer
from tests.fakes.tracer import FakeSpan, FakeTracer
from tests.support.collector import Collected, collecting

ORIGIN, OTHER = "a" * 32, "b" * 32
PARENT = f"00-{ORIGIN}-{'1' * 16}-01".encode()
UNSAMPLED = f"00-{OTHER}-{'2' * 16}-00".encode()


Read = Callable[[], Sequence[FakeSpan | Collected]]
Said = Callable[[], str | None]
Subject = tuple[Tracer, Read, Said]


@pytest.fixture(params=["fake", "otel"])
def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    """A tracer, how to read what has arrived, and the trace of what is logged now."""
    if request.param == "fake":
        fake = FakeTracer()
        yield fake, lambda: [span for span in fake.spans if span.is_ended], lambda: fake.said
        return
    from connector.adapters.tracing import OtelTracer  # noqa: PLC0415 - of an extra

    with collecting(monkeypatch) as collector:
        real = OtelTracer()
        real.rest()

        def read() -> list[Collected]:
            real.close()
            return collector.spans

        yield real, read, lambda: structlog.contextvars.get_contextvars().get("trace_id")
        real.rest()
        real.close()


def traced(tracer: Tracer, answer: Attributes, end: Attributes, *links: bytes) -> str:
    span = tracer.begin(
        "POST events", {"crm_connector.resource": "events", "n": 2, "at": ["o[0] 1-2"]}, links
    )
    span.answered(answer)
    span.end(end)
    return span.trace_id


def test_a_span_has_its_name_and_what_was_told_of_it_from_its_beginning_to_its_end(subject: Subject) -> None:
    tracer, read, _ = subject
    trace_id = traced(tracer, {"http.response.status_code": 200}, {"crm_connector.accepted": 2})

    (span,) = read()
    assert (span.name, span.trace_id, span.failed, span.links) == ("POST events", trace_id, False, [])
    assert span.attributes == {
        "crm_connector.resource": "events", "n": 2, "at": ["o[0] 1-2"],
        "http.response.status_code": 200, "crm_connector.accepted": 2,
    }  # fmt: skip


@pytest.mark.parametrize("place", ["answer", "end"])
def test_a_span_with_an_error_has_failed(subject: Subject, place: str) -> None:
    tracer, read, _ = subject
    error = {"error.type": "503"}
    traced(tracer, error if place == "answer" else {}, {} if place == "answer" else error)

    assert [span.failed for span in read()] == [True]


def test_a_span_that_was_never_answered_ends_all_the_same(subject: Subject) -> None:
    tracer, read, _ = subject
    tracer.begin("POST events", {}, ()).end({"error.type": "CancelledError"})

    assert [span.failed for span in read()] == [True]


def test_spans_are_linked_to_what_producers_traced_sampled_or_not_and_what_is_no_trace_is_left_out(
    subject: Subject,
) -> None:
    tracer, read, _ = subject
    traced(tracer, {}, {}, PARENT, b"", b"\xff\xfe", b"00-" + b"0" * 32, PARENT[:-1], UNSAMPLED)

    assert [span.links for span in read()] == [[ORIGIN, OTHER]]


def test_each_request_has_a_trace_of_its_own(subject: Subject) -> None:
    tracer, read, _ = subject
    ids = {traced(tracer, {}, {}) for _ in range(3)}

    assert {span.trace_id for span in read()} == ids
    assert len(ids) == 3
    assert {len(each) for each in ids} == {32}


def test_what_is_logged_has_the_trace_of_the_last_request_until_its_task_rests(subject: Subject) -> None:
    tracer, _, said = subject
    before, one = said(), traced(tracer, {}, {})
    during, other = said(), traced(tracer, {}, {})
    later = said()
    tracer.rest()

    assert (before, during, later, said()) == (None, one, other, None)
