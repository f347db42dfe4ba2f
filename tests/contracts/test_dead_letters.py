"""The DeadLetters port: the fake and the real one write the same messages."""

import hashlib
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Tp

from connector.adapters.dead_letters import KafkaDeadLetters
from connector.core.letters import Letter
from connector.core.model import Position, Record
from connector.errors import DeadLettersDown
from connector.ports import DeadLetters
from tests.fakes.dead_letters import FakeDeadLetters, Stored
from tests.support.broker import Broker
from tests.support.real_kafka import shared_broker
from tests.support.topics import TopicFactory

Read = Callable[[], dict[str, Stored]]
Subject = tuple[DeadLetters, Read]
LIMIT = 20_000
STAMP = 1_700_000_000_123


def read_topic(broker: Broker, topic: str) -> dict[str, Stored]:
    """What compaction will leave of a topic, by key."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reads-letters"})
    _, high = consumer.get_watermark_offsets(Tp(topic, 0), timeout=30)
    consumer.assign([Tp(topic, 0, 0)])
    found: dict[str, Stored] = {}
    for _ in range(high):
        message = consumer.poll(30)
        assert message is not None
        assert message.error() is None
        own = cast("list[tuple[str, bytes | None]]", message.headers() or [])
        headers = tuple((name, text or b"") for name, text in own)
        key, value = message.key(), message.value()
        assert key is not None
        assert value is not None, "a tombstone"
        found[key.decode()] = Stored(value, headers, message.timestamp()[1])
    consumer.close()
    return found


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kafka)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Dead letters to a topic that takes messages of 20 KB, and how to read it."""
    if request.param == "fake":
        fake = FakeDeadLetters(max_bytes=LIMIT)
        yield fake, lambda: fake.topic
        return
    broker = shared_broker()
    config = {"cleanup.policy": "compact", "max.message.bytes": str(LIMIT)}
    topic = TopicFactory(broker)("letters", config=config)
    real = KafkaDeadLetters({"bootstrap.servers": broker.bootstrap}, topic)
    yield real, lambda: read_topic(broker, topic)
    real.close()


def letter(
    offset: int = 7,
    *,
    value: bytes | None = b"value",
    key: bytes | None = b"key",
    headers: tuple[tuple[str, bytes | None], ...] = (),
    stamp: int = STAMP,
    cause: str = "invalid_status",
) -> Letter:
    record = Record(Position("crm.orders", 2, offset, lease=4), stamp, key, value, headers)
    return Letter(record, "topic-id", "yespo", cause, "the status is unknown", "map", "A-1", 3)


def only(read: Read) -> Stored:
    (stored,) = read().values()
    return stored


def test_a_letter_is_the_record_with_its_own_headers_connects_and_ours(subject: Subject) -> None:
    letters, read = subject
    letters.write([letter(headers=(("trace", b"1"), ("trace", b"2"), ("none", None)), key=b"\x00\xff")])

    assert read() == {
        "yespo/crm.orders/topic-id/2/7": Stored(
            b"value",
            (
                ("trace", b"1"),
                ("trace", b"2"),
                ("none", b""),
                ("__connect.errors.topic", b"crm.orders"),
                ("__connect.errors.partition", b"2"),
                ("__connect.errors.offset", b"7"),
                ("__connect.errors.stage", b"MAP"),
                ("__connect.errors.class.name", b"connector.lane.lane.Lane"),
                ("__connect.errors.exception.class.name", b"invalid_status"),
                ("__connect.errors.exception.message", b"the status is unknown"),
                ("crm-connector.cause", b"invalid_status"),
                ("crm-connector.destination", b"yespo"),
                ("crm-connector.attempts", b"3"),
                ("crm-connector.key", b"A-1"),
                ("crm-connector.original-key", b"\x00\xff"),
            ),
            STAMP,
        )
    }


def test_a_null_value_is_told_from_an_empty_one_and_never_a_tombstone(subject: Subject) -> None:
    letters, read = subject
    letters.write([letter(1, value=None), letter(2, value=b"")])

    null, empty = read().values()
    assert (null.value, empty.value) == (b"", b"")
    assert dict(null.headers)["crm-connector.value"] == b"null"
    assert "crm-connector.value" not in dict(empty.headers)


def test_a_record_without_a_key_has_no_header_for_it(subject: Subject) -> None:
    letters, read = subject
    letters.write([letter(1, key=None), letter(2, key=b"")])

    without, empty = read().values()
    assert "crm-connector.original-key" not in dict(without.headers)
    assert dict(empty.headers)["crm-connector.original-key"] == b""


def test_writing_again_replaces(subject: Subject) -> None:
    letters, read = subject
    letters.write([letter(1), letter(2)])
    letters.write([letter(1, cause="in_doubt")])

    assert [dict(stored.headers)["crm-connector.cause"] for stored in read().values()] == [
        b"in_doubt",
        b"invalid_status",
    ]


def test_writing_none_is_nothing(subject: Subject) -> None:
    letters, read = subject
    letters.write([])

    assert read() == {}


def test_a_letter_too_large_goes_without_its_value_and_its_neighbours_keep_theirs(subject: Subject) -> None:
    letters, read = subject
    large = b"x" * LIMIT
    letters.write([letter(0), letter(1, value=large), *[letter(n, value=b"y" * 900) for n in range(2, 60)]])

    found = list(read().values())
    by_offset = {dict(stored.headers)["__connect.errors.offset"]: stored for stored in found}
    headers = dict(by_offset[b"1"].headers)
    assert len(by_offset) == 60
    assert by_offset[b"1"].value == b""
    assert headers["crm-connector.value"] == b"omitted"
    assert headers["crm-connector.value-size"] == b"%d" % LIMIT
    assert headers["crm-connector.value-sha256"] == hashlib.sha256(large).hexdigest().encode()
    assert headers["crm-connector.original-key"] == b"key"
    whole = [stored for offset, stored in by_offset.items() if offset != b"1"]
    assert all(stored.value and "crm-connector.value" not in dict(stored.headers) for stored in whole)


def test_a_letter_too_large_by_its_headers_keeps_its_coordinates(subject: Subject) -> None:
    letters, read = subject
    letters.write([letter(headers=(("huge", b"x" * LIMIT),))])

    headers = dict(only(read).headers)
    assert headers["crm-connector.value"] == b"omitted"
    assert headers["crm-connector.headers"] == b"omitted"
    assert headers["__connect.errors.offset"] == b"7"


def test_a_letter_that_no_topic_could_take_is_an_outage(subject: Subject) -> None:
    letters, read = subject
    huge = letter()
    huge = Letter(huge.record, huge.topic_id, huge.destination, huge.cause, "d" * LIMIT, huge.stage)

    with pytest.raises(DeadLettersDown):
        letters.write([huge])
    assert read() == {}


def test_the_fake_can_fail_before_and_in_the_middle_and_works_again_later() -> None:
    fake = FakeDeadLetters()
    fake.down = True
    with pytest.raises(DeadLettersDown):
        fake.write([letter(1), letter(2)])
    assert fake.topic == {}
    fake.down, fake.failures = False, 1
    with pytest.raises(DeadLettersDown):
        fake.write([letter(1), letter(2)])
    assert len(fake.topic) == 1
    fake.write([letter(1), letter(2)])

    assert [one.record.position.offset for one in fake.letters] == [1, 1, 2]
    assert len(fake.topic) == 2
