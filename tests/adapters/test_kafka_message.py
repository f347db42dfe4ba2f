"""Messages that only clients other than Kafka's own can write."""

import ctypes

from confluent_kafka import Consumer, cimpl
from confluent_kafka import TopicPartition as Tp

from connector.adapters.kafka_message import record_of
from connector.core.model import UNREADABLE
from connector.sandbox.broker import EmbeddedBroker

# librdkafka's RD_KAFKA_VTYPE_* and others, since Python's module takes texts alone as names of headers.
PRODUCER, COPIED = 0, 2
END, TOPIC, PARTITION, VALUE, FLAGS, HEADER = 0, 1, 3, 4, 7, 9


def write(bootstrap: str, topic: str, value: bytes, header: bytes) -> None:
    """A record with a header of this name."""
    kafka, why = ctypes.CDLL(cimpl.__file__), ctypes.create_string_buffer(512)
    kafka.rd_kafka_conf_new.restype = kafka.rd_kafka_new.restype = ctypes.c_void_p
    conf = ctypes.c_void_p(kafka.rd_kafka_conf_new())
    assert kafka.rd_kafka_conf_set(conf, b"bootstrap.servers", bootstrap.encode(), why, 512) == 0
    client = ctypes.c_void_p(kafka.rd_kafka_new(PRODUCER, conf, why, ctypes.c_size_t(512)))
    number, size = ctypes.c_int, ctypes.c_size_t
    given = (
        *(number(TOPIC), topic.encode(), number(PARTITION), number(0), number(FLAGS), number(COPIED)),
        *(number(VALUE), value, size(len(value)), number(HEADER), header, b"1", size(1), number(END)),
    )
    assert kafka.rd_kafka_producev(client, *given) == 0
    assert kafka.rd_kafka_flush(client, 60_000) == 0
    kafka.rd_kafka_destroy(client)


def test_a_header_whose_name_is_no_text_costs_its_record_alone() -> None:
    with EmbeddedBroker() as broker:
        for number, header in enumerate((b"good", b"\xff\xfe", b"good")):
            write(broker.bootstrap, "orders", b"%d" % number, header)
        consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g", "log_level": 0})
        consumer.assign([Tp("orders", 0, 0)])
        first, *others = consumer.consume(3, 60)
        for _ in range(1000):  # until Python has specialised it
            record_of(first, "orders", 1)
        records = [record_of(message, "orders", 1) for message in (first, *others)]
        consumer.close()
    assert [record.value for record in records] == [b"0", b"1", b"2"]
    assert [record.headers for record in records] == [(("good", b"1"),), (UNREADABLE,), (("good", b"1"),)]
