"""A lane with nothing to do blocks where news will come from: a spin would starve the courier of the GIL."""

from collections.abc import Callable

import pytest

from connector.lane.room import ENOUGH, FETCH
from tests.support.stage import FAST, Process, Stage, staged
from tests.support.stage_reading import ORDERS, POISON, order


def fate(what: str) -> Callable[[Stage, Process], None]:
    def happen(stage: Stage, process: Process) -> None:
        stage.crm.fate = lambda _: what  # type: ignore[assignment,return-value]

    return happen


def ledger(stage: Stage, process: Process) -> None:
    process.ledger.down = True


def broker(stage: Stage, process: Process) -> None:
    stage.broker.down = True


def registry(stage: Stage, process: Process) -> None:
    stage.outside.registry = True


def dead_letters(stage: Stage, process: Process) -> None:
    stage.outside.letters = True
    stage.produce(ORDERS, POISON)


def flood(stage: Stage, process: Process) -> None:
    process.parts.brake.holds = True


OUTAGES = {
    "503": fate("503"), "unreachable": fate("refused"), "stuck": fate("slow"), "credentials": fate("401"),
    "ledger": ledger, "broker": broker, "registry": registry, "dead letters": dead_letters, "flood": flood,
}  # fmt: skip


@pytest.mark.parametrize("outage", OUTAGES)
def test_a_lane_that_can_do_nothing_sleeps(outage: str) -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("first", 0, customer="c"))
        process.until_done()
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 50)])
        process.turn()
        OUTAGES[outage](stage, process)
        stage.produce(ORDERS, *[order(f"p{n}", n, customer="c") for n in range(50)])
        process.run(5)
        turns = process.turns
        process.run(10)
        assert process.turns - turns < 1200  # a hundred a second while something flies, four without


def test_it_sleeps_while_all_slots_are_taken() -> None:
    with staged() as stage:
        process = stage.start(courier=FAST)
        stage.produce(ORDERS, order("first", 0, customer="c"))
        process.until_done()
        stage.crm.fate = lambda _: "slow"
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 50)])
        process.until(lambda: process.courier.room == 0)
        turns = process.turns
        process.run(4)
        assert process.courier.room == 0
        assert process.turns - turns < 500


def test_it_makes_no_more_ready_than_is_of_use_soon_and_goes_on_when_slots_are_free() -> None:
    """What nobody can send yet is cheaper with the broker, which is asked for a little all the same."""
    with staged() as stage:
        process = stage.start(courier=FAST)
        stage.produce(ORDERS, order("first", 0, customer="c"))
        process.until_done()
        stage.crm.fate = lambda _: "slow"
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, ENOUGH + 2 * FETCH)])
        process.run(3)
        assert ENOUGH <= process.parts.plan.ready < ENOUGH + FETCH + 100
        turns = process.turns
        process.run(2)
        assert process.turns - turns < 50
        stage.crm.fate = lambda _: "ok"
        process.until_done(600)


def test_a_line_of_many_changes_is_not_ready_and_keeps_others_from_nothing() -> None:
    with staged() as stage:
        process = stage.start(courier=FAST)
        stage.produce(ORDERS, order("hot", 0, customer="c"))
        process.until_done()
        stage.produce(ORDERS, *[order("hot", n, customer="c") for n in range(1, ENOUGH + 100)])
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(10)])
        process.until(lambda: all(stage.head("order", f"o{n}") for n in range(10)))
        assert stage.broker.log((ORDERS, 0)).end - (stage.committed() or 0) > ENOUGH // 2
