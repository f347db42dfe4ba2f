"""The Source port: one suite for the fake, librdkafka's mock cluster and a real Kafka."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import Producer

from connector.core.model import Record
from connector.errors import BrokerDown, LedgerDown
from connector.ports import Answer, Source, TopicPartition
from tests.fakes.ledger import FakeLedger, Store
from tests.support.member import WAIT_SECONDS, Member
from tests.support.real_kafka import shared_broker
from tests.support.source_world import STAMP, FakeWorld, KafkaWorld, World
from tests.support.waiting import wait_for

Make = Callable[[int], World]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kafka)])
def world(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a broker with a topic of so many partitions."""
    with ExitStack() as cleanup:
        if request.param == "fake":
            yield FakeWorld
        else:
            bootstrap = shared_broker().bootstrap
            yield lambda partitions: KafkaWorld(bootstrap, partitions, cleanup)


@pytest.fixture(params=["fake", "mock", pytest.param("real", marks=pytest.mark.kafka)])
def any_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A broker with a topic of four partitions, which all three can do."""
    with ExitStack() as cleanup:
        if request.param == "fake":
            yield FakeWorld(4)
        elif request.param == "mock":
            carrier = Producer({"test.mock.num.brokers": 1, "log_level": 0})
            (node,) = carrier.list_topics(timeout=10).brokers.values()
            mock = KafkaWorld(f"{node.host}:{node.port}", 4, cleanup, ids=False)
            mock.produce(b"makes the topic", partition=3)
            yield mock
        else:
            yield KafkaWorld(shared_broker().bootstrap, 4, cleanup)


def joined(world: World, member: Member, **properties: str | int) -> Source:
    """A source that has its first assignment."""
    source = world.member(member, **properties)
    member.until(lambda: member.held)
    return source


# --- Reading


def test_records_come_whole_and_in_order_commits_with_their_notes_and_the_next_member_goes_on(
    any_world: World,
) -> None:
    any_world.produce(b"a", None, b"", timestamp_ms=STAMP + 5)
    first = Member()
    source = joined(any_world, first)
    first.until(lambda: len([r for r in first.records if r.position.partition == 0]) == 3)
    records = [r for r in first.records if r.position.partition == 0]

    assert [r.value for r in records][0::2] == [b"a", b""]
    assert records[0] == Record(records[0].position, STAMP + 5, b"key", b"a", (("header", b"1"),))
    lease = first.partitions.tracks[any_world.topic, 0].lease
    assert [(r.position.offset, r.position.lease) for r in records] == [(n, lease) for n in range(3)]
    first.settle()
    assert first.commit()[any_world.topic, 0] == 3
    found = any_world.committed()
    assert found is not None
    assert found[0] == 3
    assert json.loads(found[1])["ledger"] == "fake-ledger"
    source.close()

    any_world.produce(b"b")
    second = Member()
    joined(any_world, second)
    # Of another partition there may be something, too, that the first one had not come to.
    second.until(lambda: any(r.position.partition == 0 for r in second.records))
    assert second.given[any_world.topic, 0].committed == 3
    assert [r.value for r in second.records if r.position.partition == 0] == [b"b"]


def test_a_null_value_is_not_an_empty_one(world: Make) -> None:
    here, member = world(1), Member()
    here.produce(None, b"")
    here.member(member)

    assert member.read(2) == [None, b""]


def test_no_more_records_than_asked_for_and_none_lost_between_polls(world: Make) -> None:
    here, member = world(1), Member()
    here.produce(*[b"%d" % n for n in range(50)])
    source = joined(here, member)
    offsets: list[int] = [at for _, at in member.offsets]
    while len(offsets) < 50:
        records = source.poll(7, 1.0)
        assert len(records) <= 7
        offsets += [record.position.offset for record in records]

    assert offsets == list(range(50))


def test_pause_hands_out_nothing_and_resume_goes_on_behind_the_last_record(world: Make) -> None:
    here, member = world(2), Member()
    member.limit = 100
    source = joined(here, member)
    source.pause([(here.topic, 0)])
    here.produce(*[b"%d" % n for n in range(2000)])
    here.produce(b"other", partition=1)
    member.read(1)
    member.idle(0.3)
    assert member.offsets == [(1, 0)]

    for _ in range(4):
        source.resume([(here.topic, 0)])
        member.until(member.turn)
        source.pause([(here.topic, 0)])
        count = len(member.records)
        member.idle(0.2)
        assert len(member.records) == count
    source.resume([(here.topic, 0)])
    member.read(2001)
    assert [at for partition, at in member.offsets if partition == 0] == list(range(2000))


def test_seek_reads_on_from_there_whatever_was_fetched_ahead(world: Make) -> None:
    here, member = world(1), Member()
    member.limit = 10
    here.produce(*[b"%d" % n for n in range(1000)])
    source = joined(here, member)
    member.read(1)
    seen = len(member.records)
    source.seek((here.topic, 0), 500)
    after = wait_for(lambda: source.poll(10, 1.0), WAIT_SECONDS)
    source.pause([(here.topic, 0)])
    source.seek((here.topic, 0), 3)
    source.resume([(here.topic, 0)])
    again = wait_for(lambda: source.poll(10, 1.0), WAIT_SECONDS)

    assert seen < 500
    assert after[0].position.offset == 500
    assert again[0].position.offset == 3


def test_the_end_is_told_once_it_is_reached_and_forgotten_by_a_seek(world: Make) -> None:
    here, member = world(1), Member()
    here.produce(b"a", b"b")
    source = joined(here, member)
    member.read(2)

    def reached() -> dict[TopicPartition, int]:
        member.turn()
        return source.reached()

    assert wait_for(reached, WAIT_SECONDS) == {(here.topic, 0): 2}
    assert source.reached() == {}
    assert source.end((here.topic, 0)) == 2

    here.produce(b"c")
    member.read(3)
    member.idle(0.3)
    source.seek((here.topic, 0), 0)
    assert source.reached() == {}


def test_the_end_of_a_partition_that_is_not_fetched_is_told_as_it_grows(world: Make) -> None:
    """Else lag would stand still in a long outage, for which the lane is paused."""
    here, member = world(1), Member()
    here.produce(b"read")
    source = joined(here, member)
    member.read(1)
    source.pause([(here.topic, 0)])
    here.produce(b"not", b"read")
    member.until(lambda: source.end((here.topic, 0)) == 3)
    here.produce(b"more")
    member.until(lambda: source.end((here.topic, 0)) == 4)

    source.resume([(here.topic, 0)])
    assert member.read(4)[3] == b"more"
    assert source.end((here.topic, 0)) == 4


def test_offsets_are_resolved_from_words_numbers_and_times(world: Make) -> None:
    here, member = world(1), Member()
    for second in range(10):
        here.produce(b"x", timestamp_ms=STAMP + second * 1000)
    here.expire(2)
    source = joined(here, member)
    starts = [
        "earliest",
        "latest",
        "5",
        "0",
        "99",
        "2023-11-14T22:13:25+00:00",
        "2023-11-15T00:13:24.5+02:00",
    ]

    found = [source.resolve((here.topic, 0), start) for start in starts]
    assert found == [2, 10, 5, 2, 10, 5, 5]
    assert source.resolve((here.topic, 0), "2030-01-01T00:00:00Z") == 10
    early = ["1900-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"]
    assert [source.resolve((here.topic, 0), start) for start in early] == [2, 2]


# --- Where reading starts


@pytest.mark.parametrize(
    ("start", "first"),
    [("earliest", 0), ("latest", 4), ("2023-11-14T22:13:22Z", 2)],
    ids=lambda x: str(x)[:8],
)
def test_the_start_is_resolved_once_and_committed_at_once_for_every_partition(
    world: Make, start: str, first: int
) -> None:
    here, member = world(2), Member(start=start)
    for second in range(4):
        for partition in (0, 1):
            here.produce(b"x", partition=partition, timestamp_ms=STAMP + second * 1000)
    source = joined(here, member)
    member.open.clear()
    assert set(member.commit().values()) == {first}
    source.close()

    here.produce(b"new")
    second_member = Member(start="latest")
    joined(here, second_member)
    second_member.read(2 * (4 - first) + 1)
    assert min(at for partition, at in second_member.offsets if partition == 0) == first


def test_a_member_that_comes_first_to_a_partition_after_a_siblings_commit_starts_where_the_group_did(
    world: Make,
) -> None:
    """Two replicas start at once with `latest`: the later one does not read from the beginning."""
    here, first = world(2), Member(start="latest")
    here.produce(b"old", b"old", partition=1)
    source = joined(here, first)
    note = {(here.topic, 0): 0}
    assert source.commit(note, wait=True)
    source.close()

    second = Member(start="latest")
    joined(here, second)
    here.produce(b"new", partition=1)
    assert second.read(1) == [b"new"]


def test_a_partition_that_appears_later_starts_at_its_beginning(world: Make) -> None:
    here, member = world(1), Member(start="latest")
    here.produce(b"old")
    joined(here, member)
    assert set(member.commit().values()) == {1}
    here.grow(2)
    here.produce(b"first of the new one", partition=1)

    member.until(lambda: len(member.held) == 2)
    assert member.read(1) == [b"first of the new one"]


# --- What asks the operator


def asks(member: Member) -> dict[int, str]:
    return {partition: asked.reason for (_, partition), asked in member.partitions.asking.items()}


def lag(member: Member, source: Source) -> tuple[int, float]:
    """Records and seconds."""
    member.partitions.show_lag(source)
    (found,) = member.partitions.lags.values()
    return found.records, found.seconds


def answer(member: Member, source: Source, start: str | None = None) -> None:
    member.ledger.answer(Answer("", -1, start, None, 0.0))
    freed = member.partitions.answers(source)
    assert freed
    source.resume(freed)  # as the lane does


def test_a_recreated_topic_pauses_until_the_operator_answers(world: Make) -> None:
    here, before = world(1), Member()
    here.produce(b"a", b"b")
    source = joined(here, before)
    before.read(2)
    before.settle()
    before.commit()
    source.close()
    here.recreate(1, keep_commits=True)  # as a mirrored or restored cluster may have them
    here.produce(b"c", b"d", b"e")

    member = Member()
    source = joined(here, member)
    member.idle(0.3)
    assert (asks(member), member.records, member.commit()) == ({0: "recreated"}, [], {})
    answer(member, source)
    assert member.read(3) == [b"c", b"d", b"e"]
    member.settle()
    assert member.commit() == {(here.topic, 0): 3}
    source.close()
    again = Member()
    joined(here, again)
    assert asks(again) == {}


def test_a_topic_recreated_while_it_is_read_pauses_too(world: Make) -> None:
    here, member = world(1), Member()
    here.produce(b"a", b"b")
    source = joined(here, member)
    member.read(2)
    member.settle()
    member.commit()
    here.recreate(1)
    here.produce(b"c", b"d", b"e", b"f")

    member.until(lambda: asks(member) == {0: "recreated"})
    member.records.clear()
    answer(member, source)
    assert member.read(4) == [b"c", b"d", b"e", b"f"]


def test_a_recreated_topics_partitions_that_were_not_read_here_ask_too(world: Make) -> None:
    """Another member may have read them before. Its commits went with the topic: `latest` would skip them."""
    here, member = world(1), Member(start="latest")
    source = joined(here, member)
    here.produce(b"a")
    member.read(1)
    member.settle()
    member.commit()
    here.recreate(2)
    here.produce(b"b")
    here.produce(b"c", partition=1)

    member.until(lambda: asks(member) == {0: "recreated", 1: "recreated"})
    member.records.clear()
    answer(member, source)
    assert sorted(member.read(2), key=str) == [b"b", b"c"]


def test_records_deleted_before_they_were_read_pause_until_the_operator_answers(world: Make) -> None:
    here, before = world(1), Member()
    here.produce(*[b"%d" % n for n in range(10)])
    source = joined(here, before)
    before.until(lambda: before.records)
    before.open = before.open[:1]
    assert source.commit({(here.topic, 0): 1}, wait=True)
    source.close()
    here.expire(4)

    member = Member()
    source = joined(here, member)
    member.idle(0.3)
    assert (asks(member), member.records) == ({0: "expired"}, [])
    assert lag(member, source)[0] == 6  # what expired is not there
    here.produce(b"10")
    member.until(lambda: lag(member, source)[0] == 7)
    member.until(lambda: lag(member, source)[1] > 0)
    answer(member, source)
    assert member.read(7)[0] == b"4"
    member.settle()
    assert lag(member, source) == (0, 0.0)


def test_records_deleted_under_a_waiting_reader_pause_too(world: Make) -> None:
    here, member = world(2), Member()
    here.produce(*[b"%d" % n for n in range(1000)])
    source = joined(here, member)
    source.pause([(here.topic, 0)])
    member.records.clear()
    member.open.clear()
    source.seek((here.topic, 0), 5)
    here.expire(400)
    source.resume([(here.topic, 0)])
    member.partitions.tracks[here.topic, 0].next = 5

    member.until(lambda: asks(member) == {0: "expired"})
    here.produce(b"the other partition goes on", partition=1)
    assert member.read(1) == [b"the other partition goes on"]
    answer(member, source, "700")
    member.read(301)
    assert member.offsets[1:] == [(0, at) for at in range(700, 1000)]


@pytest.mark.parametrize(("start", "first"), [(None, 2), ("earliest", 0)])
def test_a_commit_of_another_ledger_pauses_until_the_operator_answers(
    world: Make, start: str | None, first: int
) -> None:
    here, before = world(1), Member()
    here.produce(b"a", b"b")
    source = joined(here, before)
    before.read(2)
    before.settle()
    before.commit()
    source.close()
    here.produce(b"c")

    member = Member(ledger=FakeLedger(Store(identity="another"), now=time.time))
    source = joined(here, member)
    member.idle(0.3)
    assert (asks(member), member.records) == ({0: "other_ledger"}, [])
    answer(member, source, start)
    member.read(3 - first)
    assert member.offsets == [(0, at) for at in range(first, 3)]
    member.settle()
    member.commit()
    found = here.committed()
    assert found is not None
    assert json.loads(found[1])["ledger"] == "another"


# --- The group


def test_a_second_member_gets_its_share_after_the_first_has_drained_and_committed(world: Make) -> None:
    here, first, second = world(2), Member(), Member()
    for partition in (0, 1):
        here.produce(*[b"x"] * 5, partition=partition)
    joined(here, first)
    first.read(10)
    here.member(second)
    second.until(lambda: len(second.held) == 1 == len(first.held), first)

    (moved,) = second.held
    assert ("revoked", (moved,)) in first.heard or ("revoked", ((moved[0], 0), (moved[0], 1))) in first.heard
    assert second.given[moved].committed == 5
    second.idle(0.2)
    assert second.records == []
    late = next(r.position for r in first.records if r.position.partition == moved[1])
    first.partitions.settle(late)  # an answer that comes after the drain frees nothing
    assert moved not in first.partitions.to_commit()


def test_an_eager_group_takes_everything_back_before_it_gives_anything(world: Make) -> None:
    here, first, second = world(2), Member(), Member()
    for partition in (0, 1):
        here.produce(*[b"x"] * 5, partition=partition)
    joined(here, first, partition_assignment_strategy="range")
    first.read(10)
    here.member(second, partition_assignment_strategy="range")
    second.until(lambda: len(second.held) == 1 == len(first.held), first)

    both = tuple((here.topic, partition) for partition in (0, 1))
    assert first.heard == [("assigned", both), ("revoked", both), ("assigned", tuple(first.held))]
    assert second.heard == [("assigned", tuple(second.held))]
    assert first.held | second.held == set(both)
    assert [member.given[key].committed for member in (first, second) for key in member.held] == [5, 5]


def test_what_was_not_settled_on_revocation_is_read_by_the_next_owner(world: Make) -> None:
    here, first, second = world(2), Member(), Member()
    first.settles = False
    for partition in (0, 1):
        here.produce(*[b"x"] * 5, partition=partition)
    joined(here, first)
    first.read(10)
    here.member(second)
    second.until(lambda: second.held, first)
    (moved,) = second.held

    second.read(5)
    assert second.offsets == [(moved[1], at) for at in range(5)]


@pytest.mark.parametrize(
    "failure", [BrokerDown("kafka: no answer"), LedgerDown("no answer")], ids=lambda e: e.reason
)
def test_an_assignment_that_could_not_be_decided_is_asked_for_again(
    world: Make, failure: BrokerDown | LedgerDown
) -> None:
    here, member = world(1), Member()
    here.produce(b"a", b"b")
    member.failures = [failure, failure]
    here.member(member)
    raised = 0
    limit = time.monotonic() + 120
    while not member.held:
        assert time.monotonic() < limit
        try:
            member.turn()
        except type(failure):
            raised += 1

    assert raised >= 2
    assert len(member.heard) == 1
    assert member.read(2) == [b"a", b"b"]


def test_a_source_that_is_closed_hears_of_no_revocation_its_lane_has_drained_before(world: Make) -> None:
    here, member = world(1), Member()
    source = joined(here, member)
    source.close()

    assert [what for what, _ in member.heard] == ["assigned"]


def test_commits_of_partitions_that_are_not_held_are_not_sent(world: Make) -> None:
    here, member = world(1), Member()
    source = joined(here, member)

    assert not source.commit({(here.topic, 7): 5}, wait=True)
    assert source.commit({}, wait=True)
