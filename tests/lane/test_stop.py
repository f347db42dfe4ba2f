"""Stop and restart: drain within the budget, release what was not sent, keep in doubt what may have been."""

from typing import Any

import pytest

from connector.dialects.yespo import YespoOptions
from tests.support.stage import NAME, Process, Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import ORDERS, order


def claims(stage: Stage) -> set[str]:
    """Orders that are claimed."""
    return {key for entity, key in stage.store.scopes[NAME].claims if entity == "order"}


def busy(stage: Stage, fate: Fate, **settings: Any) -> Process:
    """A process with orders of a known contact on their way to a destination that does this to them."""
    process = stage.start(**settings)
    stage.produce(ORDERS, order("seed", 0, customer="c"))
    process.until_done()
    stage.crm.fate = lambda r: fate if r.resource in ("events", "past_events") else "ok"
    stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 5)])
    process.until(lambda: process.courier.state().events)
    return process


def test_a_stop_finishes_what_flies_and_commits() -> None:
    with staged() as stage:
        process = busy(stage, "ok")
        process.drain()
        assert stage.committed() == 5
        assert claims(stage) == set()


def test_a_stop_releases_what_certainly_was_not_applied() -> None:
    with staged() as stage:
        process = busy(stage, "503")
        process.run(2)
        process.drain()
        assert claims(stage) == set()
        assert stage.committed() == 1
        stage.crm.fate = lambda _: "ok"
        again = stage.start()
        again.until_done()
        assert again.outcomes == {"delivered": 4}


@pytest.mark.parametrize("down", ["destination", "ledger", "dead letters"])
def test_a_stop_keeps_within_its_budget_whatever_is_down(down: str) -> None:
    with staged() as stage:
        process = busy(stage, "slow", drain_seconds=3.0)
        stage.crm.fate = lambda _: "ok"
        stage.produce(
            ORDERS, order("lands", 9, customer="c"), order("refused", 10, customer="c", mark="marked")
        )
        process.until(lambda: stage.crm.taken("order", "lands"))
        process.ledger.down = down == "ledger"
        stage.outside.letters = down == "dead letters"
        begun = stage.clock.monotonic()
        process.drain()
        assert stage.clock.monotonic() - begun < 3.5
        assert stage.committed() == 1


def test_a_stop_leaves_in_doubt_what_is_in_doubt() -> None:
    with staged() as stage:
        process = busy(stage, "slow", drain_seconds=1.0)
        process.drain()
        assert claims(stage) == {"o1", "o2", "o3", "o4"}
        assert stage.committed() == 1


def test_after_a_kill_a_doubtful_event_is_sent_again() -> None:
    with staged(conflict_seconds=0) as stage:
        busy(stage, "lost").die()
        stage.crm.fate = lambda _: "ok"
        again = stage.start()
        again.until_done()
        assert again.outcomes == {"delivered": 4}
        assert again.meter.total("retries_total", reason="in_doubt") == 4
        assert stage.letters == {}


@pytest.mark.parametrize("options", [YespoOptions(in_doubt="hold"), YespoOptions(orders_via="past_events")])
def test_after_a_kill_a_doubtful_event_that_bears_no_resend_is_held(options: YespoOptions) -> None:
    with staged() as stage:
        busy(stage, "lost", options=options).die()
        sent = len(stage.crm.requests)
        again = stage.start(options=options)
        again.until_done()
        assert again.outcomes == {"in_doubt": 4}
        assert set(stage.causes().values()) == {"in_doubt"}
        assert len(stage.crm.requests) == sent


def test_after_a_kill_a_newer_version_takes_over_and_the_older_one_is_not_sent() -> None:
    with staged() as stage:
        process = busy(stage, "ok")
        process.until_done()
        stage.produce(ORDERS, order("o1", 20, customer="c"))
        process.until_done()
        process.die()
        stage.group.commits.clear()
        again = stage.start()
        again.until_done()
        assert stage.crm.taken("order", "o1") == ["1", "20"]
        assert again.outcomes == {"duplicate": 5, "superseded": 1}


def test_a_409_after_a_kill_tells_that_the_first_one_arrived() -> None:
    with staged() as stage:
        busy(stage, "lost").die()
        stage.crm.fate = lambda _: "ok"
        again = stage.start()
        again.until_done()
        assert again.outcomes == {"delivered": 4}
        assert len(set(stage.crm.applied)) == len(stage.crm.applied)


def test_what_was_held_is_not_sent_after_a_kill_that_came_before_its_commit() -> None:
    options = YespoOptions(orders_via="past_events")
    with staged(import_seconds=60) as stage:
        process = stage.start(options=options)
        stage.produce(ORDERS, order("first", 0, customer="slow"), order("seed", 1, customer="slow"))
        process.until_done()
        stage.crm.fate = lambda r: "lost" if b'"held"' in (r.body or b"") else "ok"
        stage.produce(ORDERS, order("waits", 2, customer="new"), order("held", 3, customer="slow"))
        process.until(lambda: stage.letters)
        process.run(1)
        assert stage.committed() == 2
        process.die()
        again = stage.start(options=options)
        again.until_done(300)
        assert stage.crm.taken("order", "held") == ["3"]
