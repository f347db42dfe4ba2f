"""What an operator sees of a lane: one word, why, since when, and what ends it."""

from typing import get_args

import msgspec
import pytest
from msgspec.structs import replace

from connector.core.status import HEALTH, Health, LaneStatus, QuotaStatus, gravest
from connector.lane.advice import ASKS, GATES, OUTAGES
from connector.lane.partitions import QUESTIONS
from connector.lane.troubles import MOST
from tests.lane.test_outages import OUTAGES as SWITCHES
from tests.lane.test_taxonomy import TREE
from tests.support.stage import FAST, Process, Stage, staged
from tests.support.stage_reading import ORDERS, POISON, order


def seen(process: Process) -> LaneStatus:
    """As told last, in the documented form: a key too few, or a wrong type, fails."""
    return msgspec.convert(process.lane.view, LaneStatus, strict=True)


def behind(stage: Stage, process: Process, records: int, seconds: float) -> LaneStatus:
    """A CRM that takes one request a second, and so many orders."""
    stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(1, records)])
    process.run(seconds)
    return seen(process)


def test_a_lane_is_starting_until_its_group_lets_it_in_then_empty_then_healthy() -> None:
    with staged() as stage:
        process = stage.start()
        words = [(seen(process)["health"], seen(process)["why"])]
        process.run(2)
        words.append((seen(process)["health"], seen(process)["why"]))
        stage.produce(ORDERS, order("o", 1))
        process.until_done()
        process.run(2)
        words.append((seen(process)["health"], seen(process)["why"]))

    assert words == [
        ("starting", ["its consumer group has not let it in yet"]),
        ("empty", ["no record has come since it started"]),
        ("healthy", []),
    ]


def test_a_replica_without_a_partition_is_empty_and_says_so() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o", 1))
        process.until_done()
        stage.group.plan = {}
        process.run(5)
        view = seen(process)

    assert (view["partitions"], view["health"]) == ([], "empty")
    assert view["why"] == ["its consumer group gave it no partition: other replicas have them all"]


def test_a_lane_behind_says_by_how_much_since_when_and_what_it_waits_for() -> None:
    with staged() as stage:
        process = stage.start(courier=replace(FAST, rate_per_second=2), batch_events=1)
        view = behind(stage, process, records=400, seconds=120)
        now = stage.clock.now()

    assert view["health"] == "lagging"
    late, caught_up, rate = view["why"]
    assert late.startswith(f"{view['lag_records']} records wait, the oldest for ")
    assert caught_up.startswith("at this pace it has caught up in ")
    assert rate == "requests wait for their rate, `delivery.rate_per_second`"
    (row,) = [row for row in view["partitions"] if row["lag_records"]]
    assert (row["watermark"], row["lag_records"]) == (399 - view["lag_records"], view["lag_records"])
    assert row["oldest_at"] == pytest.approx(now - row["lag_seconds"], abs=2)
    assert 0.5 < view["records_per_second"] < 2.1
    assert view["caught_up_at"] == pytest.approx(
        now + view["lag_records"] / view["records_per_second"], rel=0.3
    )


def test_batches_that_wait_so_that_a_days_requests_last_are_not_late() -> None:
    with staged() as stage:
        process = stage.start(linger=400.0, batch_events=1000)
        view = behind(stage, process, records=4, seconds=200)

        assert view["lag_seconds"] > 190
        assert view["health"] == "healthy"


@pytest.mark.parametrize("outage", SWITCHES)
def test_a_pause_is_told_with_its_begin_its_next_try_and_its_remedy(outage: str) -> None:
    reason, switch = SWITCHES[outage]
    with staged() as stage:
        process = stage.start()
        process.run(2)
        switch(stage, process, True)
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(20)], POISON)
        began = stage.clock.now()
        process.run(20)
        view, now = seen(process), stage.clock.now()

    pause = view["paused"][reason]
    assert (view["health"], view["why"]) == ("paused", [pause["detail"]])
    assert pause["since"] == pytest.approx(began, abs=3)
    assert pause["next_try"] is not None
    assert now - 2 < pause["next_try"] < now + 20
    assert pause["remedy"]
    assert ("pause", reason) in [(one["kind"], one["reason"]) for one in view["errors"]]


def test_a_partition_that_asks_is_named_with_the_command_that_answers() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(5)])
        process.until_done()
        process.drain()
        stage.produce(ORDERS, *[order(f"p{n}", 10 + n) for n in range(5)])
        stage.broker.expire(ORDERS, 8)
        process = stage.start()
        process.run(5)
        view = seen(process)

    pause = view["paused"]["expired"]
    assert (view["health"], pause["next_try"]) == ("paused", None)
    why = "the next record was deleted before it was read, or the log has lost its end"
    assert pause["detail"] == f"{ORDERS}[0]: {why}"
    assert "`crm-connector resume --topic T --partition P --from earliest`" in pause["remedy"]
    assert [row["asks"] for row in view["partitions"] if row["topic"] == ORDERS] == ["expired"]


def test_too_many_dead_letters_are_a_pause_since_it_was_seen() -> None:
    with staged() as stage:
        process = stage.start(brake=(20, 0.5))
        stage.produce(ORDERS, *[POISON] * 30)
        process.run(30)
        pause = seen(process)["paused"]["flood"]

        assert pause["since"] == pytest.approx(stage.clock.now() - 30, abs=3)
        assert "`crm-connector resume --accept REASON`" in pause["remedy"]


def test_what_failed_is_told_once_with_how_often_and_where() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, POISON, order("o", 1), POISON)
        process.until_done()
        process.run(2)
        (letter,) = seen(process)["errors"]
        stage.crm.fate = lambda _: "503"
        stage.produce(ORDERS, order("p", 2))
        process.run(20)
        newest = seen(process)["errors"]

    assert (letter["kind"], letter["reason"], letter["times"]) == ("dead_letter", "bad_framing", 2)
    assert (letter["topic"], letter["partition"], letter["offset"]) == (ORDERS, 0, 2)
    assert letter["since"] <= letter["at"]
    assert {(one["kind"], one["detail"]) for one in newest[:2]} >= {("request", "HTTP 503")}
    assert next(one["times"] for one in newest if one["kind"] == "request") > 2
    assert newest[-1] == letter


def test_its_last_errors_are_bounded() -> None:
    with staged() as stage:
        process = stage.start()
        for number in range(MOST + 5):
            process.parts.books.troubles.pause("destination", f"detail {number}")
        process.run(2)
        errors = seen(process)["errors"]

    assert [one["detail"] for one in errors] == [f"detail {n}" for n in range(MOST + 4, 4, -1)]


def test_a_days_quota_that_will_not_last_says_when_it_is_spent() -> None:
    with staged() as stage:
        process, left = stage.start(), [1000]

        def quota() -> QuotaStatus:
            left[0] -= 1
            return QuotaStatus(
                requests=5000, left=left[0], resets_at=stage.clock.now() + 40_000,
                per_hour=None, spent_at=None, linger_seconds=60.0,
            )  # fmt: skip

        process.parts.quota = quota
        process.run(60)
        told = seen(process)["quota"]
        now = stage.clock.now()

    assert told is not None
    assert told["per_hour"] is not None
    assert told["per_hour"] == pytest.approx(3600 / 1.25, rel=0.25)
    assert told["spent_at"] == pytest.approx(now + told["left"] / told["per_hour"] * 3600, abs=3)


def test_the_curve_has_a_point_for_each_step() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.fate = lambda _: "503"
        behind(stage, process, records=10, seconds=100)
        history = seen(process)["history"]

    assert 6 <= len(history) <= 8
    assert history[-1]["lag_records"] == 9
    assert history[-1]["lag_seconds"] > 80


def test_every_reason_has_its_advice_and_every_word_its_meaning() -> None:
    assert set(OUTAGES) == set(TREE.values())
    assert set(ASKS) == set(QUESTIONS)
    assert all(one.remedy for one in (*GATES.values(), *ASKS.values()))
    assert list(HEALTH) == list(get_args(Health))


@pytest.mark.parametrize(
    ("found", "word"),
    [([], "starting"), (["healthy", "paused", "lagging"], "paused"), (["healthy", "empty"], "empty")],
)
def test_a_process_is_what_its_gravest_lane_is(found: list[Health], word: Health) -> None:
    assert gravest(found) == word
