"""Micro-batches across polls, and one byte budget over all that is held (promise 8)."""

from typing import Any

import msgspec
import pytest

from connector.dialects.yespo import YespoOptions
from tests.support.stage import NAME, Stage, staged
from tests.support.stage_reading import ORDERS, order

PAST = YespoOptions(orders_via="past_events")


def sizes(stage: Stage) -> list[int]:
    """Events of each past_events request."""
    bodies = [msgspec.json.decode(r.body or b"") for r in stage.crm.requests if r.resource == "past_events"]
    return [len(body["events"]) for body in bodies]


def test_records_of_several_polls_share_a_batch_until_it_has_lingered() -> None:
    with staged() as stage:
        process = stage.start(options=PAST, linger=3.0, batch_events=100)
        stage.produce(ORDERS, order("seed", 0, customer="c"))
        process.until_done()
        begun = stage.clock.monotonic()
        for n in range(1, 11):
            stage.produce(ORDERS, order(f"o{n}", n, customer="c"))
            process.run(0.1)
        process.until(lambda: len(sizes(stage)) == 2)
        assert sizes(stage) == [1, 10]
        assert stage.clock.monotonic() - begun == pytest.approx(3.0, abs=0.3)


def test_a_full_batch_goes_at_once() -> None:
    with staged() as stage:
        process = stage.start(options=PAST, linger=60.0, batch_events=5)
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(10)])
        process.until_done(200)
        assert sizes(stage) == [5, 5]


def test_a_batch_keeps_within_its_bytes() -> None:
    with staged() as stage:
        size = len(order("o10", 10, customer="c"))
        process = stage.start(options=PAST, linger=0.1, batch_events=100, batch_bytes=size * 3)
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(10, 19)])
        process.until_done()
        assert max(sizes(stage)) == 3


@pytest.mark.parametrize("stuck", ["slow", "503", "401"])
def test_memory_stays_within_the_budget_while_the_destination_is_stuck(stuck: str) -> None:
    budget, values = 1 << 20, [order(f"o{n:05}", n) for n in range(3000)]
    with staged() as stage:
        stage.crm.fate = lambda _: stuck  # type: ignore[assignment,return-value]
        process = stage.start(memory_bytes=budget)
        stage.produce(ORDERS, *values)
        held = []
        process.source.on_poll = lambda: held.append(process.parts.books.bytes)
        process.run(30)
        process.lane.turn()
        assert budget // 2 < max(held) <= budget
        assert process.meter.value("memory_bytes", destination=NAME) == held[-1]
        assert process.meter.value("memory_budget_bytes", destination=NAME) == budget
        assert len(held) > 30
        stage.crm.fate = lambda _: "ok"
        process.until_done(300)
        assert max(held) <= budget
        assert process.parts.books.bytes == 0
        assert process.outcomes == {"delivered": 3000}


def test_headers_are_held_too() -> None:
    headers = (("trace", bytes(8_000)),)
    with staged() as stage:
        stage.crm.fate = lambda _: "503"
        process = stage.start(memory_bytes=8 << 20)
        for n in range(3000):
            stage.broker.produce(ORDERS, order(f"o{n}", n), headers=headers)
        process.run(10)
        unsettled = sum(map(len, process.parts.partitions.tracks.values()))
        assert unsettled * 8_000 <= process.parts.books.bytes
        stage.crm.fate = lambda _: "ok"
        process.until_done(300)
        assert process.parts.books.bytes == 0


@pytest.mark.parametrize(("column", "outcome"), [("comment", "delivered"), ("mark", "dead_lettered")])
def test_of_a_large_record_counts_what_is_used_besides_itself(column: str, outcome: str) -> None:
    """A mapping may use nothing of five megabytes, or all: by their bytes alone they would never fit."""
    budget = 64 << 20
    with staged() as stage:
        stage.crm.fate = lambda _: "503"
        process = stage.start(memory_bytes=budget)
        columns: dict[str, Any] = {column: "x" * 5_000_000}
        stage.produce(ORDERS, *[order(f"o{n}", n, **columns) for n in range(3)])
        held = []
        process.source.on_poll = lambda: held.append(process.parts.books.bytes)
        process.run(20)
        assert max(held) >= 15_000_000
        stage.crm.fate = lambda _: "ok"
        process.until_done(300)
        assert max(held) <= budget
        assert process.outcomes == {outcome: 3}
        assert process.parts.books.bytes == 0


def test_a_budget_smaller_than_a_record_slows_and_stops_nothing() -> None:
    with staged(partitions=2) as stage:
        process = stage.start(memory_bytes=1)
        for partition in (0, 1):
            stage.produce(ORDERS, *[order(f"o{partition}{n}", n) for n in range(50)], partition=partition)
        process.until_done()
        assert process.outcomes == {"delivered": 100}
