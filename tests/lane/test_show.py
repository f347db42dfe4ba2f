"""What a lane shows, it shows whatever is down; and a stage tells what the CRM ignored."""

from itertools import repeat

import msgspec
import pytest
from msgspec.structs import replace

from connector.core.assignment import Answer
from connector.core.talk import Request
from tests.support.stage import FAST, NAME, Process, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import ORDERS, POISON, order


def lag(process: Process) -> tuple[float, float]:
    """All of it, and the part that more replicas would help with."""
    scalable = process.meter.value("scalable_lag_records", destination=NAME)
    assert scalable is not None
    return process.meter.total("lag_records", destination=NAME), scalable


def test_lag_is_shown_while_the_broker_is_down() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.fate = lambda _: "503"
        stage.produce(ORDERS, order("o", 1))
        process.run(5)
        stage.broker.down = True
        process.run(100)
        age = process.meter.value("lag_seconds", destination=NAME, topic=ORDERS, partition="0")
        assert age is not None
        assert age > 95


def test_what_is_to_be_tended_is_tended_about_once_a_second_though_there_is_nothing_to_do() -> None:
    with staged() as stage:
        process, tended = stage.start(), list[float]()
        process.parts.tend = lambda: tended.append(stage.clock.now())
        process.run(20)
        assert len(tended) >= 10


def test_a_stage_whose_crm_ignored_something_fails() -> None:
    params = [{"name": "email", "value": "a@shop.example"}, {"name": "externalOrderId", "value": "1"}]
    body = msgspec.json.encode({"eventTypeKey": "orderDelivered", "params": params})
    with pytest.raises(AssertionError, match="promise 7: silently ignored"), staged() as stage:
        assert stage.crm.apply(Request("POST", "/v2/event", "other", body)).status == 200


def test_the_partitions_that_replicas_hold_add_up() -> None:
    with staged(partitions=3) as stage:
        first, second = stage.start(), stage.start()
        for process in (first, second) * 3:
            process.run(2)
        held = [p.meter.value("assigned_partitions", destination=NAME) for p in (first, second)]
        assert sum(one or 0 for one in held) == 6
        assert all(held)


def test_lag_behind_a_slow_crm_is_lag_that_more_replicas_help_with() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.fate = lambda _: "slow"
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(1, 100)])
        process.run(3)
        assert lag(process) == (99, 99)


@pytest.mark.parametrize("fate", ["503", "401", "429"])
def test_lag_of_a_paused_lane_is_none_that_more_replicas_help_with(fate: Fate) -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.fate = lambda _: fate
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(1, 100)])
        process.run(10)
        assert lag(process) == (99, 0)


def test_lag_that_waits_for_the_request_rate_is_none_that_more_replicas_help_with() -> None:
    with staged() as stage:
        process = stage.start(courier=replace(FAST, rate_per_second=1), batch_events=1)
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(1, 100)])
        process.run(5)
        records, scalable = lag(process)
        assert records > 50
        assert scalable == 0


def test_a_lane_that_has_not_joined_its_group_shows_that_it_holds_nothing() -> None:
    with staged() as stage:
        assert stage.start().meter.value("assigned_partitions", destination=NAME) == 0


def place(process: Process, partition: int = 0) -> tuple[float | None, float | None]:
    """Lag in records and seconds of one partition."""
    labels = {"destination": NAME, "topic": ORDERS, "partition": str(partition)}
    return process.meter.value("lag_records", **labels), process.meter.value("lag_seconds", **labels)


def test_lag_grows_while_nothing_is_read() -> None:
    """What is written to a paused partition is counted, with the time for which it is seen to wait."""
    with staged(partitions=2) as stage:
        process = stage.start(brake=(4, 0.5))
        stage.produce(ORDERS, *[POISON] * 8)
        process.until(lambda: "flood" in process.paused)
        assert place(process, 1) == (0, 0)
        stage.produce(ORDERS, order("a", 1), order("b", 2), partition=1)
        process.run(60)
        records, seconds = place(process, 1)
        assert records == 2
        assert 55 < (seconds or 0) <= 61
        assert lag(process)[1] == 0
        process.ledger.answer(Answer("", -1, None, "seen", 0.0))
        process.until_done()
        assert place(process, 1) == (0, 0)


def test_a_partition_that_asks_has_lag_of_what_is_there_and_none_that_more_replicas_help_with() -> None:
    with staged() as stage:
        before = stage.start()
        stage.produce(ORDERS, order("o", 1))
        before.until_done()
        before.drain()
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(2, 10)])
        stage.broker.expire(ORDERS, 5)
        process = stage.start()
        process.until(lambda: process.paused == {"expired"})
        process.run(60)
        assert lag(process) == (4, 0)  # the other four are gone
        assert (place(process)[1] or 0) > 55


@pytest.mark.parametrize("down", ["registry", "ledger"])
def test_lag_of_an_outage_of_our_own_is_none_that_more_replicas_help_with(down: str) -> None:
    with staged() as stage:
        process = stage.start()
        process.until(lambda: process.lane.joined)
        if down == "registry":
            stage.outside.registry = True
        else:
            stage.outside.troubles = repeat("before")
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(1, 20)])
        process.run(10)
        assert process.paused == {down}
        assert lag(process) == (19, 0)
