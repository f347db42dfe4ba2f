"""An event that fails by itself does not hold its partition for ever; what came after it is never undone."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from connector.core.talk import Request, Response
from connector.dialects.yespo import YespoOptions
from tests.support.stage import FAST, NAME, Process, Stage, staged
from tests.support.stage_crm import Fate, sent_in
from tests.support.stage_reading import CONTACTS, ORDERS, contact, order

BUDGET = 5
BAD = ("order", "o", "1")


def started(stage: Stage, options: YespoOptions | None = None) -> Process:
    """A process with a small budget, whose orders' contact is known."""
    process = stage.start(courier=replace(FAST, budget=BUDGET), options=options)
    stage.produce(ORDERS, order("seed", 0, customer="c"))
    process.until_done()
    return process


def provoked(fate: Fate) -> Callable[[Request], Fate]:
    """By the bad version alone."""
    return lambda request: fate if BAD in sent_in(request) else "ok"


def with_traffic(stage: Stage, process: Process, seconds: float) -> None:
    """Others go on meanwhile."""
    for step in range(int(seconds * 2)):
        stage.produce(ORDERS, order(f"other{step}", 1000 + step, customer="c"))
        process.run(0.5)


@pytest.mark.parametrize("fate", ["500", "503", "500 applied"])
def test_a_version_that_alone_provokes_a_5xx_ends_with_its_attempts_and_the_next_goes_on(fate: Fate) -> None:
    """And a later redrive of it finds that newer has been accepted."""
    with staged() as stage:
        process = started(stage)
        stage.crm.fate = provoked(fate)
        (first, *_) = stage.produce(ORDERS, order("o", 1, customer="c"), order("o", 2, customer="c"))
        with_traffic(stage, process, 30)
        process.until_done()
        assert stage.causes() == {first: "retries_exhausted"}
        letter = stage.letters[(ORDERS, 0), first]
        assert letter.attempts > BUDGET
        assert f"{letter.attempts} attempts" in letter.detail
        assert ("may have been applied" in letter.detail) == (fate != "503")
        assert stage.crm.taken("order", "o")[-1] == "2"
        assert process.outcomes["dead_lettered"] == 1
        assert process.meter.value("dead_letters_total", destination=NAME, cause="retries_exhausted") == 1
        stage.crm.fate = lambda _: "ok"
        sent = len(stage.crm.requests)
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until_done()
        assert process.outcomes["superseded"] == 1
        assert len(stage.crm.requests) == sent


def test_a_409_that_stays_ends_after_the_minute_that_the_api_asks_for() -> None:
    with staged() as stage:
        process = started(stage)
        stage.crm.says = lambda request: Response(409) if BAD in sent_in(request) else None
        (first, *_) = stage.produce(ORDERS, order("o", 1, customer="c"), order("o", 2, customer="c"))
        process.until_done(200)
        assert stage.causes() == {first: "conflict"}
        assert stage.letters[(ORDERS, 0), first].attempts == 2
        assert stage.crm.taken("order", "o") == ["2"]


def test_where_a_doubt_is_held_it_is_final_at_once_and_later_events_go_on() -> None:
    """RULES 4 comes before any budget."""
    with staged() as stage:
        process = started(stage, YespoOptions(name=NAME, in_doubt="hold"))
        stage.crm.fate = provoked("500")
        (first, *_) = stage.produce(ORDERS, order("o", 1, customer="c"), order("o", 2, customer="c"))
        process.until_done()
        assert stage.causes() == {first: "in_doubt"}
        assert stage.letters[(ORDERS, 0), first].attempts == 1
        assert stage.crm.taken("order", "o") == ["2"]


def test_a_bad_contact_ends_and_its_orders_with_it() -> None:
    """A contact import that always fails while others pass: it cannot be attached to anybody."""
    with staged() as stage:
        process = started(stage)
        bad = ("contact", "bad", "")
        stage.crm.says = lambda request: Response(503) if bad in sent_in(request) else None
        (held, _) = stage.produce(ORDERS, order("o", 1, customer="bad"), order("p", 2, customer="c"))
        for step in range(60):
            stage.produce(CONTACTS, contact(f"c{step}", 10 + step))
            process.run(0.5)
        process.until_done()
        assert stage.causes() == {held: "contact_refused"}
        assert stage.crm.taken("order", "p") == ["2"]


@pytest.mark.parametrize("fate", ["500", "401"])
def test_an_outage_in_which_nobody_passes_costs_nothing(fate: Fate) -> None:
    with staged() as stage:
        process = started(stage)
        stage.crm.fate = lambda _: fate
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 20)])
        process.run(600)
        stage.crm.fate = lambda _: "ok"
        process.until_done(200)
        assert stage.causes() == {}
        assert {key: stage.crm.taken("order", key)[-1] for key in ("o1", "o19")} == {"o1": "1", "o19": "19"}


def test_a_partition_is_not_held_by_one_event_where_only_probes_can_tell() -> None:
    """Little traffic: its failures open the gate, and another event, as the probe, shows whose they are."""
    with staged() as stage:
        process = started(stage)
        stage.crm.fate = provoked("503")
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until(lambda: process.paused == {"destination"}, 60)
        for number in range(40):
            stage.produce(ORDERS, order(f"rare{number}", 10 + number, customer="c"))
            process.run(5)
        process.until_done()
        assert set(stage.causes().values()) == {"retries_exhausted"}
        assert process.paused == set()
