"""Partitions come and go: drain, commit, forget; a late answer settles the ledger and commits nothing."""

from typing import Any

from connector.ports import Assigned
from tests.support.stage import NAME, Process, Stage, staged
from tests.support.stage_reading import CONTACTS, ORDERS, POISON, order


def seeded(stage: Stage, **settings: Any) -> Process:
    """A process whose orders' contact is known, and who owns all until `give`."""
    process = stage.start(**settings)
    stage.group.plan = dict.fromkeys(stage.broker.keys([ORDERS, CONTACTS]), process.source)
    stage.produce(ORDERS, order("seed", 0, customer="c"))
    process.until_done()
    return process


def give(stage: Stage, *keys: tuple[str, int], to: Process) -> None:
    """The group decides who owns what."""
    stage.group.plan = (stage.group.plan or {}) | dict.fromkeys(keys, to.source)


def test_a_revoked_partition_is_drained_committed_and_forgotten() -> None:
    with staged() as stage:
        first = seeded(stage)
        second = stage.start()
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 6)])
        first.until(lambda: first.courier.flying)
        give(stage, (ORDERS, 0), to=second)
        first.turn()
        assert stage.committed() == 6
        assert (ORDERS, 0) not in first.parts.partitions.tracks
        for gauge in ("lag_records", "lag_seconds", "committed_offset"):
            assert first.meter.value(gauge, destination=NAME, topic=ORDERS, partition="0") is None
        second.run(5)
        assert stage.crm.applied.count(("order", "o1", "1")) == 1
        assert second.outcomes == {}


def test_what_cannot_be_drained_in_time_is_left_and_its_late_answer_commits_nothing() -> None:
    with staged() as stage:
        first = seeded(stage, drain_seconds=2.0)
        second = stage.start()
        stage.crm.fate = lambda _: "slow"
        stage.produce(ORDERS, order("o", 1, customer="c"), order("p", 2, customer="c"))
        first.until(lambda: first.courier.flying)
        give(stage, (ORDERS, 0), to=second)
        begun = stage.clock.monotonic()
        first.turn()
        assert stage.clock.monotonic() - begun < 2.5
        assert stage.committed() == 1
        stage.crm.fate = lambda _: "ok"
        for _ in range(400):
            first.turn()
            second.turn()
        assert stage.committed() == 3
        assert first.parts.books.bytes == 0
        assert sorted(stage.crm.taken("order", "o") + stage.crm.taken("order", "p")) == ["1", "2"]


def test_a_stop_that_comes_into_a_revocation_shares_its_budget() -> None:
    with staged() as stage:
        first = seeded(stage, drain_seconds=10.0)
        second = stage.start()
        stage.crm.fate = lambda _: "slow"
        stage.produce(ORDERS, order("o", 1, customer="c"))
        first.until(lambda: first.courier.flying)
        give(stage, (ORDERS, 0), to=second)
        begun = stage.clock.monotonic()
        first.lane.hurry()
        first.turn()
        first.drain()
        assert 9.5 < stage.clock.monotonic() - begun < 10.5


def test_lost_partitions_are_dropped_without_a_commit() -> None:
    with staged() as stage:
        process = seeded(stage)
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 20)])
        process.until(lambda: process.courier.flying)
        stage.group.lose(process.source)
        commits: list[object] = []
        process.source.on_commit = commits.append
        process.turn()
        assert commits == []
        assert process.meter.value("rebalances_total", kind="lost") == 1
        process.source.on_commit = lambda _: None
        process.until_done()
        assert process.parts.books.bytes == 0
        assert sorted(set(stage.crm.applied)) == sorted(stage.crm.applied)


def test_a_partition_taken_and_given_back_at_once_goes_on() -> None:
    with staged() as stage:
        first = seeded(stage)
        second = stage.start()
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 20)])
        first.until(lambda: first.courier.flying)
        give(stage, (ORDERS, 0), to=second)
        first.turn()
        give(stage, (ORDERS, 0), to=first)
        for _ in range(300):
            second.turn()
            first.turn()
        assert stage.done
        assert len(set(stage.crm.applied)) == len(stage.crm.applied)


def test_dead_letters_of_a_partition_that_goes_are_durable_before_its_commit() -> None:
    with staged() as stage:
        first = seeded(stage, drain_seconds=1.0)
        second = stage.start()
        stage.outside.letters = True
        stage.produce(ORDERS, POISON, order("o", 1, customer="c"))
        first.run(2)
        give(stage, (ORDERS, 0), to=second)
        first.turn()
        assert stage.committed() == 1
        stage.outside.letters = False
        for _ in range(300):
            first.turn()
            second.turn()
        assert stage.committed() == 3
        assert set(stage.letters) == {((ORDERS, 0), 1)}


def test_a_record_is_of_the_topic_of_its_partition_though_another_one_is_of_a_recreated_topic() -> None:
    """Until the source has handed back what was read of the topic before: else the ledger would take its
    offsets for those of the new topic, and a letter of the new one would replace its letter."""
    with staged() as stage:
        process = seeded(stage)
        stage.outside.registry = True
        stage.produce(ORDERS, order("o", 1, customer="c"), POISON)
        process.run(1)
        assert process.paused == {"registry"}
        process.lane.assigned([Assigned(ORDERS, 1, None, "", 0, 0, "another", topic_has_commits=False)])
        stage.outside.registry = False
        process.run(5)
        assert stage.letters[(ORDERS, 0), 2].topic_id == stage.broker.topics[ORDERS].id
