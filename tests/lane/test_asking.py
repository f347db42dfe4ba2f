"""What only the operator can answer: the flood brake, and where reading goes on (RULES 1 and 3)."""

from connector.core.assignment import Answer
from connector.dialects.yespo import YespoOptions
from tests.support.stage import NAME, Process, Stage, staged
from tests.support.stage_reading import ORDERS, POISON, order


def answered(
    process: Process, topic: str = "", *, start: str | None = None, accept: str | None = None
) -> None:
    """`crm-connector resume`."""
    process.ledger.answer(Answer(topic, -1, start, accept, 0.0))


def test_the_flood_brake_holds_until_the_operator_answers() -> None:
    with staged() as stage:
        process = stage.start(brake=(20, 0.5))
        stage.produce(ORDERS, *[POISON] * 30)
        process.until(lambda: "flood" in process.paused)
        buried, committed = len(stage.letters), stage.committed()
        stage.produce(ORDERS, *[POISON] * 500, order("o", 1))
        process.run(60)
        assert process.paused == {"flood"}
        assert (len(stage.letters), stage.committed()) == (buried, committed)
        assert buried <= 30
        answered(process, accept="flood")
        process.run(5)
        assert len(stage.letters) > buried


def test_an_answer_given_before_the_flood_does_not_release_it() -> None:
    with staged() as stage:
        process = stage.start(brake=(20, 0.5))
        answered(process)
        process.run(5)
        stage.produce(ORDERS, *[POISON] * 30)
        process.run(30)
        assert process.paused == {"flood"}


def test_a_few_unreadable_records_that_overtake_good_ones_do_not_press_the_brake() -> None:
    """A backlog: what cannot be read is settled at once, what is sent takes its time."""
    with staged() as stage:
        stage.produce(ORDERS, *[order(f"o{n}", n) if n % 5 else POISON for n in range(200)])
        process = stage.start(brake=(20, 0.5))
        process.until_done()
        assert process.outcomes == {"delivered": 160, "dead_lettered": 40}


def test_held_in_doubt_events_do_not_press_the_brake() -> None:
    with staged() as stage:
        process = stage.start(brake=(5, 0.5), options=YespoOptions(in_doubt="hold"))
        stage.produce(ORDERS, order("seed", 0, customer="c"))
        process.until_done()
        stage.crm.fate = lambda r: "lost" if r.resource == "events" else "ok"
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 20)])
        process.run(200)
        assert process.outcomes["in_doubt"] >= 10
        assert "flood" not in process.paused


def asks(stage: Stage, process: Process, reason: str) -> None:
    """The partition is paused for this reason; nothing is sent and nothing committed meanwhile."""
    process.until(lambda: process.paused == {reason})
    sent, committed = len(stage.crm.requests), stage.committed()
    process.run(60)
    assert process.paused == {reason}
    assert (len(stage.crm.requests), stage.committed()) == (sent, committed)


def test_a_topic_made_anew_is_read_after_the_answer() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o1", 1), order("o2", 2))
        process.until_done()
        stage.broker.create(ORDERS)
        stage.produce(ORDERS, order("o3", 3))
        asks(stage, process, "recreated")
        answered(process, ORDERS, accept="recreated")
        process.until(lambda: stage.crm.taken("order", "o3"))
        process.until(lambda: stage.committed() == 1)
        assert process.paused == set()


def test_expired_records_are_skipped_only_by_an_answer() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o1", 1))
        process.until_done()
        process.drain()
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(2, 10)])
        stage.broker.expire(ORDERS, 5)
        again = stage.start()
        asks(stage, again, "expired")
        answered(again, ORDERS, start="earliest")
        again.until_done()
        assert again.outcomes == {"delivered": 4}


def test_another_ledger_is_noticed_and_asked_about() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o1", 1))
        process.until_done()
        process.drain()
        stage.store.identity = "another"
        stage.produce(ORDERS, order("o2", 2))
        again = stage.start()
        asks(stage, again, "other_ledger")
        answered(again, accept="other_ledger")
        again.until_done()
        assert again.outcomes == {"delivered": 1}


def test_a_database_set_back_is_never_taken_for_late_changes() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o", 1000, ts=1_000_000))
        process.until_done()
        stage.produce(ORDERS, order("o", 5, ts=2_000_000), order("other", 6, ts=2_000_000))
        process.until(lambda: process.paused == {"clock"})
        process.run(30)
        assert stage.committed() == 1
        assert stage.crm.taken("order", "other") == ["6"]
        answered(process, accept="clock")
        process.until_done()
        assert stage.crm.taken("order", "o") == ["1000", "5"]
        assert process.paused == set()
        assert process.meter.value("paused", destination=NAME, reason="clock") == 0


def test_the_answer_to_a_flood_is_none_to_what_a_partition_asks_later() -> None:
    with staged() as stage:
        process = stage.start(brake=(20, 0.5))
        stage.produce(ORDERS, order("o", 1000, ts=1_000_000), *[POISON] * 30)
        process.until(lambda: "flood" in process.paused)
        answered(process, accept="flood")
        process.until_done()
        stage.produce(ORDERS, order("o", 5, ts=2_000_000))
        asks(stage, process, "clock")
        answered(process, accept="clock")
        process.until_done()
        assert stage.crm.taken("order", "o") == ["1000", "5"]


def test_an_answer_counts_although_a_restart_lies_between() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o", 1000, ts=1_000_000))
        process.until_done()
        stage.produce(ORDERS, order("o", 5, ts=2_000_000))
        asks(stage, process, "clock")
        process.drain()
        answered(process, accept="clock")
        again = stage.start()
        again.until_done()
        assert stage.crm.taken("order", "o") == ["1000", "5"]
