"""Topics for tests, each with a name that no other test has."""

import uuid
from collections.abc import Mapping

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.broker import Broker
from tests.support.waiting import wait_for

_SECONDS = 120.0
_AS_THE_BROKER_HAS_IT = -1
"""Copies of each record."""


class TopicFactory:
    """Creates topics on a broker."""

    def __init__(self, broker: Broker) -> None:
        """Nothing is created or connected yet."""
        self._broker = broker
        self._admin: AdminClient | None = None

    def __call__(
        self, prefix: str = "test", *, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        """The name of a new topic. The embedded broker makes it at first use, of EMBEDDED_PARTITIONS."""
        name = f"{prefix}.{uuid.uuid4().hex[:12]}"
        if self._broker.is_real:
            self._create(NewTopic(name, partitions, _AS_THE_BROKER_HAS_IT, config=dict(config or {})))
        return name

    def _create(self, new: NewTopic) -> None:
        if self._admin is None:  # not `or`: an idle client is false
            self._admin = AdminClient({"bootstrap.servers": self._broker.bootstrap, "log_level": 0})
        create(self._admin, new)


def create(admin: AdminClient, new: NewTopic) -> None:
    """Make a topic, and wait until its broker knows it: the broker hears of its controller a moment later."""
    for done in admin.create_topics([new], operation_timeout=_SECONDS).values():
        done.result(_SECONDS)
    wait_for(lambda: is_known(admin, new.topic), _SECONDS)


def delete(admin: AdminClient, topic: str) -> None:
    """Delete a topic, and wait until its broker has forgotten it."""
    for done in admin.delete_topics([topic], operation_timeout=_SECONDS).values():
        done.result(_SECONDS)
    wait_for(lambda: not is_known(admin, topic), _SECONDS)


def is_known(admin: AdminClient, topic: str) -> bool:
    """Whether the broker that is asked knows the topic."""
    (asked,) = admin.describe_topics(TopicCollection([topic])).values()
    try:
        asked.result(_SECONDS)
    except KafkaException:
        return False
    return True
