"""What a group knows of partitions that it has just been given: commits, watermarks, topic ids."""

import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient

from connector.errors import BrokerDown
from connector.ports import Assigned

T = TypeVar("T")
WAIT: Final = 5.0
"""Seconds that one question to the broker may take."""
TRIES: Final = 4


def ask(question: Callable[[], T]) -> T:
    """Put a question to the broker, a few times. Raises BrokerDown."""
    for attempt in range(1, TRIES + 1):
        try:
            return question()
        except KafkaException as error:
            if attempt == TRIES:
                raise BrokerDown(f"kafka: {error.args[0].str()}") from error
            time.sleep(0.2 * attempt)
    raise AssertionError  # TRIES is positive


def watermarks(consumer: Consumer, tp: Tp) -> tuple[int, int]:
    """First offset that is there, and the offset after the last one. Raises BrokerDown."""
    low, high = ask(lambda: consumer.get_watermark_offsets(tp, timeout=WAIT))
    return int(low), int(high)


class Assignments:
    """Looks partitions up; topic ids are asked once, since a re-created topic means a new assignment."""

    def __init__(self, consumer: Consumer, admin: AdminClient | None) -> None:
        """admin: None where the broker cannot describe topics (the embedded one): ids stay unknown."""
        self._consumer, self._admin = consumer, admin

    def look_up(self, given: Sequence[Tp]) -> list[Assigned]:
        """All about each partition. Raises BrokerDown."""
        topics = sorted({tp.topic for tp in given})
        ids = self._topic_ids(topics)
        known = ask(lambda: self._consumer.list_topics(timeout=WAIT)).topics
        everything = [Tp(topic, partition) for topic in topics for partition in known[topic].partitions]
        commits = {
            (c.topic, c.partition): c for c in ask(lambda: self._consumer.committed(everything, timeout=WAIT))
        }
        begun = {topic for (topic, _), commit in commits.items() if commit.offset >= 0}
        return [self._one(tp, commits[tp.topic, tp.partition], ids, begun) for tp in given]

    def _one(self, tp: Tp, commit: Tp, ids: dict[str, str], begun: set[str]) -> Assigned:
        low, high = watermarks(self._consumer, tp)
        has = commit.offset >= 0
        return Assigned(
            topic=tp.topic,
            partition=tp.partition,
            committed=commit.offset if has else None,
            note=(commit.metadata or "") if has else "",
            low=low,
            high=high,
            topic_id=ids.get(tp.topic, ""),
            topic_has_commits=tp.topic in begun,
        )

    def _topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        if self._admin is None:
            return {}
        admin = self._admin
        futures = ask(lambda: admin.describe_topics(TopicCollection(list(topics)), request_timeout=WAIT))
        return {topic: str(ask(future.result).topic_id) for topic, future in futures.items()}
