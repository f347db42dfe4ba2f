"""The dead-letter topic's settings: compacted, never expiring, as large as the sources' (RULES 10)."""

from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from connector.adapters.kafka_access import Access
from connector.adapters.kafka_properties import Properties
from connector.errors import BrokerDown, ConfigError

WAIT: Final = 10.0
HEADROOM: Final = 65536
"""Bytes for the headers that a letter adds to its record."""
USUAL: Final = 1_048_588
"""Kafka's default of max.message.bytes: for a source whose settings may not be read, and the least."""
_NOT_ALLOWED: Final = frozenset(
    {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}
)
_NOT_NOW: Final = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001 - the library's public names
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_CONTROLLER,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)


def ensure_topic(properties: Properties, topic: str, sources: Sequence[str], *, create: bool) -> bool:
    """Create the topic where it is absent and `create` allows; True: it was created.

    Raises BrokerDown; ConfigError where it is absent and may not be created.
    """
    access = Access()
    config: dict[str, Any] = {**properties, "log_level": 0, "error_cb": access.hear}
    admin = AdminClient(config)
    try:
        known = access.metadata(admin, WAIT).topics
        if topic in known and known[topic].error is None:
            return False
        if not create:
            raise ConfigError(
                f"dead_letters.topic: {topic} does not exist; create it, compacted, or set create"
            )
        largest = max([USUAL, *(_largest_message(admin, source) for source in sources if source in known)])
        return _create(admin, topic, largest + HEADROOM)
    except KafkaException as error:
        raise BrokerDown(access.why or f"kafka: {error.args[0].str()}") from error


def _create(admin: AdminClient, topic: str, largest: int) -> bool:
    config = {"cleanup.policy": "compact", "retention.ms": "-1", "max.message.bytes": str(largest)}
    new = NewTopic(topic, num_partitions=1, config=config)
    (future,) = admin.create_topics([new], request_timeout=WAIT).values()
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False  # another replica was faster, or it may not be seen
        if error.args[0].code() in _NOT_NOW:
            raise
        raise refusal(topic, error.args[0]) from error
    return True


def refusal(topic: str, error: KafkaError) -> ConfigError:
    """Why the broker does not create it, and what to do."""
    if error.code() in _NOT_ALLOWED:
        return ConfigError(f"dead_letters.topic: may not create {topic}; allow it, or create it, compacted")
    return ConfigError(f"dead_letters.topic: cannot create {topic} ({error.str()}); create it, compacted")


def _largest_message(admin: AdminClient, topic: str) -> int:
    (future,) = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, topic)], request_timeout=WAIT
    ).values()
    try:
        return int(future.result()["max.message.bytes"].value)
    except KafkaException as error:
        if error.args[0].code() in _NOT_ALLOWED:
            return USUAL
        raise
