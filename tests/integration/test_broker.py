"""The broker that the other tests stand on: records, groups and commits go through it and survive."""

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.support.broker import Broker
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import free_ports
from tests.support.local_kafka import LocalKafka
from tests.support.proxy import Proxy
from tests.support.required import KAFKA
from tests.support.topics import TopicFactory

WAIT_SECONDS = 120.0


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce(topic, value=value, key=b"key", partition=0)
    assert producer.flush(WAIT_SECONDS) == 0


def consumer_of(bootstrap: str, topic: str, group: str, **properties: str) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **properties,
        }
    )
    consumer.subscribe([topic])
    return consumer


def read(consumer: Consumer, count: int) -> list[bytes | None]:
    messages = consumer.consume(count, timeout=WAIT_SECONDS)
    assert [message.error() for message in messages] == [None] * count
    return [message.value() for message in messages]


def test_records_come_back_in_order(broker: Broker, topic: TopicFactory) -> None:
    name = topic("round-trip")
    values = [b"%d" % number for number in range(100)]
    produce(broker.bootstrap, name, values)
    consumer = consumer_of(broker.bootstrap, name, f"group.{name}")
    try:
        assert read(consumer, len(values)) == values
    finally:
        consumer.close()


@pytest.mark.kafka
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_group_resumes_behind_its_commit(broker: Broker, topic: TopicFactory, protocol: str) -> None:
    name = topic("commit")
    produce(broker.bootstrap, name, [b"first", b"second", b"third"])
    for expected in (b"first", b"second"):
        consumer = consumer_of(broker.bootstrap, name, f"group.{name}", **{"group.protocol": protocol})
        try:
            assert read(consumer, 1) == [expected]
            (partition,) = consumer.assignment()
            position = TopicPartition(name, partition.partition, consumer.position([partition])[0].offset)
            (committed,) = consumer.commit(offsets=[position], asynchronous=False)
            assert committed.error is None
        finally:
            consumer.close()


@pytest.mark.kafka
def test_topic_has_the_partitions_asked_for(broker: Broker, topic: TopicFactory) -> None:
    name = topic("partitions", partitions=3, config={"cleanup.policy": "compact"})
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    assert len(producer.list_topics(name, timeout=WAIT_SECONDS).topics[name].partitions) == 3


@pytest.mark.kafka
def test_kafka_of_ones_own_keeps_address_and_data(own_kafka: LocalKafka) -> None:
    name = TopicFactory(Broker(own_kafka.bootstrap, "local"))("kept")
    produce(own_kafka.bootstrap, name, [b"before the kill"])
    own_kafka.kill()
    own_kafka.restart()
    produce(own_kafka.bootstrap, name, [b"after it"])
    consumer = consumer_of(own_kafka.bootstrap, name, f"group.{name}")
    try:
        assert read(consumer, 2) == [b"before the kill", b"after it"]
    finally:
        consumer.close()


def test_broker_is_real_where_one_is_required(broker: Broker) -> None:
    assert broker.is_real or not KAFKA.is_required


@pytest.mark.kafka
def test_who_comes_through_a_door_is_cut_off_alone() -> None:
    (listen,) = free_ports(1)
    with Proxy("127.0.0.1", listen) as door:
        try:
            kafka = LocalKafka({listen: door.port})
        except KafkaUnavailableError as error:
            KAFKA.without(str(error))
        try:
            kafka.start()
            inside = Producer({"bootstrap.servers": f"127.0.0.1:{door.port}", "log_level": 0})
            outside = Producer({"bootstrap.servers": kafka.bootstrap})
            assert inside.list_topics(timeout=WAIT_SECONDS).brokers
            door.stall()
            with pytest.raises(KafkaException):
                inside.list_topics(timeout=1)
            assert outside.list_topics(timeout=WAIT_SECONDS).brokers
        finally:
            kafka.close()
