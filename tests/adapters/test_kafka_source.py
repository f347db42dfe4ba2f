"""KafkaSource on a real Kafka: latency, transactions, compaction, outages, refused commits."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicCollection
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka_assignment import TopicIds
from connector.adapters.kafka_commits import Commits
from connector.adapters.kafka_cursor import NO_EPOCH
from connector.adapters.kafka_properties import consumer_config, is_eager, meaning
from connector.adapters.kafka_source import KafkaSource
from connector.core.budget import USUAL
from connector.core.model import Record
from connector.errors import BrokerDown, ConfigError, Fatal, Outage
from connector.ports import Answer, Assigned, Placed, TopicPartition
from tests.support.broker import Broker
from tests.support.clients import Kept, clients
from tests.support.kafka_node import free_ports
from tests.support.local_kafka import LocalKafka
from tests.support.member import Member
from tests.support.source_world import KafkaWorld
from tests.support.waiting import wait_for

Make = Callable[..., KafkaWorld]


@pytest.fixture
def world(broker: Broker) -> Iterator[Make]:
    """Makes a topic of so many partitions on the run's Kafka."""
    with ExitStack() as cleanup:
        yield lambda partitions=1: KafkaWorld(broker.bootstrap, partitions, cleanup)


# --- Properties and errors


@pytest.mark.parametrize(
    ("name", "value"), [("no.such.property", 1), ("fetch.wait.max.ms", "soon"), ("group.protocol", "none")]
)
def test_a_refused_property_is_one_line_that_names_it(name: str, value: str | int) -> None:
    with pytest.raises(ConfigError) as caught:
        KafkaSource({"bootstrap.servers": "localhost:1", name: value}, "group", ["topic"], Member())

    assert str(caught.value).startswith("kafka.properties: ")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_promises_stand_above_the_users_properties_and_these_above_our_defaults() -> None:
    users: dict[str, str | int] = {
        "auto.offset.reset": "latest",
        "enable.auto.commit": True,
        "fetch.wait.max.ms": 7,
    }
    config = consumer_config(users, "group", USUAL)

    assert (config["auto.offset.reset"], config["enable.auto.commit"]) == ("error", False)
    assert (config["fetch.wait.max.ms"], config["group.id"]) == (7, "group")
    assert "partition.assignment.strategy" not in consumer_config(
        {"group.protocol": "consumer"}, "group", USUAL
    )


@pytest.mark.parametrize(
    ("properties", "eager"),
    [
        ({}, False),
        ({"group.protocol": "consumer"}, False),
        ({"partition.assignment.strategy": "range,roundrobin"}, True),
    ],
)
def test_the_strategy_tells_how_partitions_are_given(properties: dict[str, str], *, eager: bool) -> None:
    assert is_eager(consumer_config(properties, "group", USUAL)) == eager


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED), ConfigError),
        (KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), ConfigError),
        (KafkaError(KafkaError.TOPIC_EXCEPTION), ConfigError),
        (KafkaError(KafkaError.FENCED_INSTANCE_ID, "fenced", True), Fatal),
        (KafkaError(KafkaError._FATAL), Fatal),  # noqa: SLF001 - as a consumer's message has it
        (KafkaError(KafkaError._BAD_MSG), Fatal),  # noqa: SLF001 - librdkafka would skip the batch
        (KafkaError(KafkaError._TRANSPORT), None),  # noqa: SLF001
        (KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), None),
    ],
    ids=lambda one: one.name() if isinstance(one, KafkaError) else "",
)
def test_what_an_error_means(error: KafkaError, means: type[Exception] | None) -> None:
    found = meaning(error)

    assert type(found) is (means or type(None))
    assert "\n" not in str(found)


# --- Reading


@pytest.mark.kafka
def test_the_first_record_is_handed_out_at_once_and_nothing_is_waited_for(world: Make) -> None:
    here, member = world(), Member()
    source = here.member(member)
    member.until(lambda: member.held)
    member.idle(0.3)
    waits = []
    for _ in range(5):
        here.produce(b"x")
        began = time.monotonic()
        while not source.poll(1000, 5.0):
            pass
        waits.append(time.monotonic() - began)

    assert sorted(waits)[2] < 0.5


@pytest.mark.kafka
def test_a_partition_that_was_paused_for_a_moment_is_read_at_once_when_it_is_resumed(world: Make) -> None:
    """Unless it is woken, its fetcher sleeps for what is left of a second behind the pause."""
    here, member = world(), Member()
    source = here.member(member, topic_metadata_refresh_interval_ms=300_000)  # which would wake it too
    member.until(lambda: member.held)
    member.idle(0.3)
    waits = []
    for _ in range(5):
        source.pause([(here.topic, 0)])
        here.produce(b"x")
        member.idle(0.05)
        began = time.monotonic()
        source.resume([(here.topic, 0)])
        while not member.turn(5.0):
            pass
        waits.append(time.monotonic() - began)

    assert sorted(waits)[2] < 0.5
    assert member.offsets == [(0, at) for at in range(5)]


@pytest.mark.kafka
def test_an_empty_poll_waits_as_long_as_it_is_told(world: Make) -> None:
    here, member = world(), Member()
    source = here.member(member)
    member.until(lambda: member.held)
    member.idle(0.5)
    began = time.monotonic()
    assert source.poll(1000, 0.4) == []

    assert 0.3 < time.monotonic() - began < 20


@pytest.mark.kafka
def test_aborted_records_are_not_there_and_markers_at_the_end_leave_no_lag(world: Make) -> None:
    here, member = world(), Member()
    producer = Producer({"bootstrap.servers": here.bootstrap, "transactional.id": here.topic, "log_level": 0})
    producer.init_transactions(30)
    for value, commit in [(b"committed", True), (b"aborted", False), (b"last", True), (b"aborted", False)]:
        producer.begin_transaction()
        producer.produce(here.topic, value, partition=0)
        producer.flush(30)
        (producer.commit_transaction if commit else producer.abort_transaction)(30)
    source = here.member(member)
    assert member.read(2) == [b"committed", b"last"]
    member.settle()
    member.until(lambda: member.commit() == {(here.topic, 0): 8})

    lag = member.partitions.lag((here.topic, 0), source)
    assert (lag.records, lag.seconds) == (0, 0.0)


@pytest.mark.kafka
def test_records_of_an_open_transaction_are_waited_for_not_skipped(world: Make) -> None:
    here, member = world(), Member()
    producer = Producer({"bootstrap.servers": here.bootstrap, "transactional.id": here.topic, "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(here.topic, b"open", partition=0)
    producer.flush(30)
    here.produce(b"behind it")
    here.member(member)
    member.until(lambda: member.held)
    member.idle(0.5)
    assert (member.records, set(member.commit().values())) == ([], {0})
    producer.commit_transaction(30)

    assert member.read(2) == [b"open", b"behind it"]


@pytest.mark.kafka
def test_a_record_of_fifty_megabytes_is_read_and_the_next_one_too(world: Make) -> None:
    here, member = world(), Member()
    here.topic += ".large"
    here.create(1, **{"max.message.bytes": "60000000"})
    large = Producer({"bootstrap.servers": here.bootstrap, "message.max.bytes": 60_000_000})
    large.produce(here.topic, b"x" * 50_000_000)
    large.produce(here.topic, b"next")
    assert large.flush(60) == 0
    here.member(member)

    assert [len(value or b"") for value in member.read(2)] == [50_000_000, 4]


@pytest.mark.kafka
def test_what_is_fetched_ahead_is_told_and_let_go_of_by_a_pause(world: Make) -> None:
    here, member = world(2), Member()
    member.limit = 50
    for partition in (0, 1):
        here.produce(*[b"x" * 1000] * 2000, partition=partition)
    source = here.member(member, statistics_interval_ms=50)
    limit = time.monotonic() + 120
    while source.fetched() < 100_000:  # it is told behind what was fetched before
        assert time.monotonic() < limit
        member.turn()
        time.sleep(0.01)
    assert source.fetched() <= 4_000_000 + 12_000
    everything = [(here.topic, partition) for partition in (0, 1)]
    source.pause(everything)
    member.until(lambda: source.fetched() == 0)
    source.resume(everything)
    member.limit = 1000

    assert len(member.read(4000)) == 4000


@pytest.mark.kafka
def test_gaps_of_compaction_are_no_open_positions(world: Make) -> None:
    here, member = world(), Member()
    here.produce(b"stays", key=b"of its own")
    here.produce(*[b"goes"] * 20)
    left = here.compact()
    assert left[0] == 0 < left[1] - 1
    source = here.member(member)
    member.read(len(left))
    assert member.offsets == [(0, offset) for offset in left]
    last = member.open.pop()
    member.settle()
    assert member.commit() == {(here.topic, 0): left[-1]}
    assert member.partitions.lag((here.topic, 0), source).records == 1
    member.open.append(last)
    member.settle()
    assert member.commit() == {(here.topic, 0): left[-1] + 1}
    assert member.partitions.lag((here.topic, 0), source).records == 0


@pytest.mark.kafka
def test_an_eager_member_moves_one_partition_on_and_leaves_the_others_where_they_are(world: Make) -> None:
    """Its assignment can only be replaced as a whole when records expired under it."""
    here, member = world(3), Member()
    member.limit = 10
    for partition in range(3):
        here.produce(*[b"x"] * 500, partition=partition)
    source = here.source(member, [here.topic], partition_assignment_strategy="range")
    member.read(10)
    everything = [(here.topic, partition) for partition in range(3)]
    source.pause(everything)
    seen = member.offsets
    member.records.clear()
    member.open.clear()
    source.seek(everything[0], 5)
    member.partitions.tracks[everything[0]].next = 5
    here.expire(400)
    source.resume(everything[:2])
    member.until(lambda: member.partitions.asking)
    member.ledger.answer(Answer("", -1, "450", None, 0.0))
    source.resume(member.partitions.answers(source))
    member.until(lambda: {(0, 499), (1, 499)} <= {*seen, *member.offsets})
    assert [at for partition, at in member.offsets if partition == 2] == []
    source.resume(everything[2:])
    member.until(lambda: (2, 499) in member.offsets)

    expected = [(0, at) for at in range(450, 500)] + [(n, at) for n in (1, 2) for at in range(500)]
    assert sorted(member.offsets) == [one for one in expected if one not in seen or one[0] == 0]


# --- Topics and brokers that are not there


@pytest.mark.kafka
@pytest.mark.parametrize("heartbeat", [500, 30_000])
def test_a_static_member_whose_place_another_took_is_at_its_end(world: Make, heartbeat: int) -> None:
    """By its heartbeat, or by its commit where that comes first: it would never get a record again."""
    here, first, second = world(), Member(), Member()
    static: dict[str, str | int] = {
        "group_instance_id": "one",
        "session_timeout_ms": 45_000,
        "heartbeat_interval_ms": heartbeat,
    }
    here.member(first, **static)
    here.produce(b"x")
    first.read(1)
    here.member(second, **static)
    second.until(lambda: second.held)
    first.settle()
    if heartbeat > 10_000:
        first.commit(wait=False)

    with pytest.raises(Fatal, match=r"give each replica a group\.instance\.id of its own$"):
        first.until(lambda: False, second)


@pytest.mark.kafka
def test_an_unknown_topic_is_told_and_read_once_it_is_there(world: Make) -> None:
    here, member = world(), Member()
    here.topic += ".later"
    source = here.source(member, [here.topic])
    member.until(lambda: source.trouble)
    assert here.topic in str(source.trouble)
    assert member.records == []
    here.create(1)
    here.produce(b"x")

    assert member.read(1) == [b"x"]


@pytest.mark.kafka
def test_a_recreated_topic_is_noticed_by_the_look_up_of_a_partition_it_gained(world: Make) -> None:
    """Before anybody looks whether it is the same one."""
    here, member = world(), Member()
    here.look_seconds = 600
    here.member(member)
    here.produce(b"a")
    member.read(1)
    member.settle()
    member.commit()
    here.recreate(2)
    here.produce(b"b")
    here.produce(b"c", partition=1)

    member.until(lambda: len(member.partitions.asking) == 2)
    assert {one.reason for one in member.partitions.asking.values()} == {"recreated"}


@pytest.mark.slow
def test_no_broker_at_the_start_is_an_outage_that_polls_go_on_telling() -> None:
    (port,) = free_ports(1)
    member = Member()
    source = KafkaSource({"bootstrap.servers": f"127.0.0.1:{port}"}, "group", ["topic"], member)
    member.attach(source)
    raised = 0
    limit = time.monotonic() + 120
    while raised < 3 and time.monotonic() < limit:
        try:
            assert source.poll(100, 0.2) == []
        except BrokerDown:
            raised += 1
    began = time.monotonic()
    source.close()

    assert raised == 3
    assert time.monotonic() - began < 30


@pytest.mark.kafka
@pytest.mark.slow
def test_a_broker_that_goes_and_comes_back_costs_no_record_and_no_restart(own_kafka: LocalKafka) -> None:
    with ExitStack() as cleanup:
        here, member = KafkaWorld(own_kafka.bootstrap, 2, cleanup), Member()
        here.produce(b"before")
        here.member(member)
        member.read(1)
        member.settle()
        member.commit()
        own_kafka.stop()
        outages, polls, limit = 0, 0, time.monotonic() + 90
        while outages < 2 and time.monotonic() < limit:
            polls += 1
            try:
                member.turn(timeout=0.2)
            except Outage:
                outages += 1
        assert outages == 2
        assert polls < 600
        own_kafka.start()
        here.produce(b"after")

        def committed() -> bool:
            """It reads before it has found who takes its commits."""
            with suppress(Outage):
                member.turn(timeout=0.2)
            member.settle()
            return member.commit().get((here.topic, 0)) == 2

        wait_for(committed, 120)
        assert [record.value for record in member.records] == [b"before", b"after"]


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("placed", [True, False])
def test_what_its_clients_meet_while_no_broker_answers_is_not_kept(
    own_kafka: LocalKafka, *, placed: bool
) -> None:
    """Kafka's library keeps each error for who polls, and a day of outage has a hundred thousand."""
    with ExitStack() as cleanup:
        here, member = KafkaWorld(own_kafka.bootstrap, 1, cleanup), Member()
        others = clients()
        here.member(member)
        if placed:
            member.until(lambda: member.held)
        own_kafka.stop()
        (admin,) = (one for one in clients() if one not in others)
        kept = Kept(admin)

        def fell() -> bool:
            with suppress(Outage):
                member.turn(timeout=0.2)
            return kept.fell()

        wait_for(fell)


@pytest.mark.kafka
def test_a_broker_that_hangs_while_a_partition_is_placed_moves_its_start_nowhere(
    own_kafka: LocalKafka,
) -> None:
    """librdkafka: a seek that overtakes an offset query (of END, say) is overridden by the query, which is
    repeated. The query is repeated half a second after the partition was given: held back then, it lost."""

    class Slow(Member):
        def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
            placed = super().assigned(partitions)
            time.sleep(0.25)
            own_kafka.pause()
            time.sleep(0.5)
            threading.Timer(0.2, own_kafka.resume).start()
            return placed

    with ExitStack() as cleanup:
        here, member = KafkaWorld(own_kafka.bootstrap, 1, cleanup), Slow()
        large = [bytes(400_000)] * 5  # more than one fetch brings
        here.produce(*large)
        here.member(member)

        assert member.read(5) == large


@pytest.mark.kafka
def test_a_look_up_that_fails_once_is_made_again_by_the_next_poll(own_kafka: LocalKafka) -> None:
    """A broker that hangs during the assignment: the group keeps the partition, and it is placed later."""
    with ExitStack() as cleanup:
        here, member = KafkaWorld(own_kafka.bootstrap, 1, cleanup), Member()
        here.produce(b"x")
        source = here.source(member, [here.topic])
        given: set[tuple[str, int]] = set()
        while not given:
            source._consumer.poll(0.1)  # noqa: SLF001 - the callback alone, before the look-up
            given = set(source._given)  # noqa: SLF001
        own_kafka.pause()
        with pytest.raises(BrokerDown):
            source.poll(100, 0.1)
        assert member.heard == []
        own_kafka.resume()

        def records() -> list[Record]:
            with suppress(BrokerDown):  # once more, while the broker that woke is told that it still leads
                member.turn()
            return member.records

        wait_for(records, 120)
        assert [record.value for record in member.records] == [b"x"]
        assert [what for what, _ in member.heard] == ["assigned"]


class Sender:
    """The committing side of a consumer."""

    def __init__(self) -> None:
        self.sent: list[list[Tp]] = []

    def commit(self, offsets: list[Tp], *, asynchronous: bool = True) -> list[Tp]:
        self.sent.append(offsets)
        return offsets


def no_epochs(keys: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    """The broker tells none."""
    return dict.fromkeys(keys, NO_EPOCH)


def test_a_commit_that_is_refused_later_is_repeated_unless_a_newer_one_took_its_place() -> None:
    key, refusal, heard = ("orders", 0), KafkaError(KafkaError.REBALANCE_IN_PROGRESS), list[str]()
    commits, sender = Commits({key: Placed(0, 1, "note")}, heard.append), Sender()
    consumer = cast("Consumer", sender)
    assert commits.commit(consumer, {key: 5}, no_epochs, wait=False)
    commits.landed(refusal, sender.sent[0])
    assert commits.refused == {key: 5}
    assert commits.commit(consumer, {}, no_epochs, wait=False)
    assert [(tp.offset, tp.metadata) for tp in sender.sent[1]] == [(5, "note")]
    assert commits.commit(consumer, {key: 6}, no_epochs, wait=True)
    commits.landed(refusal, sender.sent[1])

    assert commits.refused == {}
    assert len(heard) == 1


def test_a_refused_commit_of_a_partition_that_went_is_not_repeated() -> None:
    key = ("orders", 0)
    placed = {key: Placed(0, 1, "note")}
    commits, sender = Commits(placed, lambda _: None), Sender()
    commits.commit(cast("Consumer", sender), {key: 5}, no_epochs, wait=False)
    del placed[key]
    commits.forget(key)
    commits.landed(KafkaError(KafkaError.ILLEGAL_GENERATION), sender.sent[0])

    assert commits.refused == {}
    assert not commits.commit(cast("Consumer", sender), {key: 5}, no_epochs, wait=True)


class Told:
    """Stands for an AdminClient: what it is asked about topics is answered by the test."""

    def __init__(self) -> None:
        self.asked: list[Future[Any]] = []
        self.at_once = ""

    def poll(self, _seconds: float) -> None:
        """Nothing is heard."""

    def describe_topics(self, topics: TopicCollection, **_: float) -> dict[str, Future[Any]]:
        self.asked.append(Future())
        if self.at_once:
            self.tell(self.asked[-1], self.at_once)
        (topic,) = topics.topic_names
        return {topic: self.asked[-1]}

    def tell(self, asked: Future[Any], id_: str) -> None:
        asked.set_result(SimpleNamespace(topic_id=id_))


def test_an_earlier_question_about_a_topic_does_not_take_a_later_answers_place() -> None:
    """Brokers hear of a re-created topic one after another: what is placed by an older word has to be
    noticed by a later look."""
    told = Told()
    ids = TopicIds(cast("AdminClient", told), 0.0)
    told.at_once = "old"
    ids.of(["orders"])
    told.at_once = ""
    assert ids.changed() == set()  # asks, and waits for the answer
    told.at_once = "old"
    assert ids.of(["orders"]) == {"orders": "old"}
    told.tell(told.asked[1], "new")
    told.at_once = "new"
    seen = [ids.changed() for _ in range(3)]
    assert seen[0] == set(), "what was placed meanwhile would be taken for the new topic's"
    assert {"orders"} in seen


def test_a_process_that_was_stopped_while_it_asked_met_an_outage() -> None:
    """The answer may be there; but for Python the time to wait for it has passed."""

    class Stopped(Told):
        def describe_topics(self, topics: TopicCollection, **_: float) -> dict[str, Future[Any]]:
            (future,) = super().describe_topics(topics).values()
            future.set_exception(TimeoutError())
            return {"orders": future}

    with pytest.raises(BrokerDown):
        TopicIds(cast("AdminClient", Stopped()), 1.0).of(["orders"])
