"""The source of a replay, on a real Kafka: what is read of a stretch where offsets hold no record, or none
any more; and a topic that is another one."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import Producer

from connector.adapters import kafka_replay
from connector.adapters.kafka_checkpoints import Checkpoints
from connector.adapters.kafka_extent import Extents
from connector.adapters.kafka_replay import Errand, ReplaySource
from connector.core.budget import USUAL
from connector.core.extent import Point, Stretch
from connector.errors import ConfigError, Fatal
from connector.ports import TopicPartition
from tests.support.instance import wait_until
from tests.support.member import Member
from tests.support.real_kafka import shared_broker
from tests.support.source_world import STAMP, KafkaWorld

pytestmark = pytest.mark.kafka

BEGINNING, END = Point(word="beginning"), Point(word="end")
Make = Callable[..., tuple[Member, ReplaySource]]


class Notes:
    """A keeper that writes down what it is told."""

    def __init__(self) -> None:
        self.overtaken = 0

    def note(self, place: TopicPartition, offset: int) -> str:
        return f"{place[1]} at {offset}"

    def gone(self, _place: TopicPartition, offsets: int) -> None:
        self.overtaken += offsets


class World(KafkaWorld):
    """A topic, and replays of it."""

    def __init__(self, partitions: int, cleanup: ExitStack) -> None:
        super().__init__(shared_broker().bootstrap, partitions, cleanup)
        self.notes, self.replay = Notes(), f"{self.group}.replay.{uuid.uuid4().hex[:8]}"
        self.properties = {"bootstrap.servers": self.bootstrap}
        self.extents = Extents(self.properties, self.group, self.topic)
        cleanup.callback(self.extents.close)

    def stretch(self, since: Point = BEGINNING, until: Point = END, partition: int = 0) -> Stretch:
        return self.extents.stretches([partition], since, until)[0]

    def read(self, *stretches: Stretch, dry: bool = False) -> tuple[Member, ReplaySource]:
        """All of them, settled and committed."""
        member = Member()
        errand = Errand(self.replay, stretches, self.extents.topic_id(), dry)
        source = ReplaySource(self.properties, errand, member, self.notes, USUAL)
        member.attach(source)
        try:
            while not source.finished:
                member.turn()
                member.settle()
                member.partitions.show_lag(source)
                if offsets := member.partitions.to_commit():
                    assert source.commit(offsets, wait=True)
                    member.partitions.committed(offsets)
        finally:
            source.close()
        return member, source

    def offsets_read(self, member: Member) -> list[int]:
        return [record.position.offset for record in member.records]


@pytest.fixture
def world() -> Iterator[Callable[[int], World]]:
    with ExitStack() as cleanup:
        yield lambda partitions: World(partitions, cleanup)


def test_what_stands_between_two_offsets_or_times_is_read_and_nothing_else(
    world: Callable[[int], World],
) -> None:
    one = world(1)
    for at in range(6):
        one.produce(b"x", timestamp_ms=STAMP + at * 1000)
    stretches = [
        one.stretch(Point(offset=2), Point(offset=4)),
        one.stretch(Point(at_ms=STAMP + 1500), Point(at_ms=STAMP + 4000)),
        one.stretch(Point(at_ms=STAMP + 9000)),
    ]
    assert [(each.start, each.end) for each in stretches] == [(2, 4), (2, 4), (6, 6)]
    member, _ = one.read(stretches[0])

    assert one.offsets_read(member) == [2, 3]
    assert Checkpoints(one.properties).load(one.replay) == {(one.topic, 0): (4, "0 at 4")}
    assert one.committed() is None


def test_what_is_kept_of_a_partition_that_stands_still_is_written_anew(
    world: Callable[[int], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brokers would forget it by itself, and it would not be resumed with the others."""
    monkeypatch.setattr(kafka_replay, "KEEP_SECONDS", 0.0)
    one = world(2)
    one.produce(b"a", partition=1)
    one.read(*one.extents.stretches([0, 1], BEGINNING, END))

    kept = {(one.topic, 0): (0, "0 at 0"), (one.topic, 1): (1, "1 at 1")}
    assert Checkpoints(one.properties).load(one.replay) == kept


def test_a_dry_run_that_lasts_keeps_what_it_has_read_through(
    world: Callable[[int], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_replay, "KEEP_SECONDS", 0.0)
    one = world(2)
    for partition in range(2):  # more than comes at once: one of them ends before the other
        one.produce(*[b"x"] * 1500, partition=partition)
    _, source = one.read(*one.extents.stretches([0, 1], BEGINNING, END), dry=True)

    assert source.landed == {(one.topic, 0): 1500, (one.topic, 1): 1500}
    assert Checkpoints(one.properties).load(one.replay) == {}


def test_what_is_written_after_the_start_is_beyond_the_end(world: Callable[[int], World]) -> None:
    one = world(2)
    one.produce(b"a", b"b")
    stretches = one.extents.stretches(one.extents.partitions(), BEGINNING, END)
    one.produce(b"c")
    member, _ = one.read(*stretches)

    assert one.offsets_read(member) == [0, 1]


def test_markers_of_transactions_and_what_was_aborted_do_not_hold_it_up(
    world: Callable[[int], World],
) -> None:
    one = world(1)
    producer = Producer({"bootstrap.servers": one.bootstrap, "transactional.id": one.topic})
    producer.init_transactions(30)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(one.topic, b"x", partition=0)
        producer.flush(30)
        end(30)
    # A transaction has ended before its marker is written.
    wait_until(lambda: one.stretch().end == 4, 120, lambda: str(one.stretch()))
    member, _ = one.read(one.stretch())

    assert one.offsets_read(member) == [0]
    assert Checkpoints(one.properties).load(one.replay) == {(one.topic, 0): (4, "0 at 4")}


def test_what_compaction_took_does_not_hold_it_up(world: Callable[[int], World]) -> None:
    """Also where a stretch ends, begins or lies as a whole in a gap."""
    one = world(1)
    one.produce(b"stays", key=b"of its own")
    one.produce(*[b"goes"] * 20)
    left = one.compact()
    for since, until in ((BEGINNING, END), (BEGINNING, Point(offset=5)), (Point(offset=5), END)):
        stretch = one.stretch(since, until)
        member, source = one.read(stretch)
        assert one.offsets_read(member) == [at for at in left if stretch.start <= at < stretch.end]
        assert source.landed == {(one.topic, 0): stretch.end}
    within = one.stretch(Point(offset=5), Point(offset=10))
    member, source = one.read(within)

    assert (one.offsets_read(member), source.landed) == ([], {(one.topic, 0): 10})
    assert one.notes.overtaken == 0


def test_what_had_expired_is_told_and_what_expires_meanwhile_is_stepped_over(
    world: Callable[[int], World],
) -> None:
    one = world(1)
    one.produce(*[b"x"] * 10)
    one.expire(3)
    before = one.stretch(Point(offset=0))
    one.expire(7)
    member, _ = one.read(before)

    assert (before.start, before.expired) == (3, 3)
    assert one.offsets_read(member) == [7, 8, 9]
    assert one.notes.overtaken == 4


def test_a_stretch_that_expired_as_a_whole_ends(world: Callable[[int], World]) -> None:
    one = world(1)
    one.produce(*[b"x"] * 10)
    stretch = one.stretch(until=Point(offset=5))
    one.expire(8)
    member, source = one.read(stretch)

    assert (one.offsets_read(member), one.notes.overtaken, source.landed) == ([], 5, {(one.topic, 0): 5})


def test_a_topic_that_was_recreated_is_another_one(world: Callable[[int], World]) -> None:
    one = world(1)
    one.produce(b"x")
    errand = Errand(one.replay, (one.stretch(),), one.extents.topic_id())
    one.recreate(1)
    source = ReplaySource(one.properties, errand, Member(), one.notes, USUAL)
    with pytest.raises(Fatal, match="was re-created since this replay began; begin a new one"):
        source.poll(1, 0.1)
    source.close()


def test_a_topic_that_is_not_there_is_a_mistake(world: Callable[[int], World]) -> None:
    one = world(1)
    extents = Extents(one.properties, one.group, f"{one.topic}.none")
    with pytest.raises(ConfigError, match="does not exist in Kafka; check its name"):
        extents.partitions()
    extents.close()


def test_checkpoints_are_found_by_the_beginning_of_their_name(world: Callable[[int], World]) -> None:
    one = world(1)
    checkpoints = Checkpoints(one.properties)
    checkpoints.save(one.replay, {(one.topic, 0): (5, "a note")})

    assert checkpoints.groups(f"{one.group}.replay.") == [one.replay]
    assert checkpoints.load(one.replay) == {(one.topic, 0): (5, "a note")}
    assert checkpoints.load(f"{one.replay}x") == {}
