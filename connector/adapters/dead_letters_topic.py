"""The dead-letter topic's settings: compacted, never expiring, as large as the sources' (RULES 10)."""

from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from connector.errors import BrokerDown, ConfigError

WAIT: Final = 10.0
HEADROOM: Final = 65536
"""Bytes for the headers that a letter adds to its record."""


def ensure_topic(
    properties: Mapping[str, str | int | float | bool], topic: str, sources: Sequence[str], *, create: bool
) -> bool:
    """Create the topic where it is absent and `create` allows; True: it was created.

    Raises BrokerDown; ConfigError where it is absent and may not be created.
    """
    admin = AdminClient(dict(properties))
    try:
        known = admin.list_topics(timeout=WAIT).topics
        if topic in known and known[topic].error is None:
            return False
        if not create:
            raise ConfigError(
                f"dead_letters.topic: {topic} does not exist; create it, compacted, or set create"
            )
        largest = max((_largest_message(admin, source) for source in sources if source in known), default=0)
        _create(admin, topic, largest + HEADROOM)
    except KafkaException as error:
        raise BrokerDown(f"kafka: {error.args[0].str()}") from error
    return True


def _create(admin: AdminClient, topic: str, largest: int) -> None:
    config = {"cleanup.policy": "compact", "retention.ms": "-1", "max.message.bytes": str(largest)}
    new = NewTopic(topic, num_partitions=1, config=config)
    for future in admin.create_topics([new], request_timeout=WAIT).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue  # another replica was faster
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise ConfigError(
                    f"dead_letters.topic: may not create {topic}; allow it or create it"
                ) from error
            raise


def _largest_message(admin: AdminClient, topic: str) -> int:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    for future in admin.describe_configs([resource], request_timeout=WAIT).values():
        return int(future.result()["max.message.bytes"].value)
    return 0
