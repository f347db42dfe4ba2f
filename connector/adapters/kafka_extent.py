"""Where a stretch of a topic begins and ends in each partition, asked of the brokers."""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka_assignment import WAIT, TopicIds, offset_at, watermarks
from connector.adapters.kafka_properties import Properties, ask, refused_property
from connector.adapters.kafka_replay import alone
from connector.core.extent import Point, Stretch, Watermarks, stretch
from connector.errors import ConfigError

# The end is that of what a committed transaction wrote: `read_committed` reads no further.
_CONFIG = {"enable.auto.commit": False, "isolation.level": "read_committed", "log_level": 0}


class Extents:
    """Questions about one topic. Every method raises BrokerDown, ConfigError."""

    def __init__(self, properties: Properties, group: str, topic: str) -> None:
        """group: whose eyes, since reading may be allowed to known groups alone; it is not joined."""
        self._topic = topic
        try:
            self._consumer = Consumer({**alone(properties), **_CONFIG, "group.id": group})
            self._ids = TopicIds(AdminClient({**alone(properties), "log_level": 0}), WAIT)
        except (KafkaException, ValueError, TypeError) as error:
            raise refused_property(error) from error

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def topic_id(self) -> str:
        """The broker's id of the topic, "" where it does not tell."""
        return self._ids.of([self._topic]).get(self._topic, "")

    def partitions(self) -> list[int]:
        """Of the topic. Raises ConfigError where there is none of that name."""
        known = ask(lambda: self._consumer.list_topics(self._topic, timeout=WAIT)).topics
        found = known.get(self._topic)
        if found is None or found.error is not None or not found.partitions:
            raise ConfigError(f"--topic: {self._topic} does not exist in Kafka; check its name")
        return sorted(found.partitions)

    def stretches(self, partitions: Sequence[int], since: Point, until: Point) -> list[Stretch]:
        """From `since` up to `until`, as of now."""
        return [self._stretch((self._topic, one), since, until) for one in partitions]

    def low(self, partition: int) -> int:
        """The first offset that is kept."""
        return watermarks(self._consumer, (self._topic, partition))[0]

    def _stretch(self, place: tuple[str, int], since: Point, until: Point) -> Stretch:
        marks = Watermarks(*watermarks(self._consumer, place))
        return stretch(place, since, until, marks, (self._found(place, since), self._found(place, until)))

    def _found(self, place: tuple[str, int], point: Point) -> int | None:
        return None if point.at_ms is None else offset_at(self._consumer, place, point.at_ms)
