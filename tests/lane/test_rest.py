"""A lane with nothing to do blocks where news will come from: a spin would starve the courier of the GIL."""

from collections.abc import Callable

import pytest

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
