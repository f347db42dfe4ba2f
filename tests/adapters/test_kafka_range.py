"""A range of a topic, on a real Kafka."""

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka_range import KafkaRange
from tests.support.broker import Broker
from tests.support.topics import TopicFactory, delete


@pytest.mark.kafka
def test_a_record_is_at_its_offset_or_nowhere(broker: Broker, topic: TopicFactory) -> None:
    """Not even where its topic is gone: a redrive would wait for it for ever."""
    name, properties = topic("source"), {"bootstrap.servers": broker.bootstrap}
    producer = Producer(properties)
    for number in range(3):
        producer.produce(name, b"%d" % number)
    assert producer.flush(60) == 0

    source = KafkaRange(properties, name)
    found = [source.at(0, offset) for offset in (0, 2, 3, 50)]
    assert [record and record.value for record in found] == [b"0", b"2", None, None]
    assert source.at(1, 0) is None
    source.close()
    delete(AdminClient({"bootstrap.servers": broker.bootstrap}), name)
    later = KafkaRange(properties, name)
    assert later.at(0, 0) is None
    later.close()
