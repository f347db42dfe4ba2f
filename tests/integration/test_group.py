"""Several members of one group on a real Kafka, by every protocol that moves partitions."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack

import pytest
from confluent_kafka import ConsumerGroupState

from connector.adapters.kafka_source import KafkaSource
from connector.ports import TopicPartition
from tests.support.broker import Broker
from tests.support.member import WAIT_SECONDS, Member
from tests.support.source_world import KafkaWorld

pytestmark = pytest.mark.kafka

Make = Callable[[int], KafkaWorld]
SESSION = 45.0
"""Seconds after which a silent member is taken for dead, unless a test says otherwise."""
PROTOCOLS: dict[str, dict[str, str | int]] = {
    "cooperative": {},
    "eager": {"partition_assignment_strategy": "range"},
    "consumer": {"group_protocol": "consumer"},
}


@pytest.fixture
def world(broker: Broker) -> Iterator[Make]:
    """Makes a topic of so many partitions."""
    with ExitStack() as cleanup:
        yield lambda partitions: KafkaWorld(broker.bootstrap, partitions, cleanup)


@pytest.fixture(params=list(PROTOCOLS))
def protocol(request: pytest.FixtureRequest) -> dict[str, str | int]:
    """The properties of one way to share partitions."""
    return PROTOCOLS[request.param]


def share(first: Member, second: Member, each: int) -> None:
    """Take turns until both have so many partitions."""
    first.until(lambda: len(first.held) == each == len(second.held), second)


def test_a_partition_changes_hands_only_after_its_drain_and_commit(
    world: Make, protocol: dict[str, str | int]
) -> None:
    here, first, second = world(4), Member(), Member()
    for partition in range(4):
        here.produce(*[b"x"] * 10, partition=partition)
    source = here.source(first, [here.topic], **protocol)
    first.read(40)
    before = dict(first.partitions.tracks)
    first.open = [at for at in first.open if at.offset < 7]  # the drain came to its end for these
    here.source(second, [here.topic], **protocol)
    share(first, second, 2)

    moved = second.held
    revoked = {key for what, keys in first.heard if what == "revoked" for key in keys}
    assert moved <= revoked
    assert {second.given[key].committed for key in moved} == {7}
    second.until(lambda: len([r for r in second.records if (here.topic, r.position.partition) in moved]) == 6)
    assert {at for _, at in second.offsets} == {7, 8, 9}
    # An answer that comes too late frees nothing, and commits nothing.
    late = next(r.position for r in first.records if (here.topic, r.position.partition) in moved)
    first.partitions.settle(late)
    assert not first.partitions.holds(late)
    assert not source.commit(dict.fromkeys(moved, 10), wait=True)
    assert all((here.committed(partition) or (0, ""))[0] == 7 for _, partition in moved)
    if not protocol:  # cooperative: what stays is not touched
        assert all(first.partitions.tracks[key] is before[key] for key in first.held)


def test_nothing_is_lost_or_read_twice_by_the_group_while_members_come_and_go(
    world: Make, protocol: dict[str, str | int]
) -> None:
    here, first, second = world(3), Member(), Member()
    here.source(first, [here.topic], **protocol)
    first.until(lambda: len(first.held) == 3)

    def produce(*others: Member) -> None:
        seen = len(first.records) + len(second.records)
        for partition in range(3):
            here.produce(*[b"x"] * 20, partition=partition)
        first.until(lambda: len(first.records) + len(second.records) >= seen + 60, *others)

    produce()
    joining = here.source(second, [here.topic], **protocol)
    first.until(lambda: second.held and len(first.held) + len(second.held) == 3, second)
    produce(second)
    second.settle()
    second.commit()
    joining.close()
    first.until(lambda: len(first.held) == 3)
    produce()
    first.idle(0.5)

    assert sorted(first.offsets + second.offsets) == [(p, at) for p in range(3) for at in range(60)]


def labels(topic: str, partition: int) -> dict[str, str]:
    return {"destination": "yespo", "topic": topic, "partition": str(partition)}


def test_lost_partitions_are_forgotten_without_a_commit(world: Make) -> None:
    """A member whose thread stops is replaced; what it had read counts for nothing when it goes on."""
    here, first, second = world(2), Member(), Member()
    quick: dict[str, str | int] = {
        "session_timeout_ms": 1000,
        "heartbeat_interval_ms": 200,
        "max_poll_interval_ms": 1500,
    }
    for partition in (0, 1):
        here.produce(*[b"x"] * 5, partition=partition)
    stopped = here.source(first, [here.topic], **quick)
    first.read(10)
    here.source(second, [here.topic])
    second.until(lambda: len(second.held) == 2)  # `first` does not poll meanwhile
    second.read(10)
    first.settle()
    late = first.partitions.to_commit()
    assert not stopped.commit(late, wait=True)
    # Alone: once it has come back, the other one is asked for a share, and commits what that one has.
    first.until(lambda: "lost" in [what for what, _ in first.heard])

    gone = {key for what, keys in first.heard if what in ("lost", "revoked") for key in keys}
    assert gone == {(here.topic, 0), (here.topic, 1)}
    assert [here.committed(partition) for partition in (0, 1)] == [None, None]
    series = {k[1] for k in gone - first.held}
    lag = [first.meter.value("lag_records", **labels(here.topic, partition)) for partition in series]
    assert lag == [None] * len(series)


def test_two_members_that_start_at_once_with_latest_both_start_at_the_end(
    world: Make, protocol: dict[str, str | int]
) -> None:
    """The second one's look-up may come after the first one's commit: its partitions are not new ones."""
    here, first, second = world(4), Member(start="latest"), Member(start="latest")
    for partition in range(4):
        here.produce(*[b"old"] * 5, partition=partition)
    here.source(first, [here.topic], **protocol)
    here.source(second, [here.topic], **protocol)

    def at_the_end() -> bool:
        for one in (first, second):
            one.commit()
        shared = first.held and second.held and len(first.held) + len(second.held) == 4
        return bool(shared) and all((here.committed(n) or (0, ""))[0] == 5 for n in range(4))

    first.until(at_the_end, second)
    first.idle(0.3)
    second.idle(0.3)

    assert first.records + second.records == []


@pytest.mark.parametrize("name", ["cooperative", "eager"])
def test_a_long_drain_keeps_the_membership(world: Make, name: str) -> None:
    """Heartbeats go on in librdkafka's own thread while a revocation drains (a session of KIP-848 is the
    broker's to choose, and ten times as long)."""
    here, second = world(2), Member()

    class Slow(Member):
        def settle(self) -> None:
            time.sleep(6.0)
            super().settle()

    first = Slow()
    here.produce(b"x")
    here.source(first, [here.topic], session_timeout_ms=4500, heartbeat_interval_ms=200, **PROTOCOLS[name])
    first.read(1)
    here.source(second, [here.topic], **PROTOCOLS[name])
    done = threading.Event()

    def go_on() -> None:
        while not done.is_set():
            second.turn()

    other = threading.Thread(target=go_on)
    other.start()
    try:
        first.until(lambda: len(first.held) == 1 == len(second.held))
    finally:
        done.set()
        other.join()
        first.settles = False  # its end needs no drain

    assert "lost" not in [what for what, _ in first.heard]


def test_a_paused_member_stays_in_the_group(world: Make) -> None:
    here, first = world(1), Member()
    quick: dict[str, str | int] = {
        "session_timeout_ms": 5000,
        "heartbeat_interval_ms": 200,
        "max_poll_interval_ms": 5000,
    }
    source: KafkaSource = here.source(first, [here.topic], **quick)
    first.until(lambda: first.held)
    source.pause([(here.topic, 0)])
    here.produce(b"x")
    first.idle(6.5)
    assert [what for what, _ in first.heard] == ["assigned"]
    source.resume([(here.topic, 0)])

    assert first.read(1) == [b"x"]


def test_a_partition_that_is_taken_and_given_back_at_once_goes_on_where_its_drain_ended(
    world: Make, protocol: dict[str, str | int]
) -> None:
    """Who was to have it leaves the group while it is handed over: nobody has read it meanwhile."""
    here, fleeting = world(4), Member()

    class Giver(Member):
        def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
            offsets = super().revoked(partitions)
            joining.close()
            return offsets

    giver = Giver()
    for partition in range(4):
        here.produce(*[b"x"] * 10, partition=partition)
    here.source(giver, [here.topic], **protocol)
    giver.read(40)
    giver.open = [at for at in giver.open if at.offset < 7]  # the drain comes to its end for these
    joining = here.source(fleeting, [here.topic], **protocol)
    giver.until(lambda: "revoked" in [what for what, _ in giver.heard])
    (taken,) = (set(keys) for what, keys in giver.heard if what == "revoked")
    giver.until(lambda: len(giver.held) == 4)
    for partition in range(4):
        here.produce(*[b"y"] * 5, partition=partition)
    once = [(partition, at) for partition in range(4) for at in range(15)]
    again = [(partition, at) for _, partition in taken for at in range(7, 10)]
    giver.until(lambda: len(giver.records) >= len(once) + len(again))
    giver.idle(0.3)

    assert fleeting.records == []
    assert {giver.given[key].committed for key in taken} == {7}
    assert sorted(giver.offsets) == sorted(once + again)


def test_a_static_member_that_restarts_within_its_session_moves_nobodys_partitions(
    world: Make, protocol: dict[str, str | int]
) -> None:
    here, stays, leaves, returns = world(4), Member(), Member(), Member()

    def static(member: Member, name: str) -> KafkaSource:
        return here.source(member, [here.topic], group_instance_id=name, **protocol)

    def produce() -> None:
        for partition in range(4):
            here.produce(*[b"x"] * 5, partition=partition)

    static(stays, "one")
    leaving = static(leaves, "two")
    share(stays, leaves, 2)
    produce()
    stays.until(lambda: len(stays.records) >= 10 and len(leaves.records) >= 10, leaves)
    had, heard = set(leaves.held), list(stays.heard)
    leaves.settle()
    leaves.commit()
    leaving.close()
    produce()
    stays.idle(1.0)
    static(returns, "two")
    stays.until(lambda: len(returns.held) == 2 and len(returns.records) >= 10, returns)
    stays.idle(0.3)

    assert returns.held == had
    assert stays.heard == heard
    assert sorted(stays.offsets + leaves.offsets + returns.offsets) == [
        (partition, at) for partition in range(4) for at in range(10)
    ]


def test_a_member_that_ends_without_partitions_leaves_its_group_at_once(
    world: Make, protocol: dict[str, str | int]
) -> None:
    """Else every rebalance, and every commit behind it, would wait for the end of its session."""
    here, first, second = world(1), Member(), Member()

    def steady(members: int) -> bool:
        (asked,) = here.admin.describe_consumer_groups([here.group]).values()
        group = asked.result(WAIT_SECONDS)
        return group.state is ConsumerGroupState.STABLE and len(group.members) == members

    sources = {member: here.source(member, [here.topic], **protocol) for member in (first, second)}
    first.until(lambda: steady(2) and len(first.held) + len(second.held) == 1, second)
    busy, idle = (first, second) if first.held else (second, first)
    idle.idle(0.3)
    sources[idle].close()
    begun = time.monotonic()
    busy.until(lambda: steady(1))

    assert time.monotonic() - begun < SESSION / 2
