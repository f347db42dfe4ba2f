"""What a lane tells a tracing system: a span for each request, of what, from where, and what became of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from connector.core.lots import Lot
from connector.core.talk import Batch, Conversation, Request, Sending, Wait
from connector.recording import Unrecorded
from connector.tracing import Traced
from connector.tracing.origins import Origins
from tests.courier.scripted import LIVE, Scripted, sending
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp
from tests.fakes.meter import FakeMeter
from tests.fakes.tracer import FakeSpan, FakeTracer
from tests.support.stage import NAME, Process, Stage, staged
from tests.support.stage_crm import LATENCY, MARK, Fate
from tests.support.stage_reading import CONTACTS, ORDERS, contact, order

ONE, OTHER = "a" * 32, "b" * 32


class Seen:
    """A stage whose process traces."""

    def __init__(self, stage: Stage, **settings: Any) -> None:
        self.stage, self.tracer = stage, FakeTracer()
        self.process: Process = stage.start(tracer=self.tracer, **settings)
        stage.produce(CONTACTS, *(contact(f"c-{key}", 1) for key in "opq"))
        self.process.until_done()
        del self.tracer.spans[:]

    def read(self, *values: bytes | None, origin: str = "") -> list[FakeSpan]:
        """Orders of a producer's trace; the spans of what was sent."""
        headers = (("traceparent", f"00-{origin}-{'1' * 16}-01".encode()),) if origin else ()
        for value in values:
            self.stage.broker.produce(ORDERS, value, headers=headers)
        self.process.until_done()
        assert all(span.is_ended for span in self.tracer.spans)
        return self.tracer.spans


@contextmanager
def seen(**settings: Any) -> Iterator[Seen]:
    with staged(conflict_seconds=0) as stage:
        yield Seen(stage, **settings)


def test_a_request_is_a_span_that_tells_of_what_and_with_what_result_and_of_no_person() -> None:
    with seen() as here:
        (span,) = here.read(order("o", 7))

        assert span.name == "POST events"
        assert span.attributes == {
            "http.request.method": "POST", "http.response.status_code": 200,
            "crm_connector.destination": NAME, "crm_connector.resource": "events",
            "messaging.batch.message_count": 1, "crm_connector.records": [f"{ORDERS}[0] 0-0"],
            "crm_connector.accepted": 1,
        }  # fmt: skip
        assert (span.failed, span.links) == (False, [])


def test_a_span_is_linked_to_the_traces_in_which_its_records_were_written_each_once() -> None:
    with seen(batch_events=50) as here:
        for key, origin in (("o", ONE), ("p", OTHER), ("q", OTHER)):
            here.stage.broker.produce(
                CONTACTS, contact(f"c-{key}", 2, "new"),
                headers=(("other", b"x"), ("traceparent", f"00-{origin}-{'1' * 16}-01".encode())),
            )  # fmt: skip
        (span, *_) = here.read()

        assert (span.name, span.attributes["messaging.batch.message_count"]) == ("POST contacts", 3)
        assert span.links == [ONE, OTHER]
        assert span.attributes["crm_connector.records"] == [f"{CONTACTS}[0] 3-5"]


def test_an_import_tells_what_became_of_it_where_its_contacts_were_sent_and_its_polls_are_spans_too() -> None:
    with seen() as here:
        here.stage.produce(CONTACTS, contact("c-new", 1))
        first, *polls = here.read()

        assert first.attributes["crm_connector.accepted"] == 1
        assert {poll.name for poll in polls} == {"GET import_status"}
        assert {poll.attributes["messaging.batch.message_count"] for poll in polls} == {0}
        assert not any("crm_connector.accepted" in poll.attributes for poll in polls)


@pytest.mark.parametrize(
    ("fate", "error", "came_to", "cause"),
    [
        ("503", "503", "retry", "unavailable"),
        ("429", "429", "retry", "throttled"),
        ("401", "401", "halt", "credentials"),
        ("lost", "connection lost", "in_doubt", "connection lost"),
        ("refused", "connection refused", "retry", "unreachable"),
    ],
)
def test_a_request_that_failed_says_how_and_the_next_attempt_is_another_span(
    fate: Fate, error: str, came_to: str, cause: str
) -> None:
    with seen() as here:
        fates: Iterator[Fate] = iter([fate])
        here.stage.crm.fate = lambda _: next(fates, "ok")
        first, *_, last = here.read(order("o", 7), origin=ONE)

        assert (first.failed, first.attributes["error.type"]) == (True, error)
        assert first.attributes[f"crm_connector.{came_to}"] == 1
        assert first.attributes["crm_connector.causes"] == [cause]
        assert (last.failed, last.links) == (False, [ONE])


def test_a_refused_record_is_told_by_its_cause() -> None:
    with seen() as here:
        here.stage.produce(ORDERS, order("o", 7, MARK.decode().strip('"')))
        (span,) = here.read()

        assert span.attributes["crm_connector.refused"] == 1
        assert "crm_connector.causes" in span.attributes


def test_each_span_is_the_example_of_its_duration_in_the_histogram() -> None:
    with seen() as here:
        (span,) = here.read(order("o", 7))

        histogram, seconds = here.process.meter.exemplars[span.trace_id]
        assert (histogram, round(seconds, 3)) == ("request_seconds", LATENCY)


def test_a_conversation_that_is_given_up_ends_its_span() -> None:
    with seen() as here:
        here.stage.crm.fate = lambda _: "slow"
        here.stage.broker.produce(ORDERS, order("o", 7))
        here.process.until(lambda: here.tracer.spans)
        here.process.drain()

        assert all(span.is_ended and span.failed for span in here.tracer.spans)


class Patient(Scripted):
    """A conversation that waits after its answer."""

    def _play(self, lot: Lot, batch: Batch) -> Conversation:
        yield Request("POST", "/", lot.resource, carries=batch)
        yield Wait(1.0)
        raise KeyError("x")


@pytest.mark.parametrize("way", ["defect", "given up"])
def test_what_ends_a_conversation_in_the_middle_ends_its_span_and_a_defect_says_so(way: str) -> None:
    tracer, clock, meter = FakeTracer(), FakeClock(), FakeMeter()
    traced = Traced(Unrecorded(), tracer, "crm", clock, meter)
    conversation = traced.destination(Patient()).converse(LIVE, [sending("o")])
    request = next(conversation)
    assert isinstance(request, Request)
    reply = asyncio.run(traced.http(FakeHttp(latency=0)).send(request, 1.0))
    assert conversation.send(reply) == Wait(1.0)
    (span,) = tracer.spans
    assert (span.is_answered, span.is_ended) == (True, False)
    if way == "defect":
        with pytest.raises(KeyError):
            conversation.send(None)
    conversation.close()

    assert (span.is_ended, span.attributes.get("error.type")) == (True, "defect" if way == "defect" else None)


def test_origins_are_kept_of_the_newest_records() -> None:
    with staged() as stage:
        process = stage.start()
        for number in range(5):
            header = f"00-{number + 1:032x}-{'1' * 16}-01".encode()
            stage.broker.produce(ORDERS, b"", headers=(("traceparent", header),))
        origins, records = Origins(most=2), process.source.poll(10, 0.0)
        origins.note(records)
        events = [replace(sending("o").event, position=record.position) for record in records]

        kept = origins.of([Sending(event) for event in events])
        assert [int(each.split(b"-")[1], 16) for each in kept] == [4, 5]


def test_every_way_through_a_tape_is_passed_on() -> None:
    ways = {name for name in vars(Unrecorded) if not name.startswith("_")}

    assert ways <= vars(Traced).keys()
