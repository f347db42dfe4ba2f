"""Dead letters on a real Kafka: outages, timestamps, and the topic's own settings."""

import time
from contextlib import suppress

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.dead_letters import TOGETHER_BYTES, KafkaDeadLetters, key_of, together
from connector.adapters.dead_letters_topic import HEADROOM, USUAL, ensure_topic, refusal
from connector.adapters.kafka_range import KafkaRange
from connector.errors import BrokerDown, ConfigError, DeadLettersDown
from tests.contracts.test_dead_letters import letter, read_topic
from tests.support.broker import Broker
from tests.support.kafka_node import free_ports
from tests.support.local_kafka import LocalKafka
from tests.support.topics import TopicFactory
from tests.support.waiting import wait_for


def settings_of(broker: Broker, topic: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result(30).items()}


def test_a_refused_property_is_one_line_for_the_user() -> None:
    with pytest.raises(ConfigError, match=r"^kafka\.properties: .*no\.such\.thing.*$") as caught:
        KafkaDeadLetters({"bootstrap.servers": "localhost:1", "no.such.thing": "1"}, "letters")
    assert "\n" not in str(caught.value)


@given(sizes=st.lists(st.sampled_from([0, 1000, TOGETHER_BYTES // 2, TOGETHER_BYTES * 3]), max_size=30))
def test_no_more_is_copied_at_a_time_than_a_share_of_the_memory(sizes: list[int]) -> None:
    values = {size: bytes(size) for size in sizes}
    letters = [letter(n, value=values[size]) for n, size in enumerate(sizes)]
    groups = list(together(letters))
    assert [one for group in groups for one in group] == letters
    for group in groups:
        assert len(group) == 1 or sum(one.record.size for one in group) <= TOGETHER_BYTES


@pytest.mark.kafka
def test_ten_thousand_letters_are_all_durable_when_the_write_returns(
    broker: Broker, topic: TopicFactory
) -> None:
    name = topic("letters")
    letters = KafkaDeadLetters({"bootstrap.servers": broker.bootstrap}, name)
    letters.write([letter(n) for n in range(10_500)])

    assert len(read_topic(broker, name)) == 10_500


@pytest.mark.kafka
def test_a_queue_that_is_smaller_than_what_is_written_is_emptied_meanwhile(
    broker: Broker, topic: TopicFactory
) -> None:
    """kafka.properties may make it small, and a redrive whose tombstones failed has many of them."""
    name, properties = topic("letters"), {"bootstrap.servers": broker.bootstrap}
    letters = KafkaDeadLetters(properties | {"queue.buffering.max.messages": "5"}, name)
    some = [letter(number) for number in range(12)]
    letters.write(some)
    assert len(read_topic(broker, name)) == 12
    letters.remove([key_of(one) for one in some])
    source = KafkaRange(properties, name)
    assert source.spans() == {0: (0, 24)}
    source.close()


@pytest.mark.kafka
def test_a_timestamp_that_the_topic_refuses_travels_as_a_header(broker: Broker, topic: TopicFactory) -> None:
    name = topic("letters", config={"message.timestamp.before.max.ms": "60000"})
    letters = KafkaDeadLetters({"bootstrap.servers": broker.bootstrap}, name)
    now = int(time.time() * 1000)
    letters.write([letter(1, stamp=now), letter(2), letter(3, stamp=-1)])

    recent, old, none = (
        found[f"yespo/crm.orders/topic-id/2/{n}"] for found in [read_topic(broker, name)] for n in (1, 2, 3)
    )
    assert (recent.timestamp_ms, recent.value) == (now, b"value")
    assert dict(old.headers)["crm-connector.timestamp"] == b"1700000000123"
    assert old.timestamp_ms >= now
    assert none.timestamp_ms >= now
    assert "crm-connector.timestamp" not in dict(none.headers)


@pytest.mark.kafka
def test_a_letter_that_no_segment_of_the_topic_holds_goes_without_its_value(
    broker: Broker, topic: TopicFactory
) -> None:
    name = topic("letters", config={"max.message.bytes": "5000000", "segment.bytes": "1048576"})
    letters = KafkaDeadLetters({"bootstrap.servers": broker.bootstrap}, name)
    letters.write([letter(1), letter(2, value=bytes(2_000_000))])

    small, large = (read_topic(broker, name)[f"yespo/crm.orders/topic-id/2/{n}"] for n in (1, 2))
    assert (small.value, large.value) == (b"value", b"")
    assert dict(large.headers)["crm-connector.value-size"] == b"2000000"


@pytest.mark.kafka
@pytest.mark.slow
def test_without_its_topic_a_write_fails_and_a_later_one_succeeds(
    broker: Broker, topic: TopicFactory
) -> None:
    name = topic("letters") + ".absent"
    letters = KafkaDeadLetters({"bootstrap.servers": broker.bootstrap}, name)
    with pytest.raises(DeadLettersDown, match=r"dead_letters\.topic"):
        letters.write([letter(1), letter(2)])
    assert ensure_topic({"bootstrap.servers": broker.bootstrap}, name, [], create=True)
    letters.write([letter(1), letter(3)])

    assert {int(key.rsplit("/", 1)[1]) for key in read_topic(broker, name)} >= {1, 3}


@pytest.mark.kafka
@pytest.mark.slow
def test_while_the_broker_is_down_a_write_fails_in_time_and_a_later_one_succeeds(
    own_kafka: LocalKafka,
) -> None:
    here = Broker(own_kafka.bootstrap, "local")
    name = TopicFactory(here)("letters")
    letters = KafkaDeadLetters({"bootstrap.servers": own_kafka.bootstrap}, name)
    letters.write([letter(1)])
    own_kafka.kill()
    began = time.monotonic()
    with pytest.raises(DeadLettersDown):
        letters.write([letter(2), letter(3)])
    assert time.monotonic() - began < 40
    own_kafka.start()

    def written() -> bool:
        with suppress(DeadLettersDown):  # it connects again only some seconds after its last attempt
            letters.write([letter(2), letter(3)])
            return True
        return False

    wait_for(written)
    assert set(read_topic(here, name)) == {f"yespo/crm.orders/topic-id/2/{n}" for n in (1, 2, 3)}


# --- The topic


@pytest.mark.kafka
def test_the_topic_is_made_compacted_for_ever_and_as_large_as_its_sources(
    broker: Broker, topic: TopicFactory
) -> None:
    small = topic("source", config={"max.message.bytes": "1000"})
    large = topic("source", config={"max.message.bytes": "5000000"})
    properties, name = {"bootstrap.servers": broker.bootstrap}, f"{small}.letters"

    assert ensure_topic(properties, name, [small, large, "absent"], create=True)
    settings = settings_of(broker, name)
    assert settings["cleanup.policy"] == "compact"
    assert settings["retention.ms"] == "-1"
    assert settings["max.message.bytes"] == str(5_000_000 + HEADROOM)
    assert not ensure_topic(properties, name, [small], create=True)
    assert not ensure_topic(properties, name, [small], create=False)
    assert settings_of(broker, name) == settings


@pytest.mark.kafka
def test_the_topic_takes_usual_messages_whatever_its_sources(broker: Broker, topic: TopicFactory) -> None:
    name = topic("x") + ".letters"
    ensure_topic({"bootstrap.servers": broker.bootstrap}, name, [], create=True)

    assert settings_of(broker, name)["max.message.bytes"] == str(USUAL + HEADROOM)


@pytest.mark.kafka
def test_an_absent_topic_that_may_not_be_made_is_the_users_to_make(
    broker: Broker, topic: TopicFactory
) -> None:
    name = topic("x") + ".letters"
    with pytest.raises(ConfigError, match=r"^dead_letters\.topic: .* does not exist; create it, compacted"):
        ensure_topic({"bootstrap.servers": broker.bootstrap}, name, [], create=False)


@pytest.mark.kafka
def test_a_name_that_the_broker_refuses_is_the_users_to_correct(broker: Broker) -> None:
    with pytest.raises(ConfigError, match=r"^dead_letters\.topic: cannot create a\*b"):
        ensure_topic({"bootstrap.servers": broker.bootstrap}, "a*b", [], create=True)


@pytest.mark.parametrize(
    "code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED]
)
def test_no_permission_to_make_it_is_said_with_the_remedy(code: int) -> None:
    assert "may not create letters; allow it" in str(refusal("letters", KafkaError(code)))


@pytest.mark.slow
def test_no_broker_is_an_outage() -> None:
    (port,) = free_ports(1)
    with pytest.raises(BrokerDown):
        ensure_topic({"bootstrap.servers": f"127.0.0.1:{port}"}, "letters", [], create=True)
