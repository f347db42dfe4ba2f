"""What the brokers know of topics and a group, asked without joining the group."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import (
    OFFSET_INVALID,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._metadata import ClusterMetadata
from msgspec import Struct

from connector.adapters.kafka_access import Access
from connector.adapters.kafka_message import headers_of
from connector.core.model import Position, Record
from connector.errors import BrokerDown

_WAIT: Final = 10.0
_CONFIG: Final = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "queued.min.messages": 1,
    "fetch.wait.max.ms": 100,
    "log_level": 0,
}


class PartitionLag(Struct, frozen=True):
    """How far a group is behind on one partition.

    committed: next offset, None without a commit (then everything still there is behind). end: the offset
    after the last record that a committed transaction wrote. records: between the two; 0 where nothing but
    transaction markers is left. oldest_ms: Kafka's time of the oldest of these records, None without one.
    """

    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    oldest_ms: int | None


class KafkaAdmin:
    """Questions to the brokers, with one group's eyes. Every method raises BrokerDown when none answers."""

    def __init__(self, properties: Mapping[str, Any], group: str, wait: float = _WAIT) -> None:
        """properties: of any client, servers included. wait: seconds for each answer."""
        self._own = dict(properties)
        self._own.pop("group.instance.id", None)
        self._group, self._wait = group, wait
        self._access = Access()
        told = {"group.id": group, "error_cb": self._access.hear}
        self._consumer = Consumer({**self._own, **_CONFIG, **told})

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def topics(self) -> dict[str, list[int]]:
        """Partitions of every topic; asking creates none."""
        topics = self._metadata().topics.items()
        return {name: sorted(one.partitions) for name, one in topics if one.error is None}

    def brokers(self) -> int:
        """How many there are."""
        return len(self._metadata().brokers)

    def refusals(self, topics: Sequence[str]) -> list[str]:
        """What the group may not do and has to: a line each. Brokers that cannot tell refuse nothing."""
        lines = []
        if self._denied() or not _may(self._ask_group(), AclOperation.READ):
            lines.append(f"group {self._group}: may not be joined; allow READ on the group")
        described = self._ask_topics(topics)
        lines += [
            f"topic {topic}: may not be read; allow READ on the topic"
            for topic in topics
            if not _may(described.get(topic), AclOperation.READ)
        ]
        return lines

    def lag(self, topics: Sequence[str]) -> list[PartitionLag]:
        """Per partition of the topics that there are."""
        known = self.topics()
        places = [TopicPartition(topic, one) for topic in topics for one in known.get(topic, [])]
        try:
            spans = [self._span(place) for place in self._committed(places)]
            oldest = self._oldest([(topic, one, start) for topic, one, _, start, end in spans if start < end])
        except KafkaException as error:
            raise self._down(error) from None
        return [
            _lag(topic, partition, committed, start, end, oldest)
            for topic, partition, committed, start, end in spans
        ]

    def newest(self, topic: str, count: int = 20) -> list[Record]:
        """The last records of each partition, at most `count` offsets back; newest last in each."""
        places = [TopicPartition(topic, one) for one in self.topics().get(topic, [])]
        try:
            spans = {place.partition: self._consumer.get_watermark_offsets(place) for place in places}
            starts = [(topic, one, max(low, end - count)) for one, (low, end) in spans.items() if low < end]
            return [_record(message) for message in self._read(starts)]
        except KafkaException as error:
            raise self._down(error) from None

    # --- Asking -----------------------------------------------------------------------------------

    def _metadata(self) -> ClusterMetadata:
        try:
            return self._access.metadata(self._consumer, self._wait)
        except KafkaException as error:
            raise self._down(error) from None

    def _committed(self, places: list[TopicPartition]) -> list[TopicPartition]:
        return list(self._consumer.committed(places, timeout=self._wait)) if places else []

    def _span(self, place: TopicPartition) -> tuple[str, int, int | None, int, int]:
        """Topic, partition, committed, where reading would begin, end."""
        if place.error:
            raise KafkaException(place.error)
        low, end = self._consumer.get_watermark_offsets(place, timeout=self._wait)
        committed = None if place.offset == OFFSET_INVALID else place.offset
        return place.topic, place.partition, committed, max(low, committed or 0), end

    def _oldest(self, wanted: list[tuple[str, int, int]]) -> dict[tuple[str, int], int | None]:
        """Kafka's time of the first record from an offset on, None without time; absent: no record."""
        return {_place(message): _time(message) for message in self._read(wanted, first=True)}

    def _read(self, wanted: list[tuple[str, int, int]], *, first: bool = False) -> list[Message]:
        """From these offsets to each partition's end, or the first record of each. Raises KafkaException."""
        found = []
        open_ = {(topic, partition) for topic, partition, _ in wanted}
        self._consumer.assign([TopicPartition(*place) for place in wanted])
        deadline = time.monotonic() + self._wait
        while open_ and (left := deadline - time.monotonic()) > 0:
            message = self._consumer.poll(min(left, 0.2))
            if message is None or (place := _place(message)) not in open_:
                continue
            if not _is_end(message):
                found.append(message)
            if first or _is_end(message):
                open_.discard(place)
                self._consumer.pause([TopicPartition(*place)])
        self._consumer.unassign()
        if open_:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its public name
        return found

    def _denied(self) -> bool:
        """Whether not even the group's offsets may be seen."""
        try:
            self._committed([TopicPartition(self._group, 0)])
        except KafkaException as error:
            return bool(error.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED)
        return False

    def _ask_group(self) -> Any:
        with suppress(KafkaException), self._admin() as admin:
            asked = admin.describe_consumer_groups(
                [self._group], include_authorized_operations=True, request_timeout=self._wait
            )
            return asked[self._group].result()
        return None

    def _ask_topics(self, topics: Sequence[str]) -> dict[str, Any]:
        found = {}
        with suppress(KafkaException), self._admin() as admin:
            asked = admin.describe_topics(
                TopicCollection(list(topics)), include_authorized_operations=True, request_timeout=self._wait
            )
            for topic, future in asked.items():
                with suppress(KafkaException):
                    found[topic] = future.result()
        return found

    def _admin(self) -> AdminClient:
        return AdminClient({**self._own, "log_level": 0})

    def _down(self, error: KafkaException) -> BrokerDown:
        if self._access.why is not None:
            return BrokerDown(self._access.why)
        names = dict.fromkeys(filter(None, (error.args[0].name(), self._access.last)))
        return BrokerDown(
            f"kafka.bootstrap_servers: {self._own['bootstrap.servers']} does not answer as it should "
            f"({', '.join(names)}); check address, security.protocol, credentials and permissions"
        )


def _place(message: Message) -> tuple[str, int]:
    return str(message.topic()), int(message.partition() or 0)


def _is_end(message: Message) -> bool:
    """Whether it says that the partition is read to its end. Raises KafkaException for any other error."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
        raise KafkaException(error)
    return error is not None


def _record(message: Message) -> Record:
    topic, partition = _place(message)
    position = Position(topic, partition, int(message.offset() or 0))
    key, value = _bytes(message.key()), _bytes(message.value())
    return Record(position, _time(message) or -1, key, value, headers_of(message))


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _time(message: Message) -> int | None:
    kind, at = message.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else int(at)


def _lag(
    topic: str,
    partition: int,
    committed: int | None,
    start: int,
    end: int,
    oldest: Mapping[tuple[str, int], int | None],
) -> PartitionLag:
    place = (topic, partition)
    records = max(0, end - start) if place in oldest else 0
    return PartitionLag(topic, partition, committed, end, records, oldest.get(place))


def _may(described: Any, operation: AclOperation) -> bool:
    """Whether an operation is among the authorised ones; what cannot be told is allowed."""
    allowed = getattr(described, "authorized_operations", None)
    return not allowed or operation in allowed or AclOperation.ALL in allowed
