"""Commits of groups that have no members: offsets with a note, which the brokers keep as they keep any.

They expire as those of any group without members do: `offsets.retention.minutes` (seven days) after the last.
"""

from collections.abc import Mapping

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka_assignment import WAIT, result
from connector.adapters.kafka_properties import Properties, ask, outage, refused_property
from connector.adapters.kafka_replay import alone
from connector.ports import TopicPartition

Commit = tuple[int, str]
"""Offset and note."""


class Checkpoints:
    """Every method raises BrokerDown, ConfigError."""

    def __init__(self, properties: Properties) -> None:
        """Connects at the first question."""
        self._own = {**alone(properties), "log_level": 0}
        try:
            self._admin = AdminClient(self._own)
        except (KafkaException, ValueError, TypeError) as error:
            raise refused_property(error) from error

    def save(self, group: str, commits: Mapping[TopicPartition, Commit]) -> None:
        """Durable on return."""
        consumer = Consumer({**self._own, "group.id": group, "enable.auto.commit": False})
        try:
            tps = [Tp(*place, offset, metadata=note) for place, (offset, note) in commits.items()]
            done = ask(lambda: consumer.commit(offsets=tps, asynchronous=False))
        finally:
            consumer.close()
        for tp in done:
            if tp.error is not None:
                raise outage(tp.error)

    def load(self, group: str) -> dict[TopicPartition, Commit]:
        """What the group has committed; nothing of a group that there is not."""
        asked = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=WAIT
        )
        found = ask(lambda: result(asked[group]))
        return {
            (tp.topic, tp.partition): (tp.offset, tp.metadata or "")
            for tp in found.topic_partitions
            if tp.error is None and tp.offset >= 0
        }

    def groups(self, prefix: str) -> list[str]:
        """Names of the groups that begin so."""
        asked = self._admin.list_consumer_groups(request_timeout=WAIT)
        found = ask(lambda: result(asked))
        return sorted(one.group_id for one in found.valid if one.group_id.startswith(prefix))
