"""A range of a topic's offsets, read by `assign`: nobody joins a group, and nothing is committed."""

import time
from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Tp

from connector.adapters.kafka_assignment import offset_at, watermarks
from connector.adapters.kafka_message import record_of
from connector.adapters.kafka_properties import DEFAULTS, FIXED, Properties, ask, outage, refused_property
from connector.core.model import Record
from connector.errors import BrokerDown

Span = tuple[int, int]
"""First offset, and the one after the last."""
CHUNK: Final = 1000
"""Records handed out at a time, at most."""
WAIT: Final = 30.0
"""Seconds without any record, or end, after which nobody answers."""
_OWN: Final = {
    "group.id": "crm-connector-reads-a-range",  # a consumer has to have one; it is never joined
    "auto.offset.reset": "earliest",  # what expired meanwhile is gone
    "queued.max.messages.kbytes": 8192,
    "statistics.interval.ms": 0,
    "log_level": 0,
}


class KafkaRange:
    """Every method raises BrokerDown; ConfigError where the topic may not be read."""

    def __init__(self, properties: Properties, topic: str) -> None:
        """properties: librdkafka's, with bootstrap.servers. Raises ConfigError for one it refuses."""
        own = {name: value for name, value in properties.items() if name != "group.instance.id"}
        try:
            self._consumer = Consumer({**DEFAULTS, **own, **FIXED, **_OWN})
        except (KafkaException, ValueError, TypeError) as error:
            raise refused_property(error) from error
        self._topic = topic

    def spans(self, wait: float = WAIT) -> dict[int, Span]:
        """What there is now of each partition; {} without the topic. wait: seconds for the first answer."""
        known = ask(lambda: self._consumer.list_topics(timeout=wait)).topics.get(self._topic)
        if known is None or known.error is not None:
            return {}
        return {
            partition: watermarks(self._consumer, (self._topic, partition)) for partition in known.partitions
        }

    def first_at(self, partition: int, at_ms: int) -> int | None:
        """First offset not older than a time, None: all are."""
        return offset_at(self._consumer, (self._topic, partition), at_ms)

    def read(self, spans: Mapping[int, Span]) -> Iterator[list[Record]]:
        """The records of these spans, by partition in their order."""
        ends = {partition: end for partition, (start, end) in spans.items() if start < end}
        places = [Tp(self._topic, one, spans[one][0]) for one in ends]
        self._consumer.assign(places)
        self._consumer.resume(places)  # librdkafka remembers who was paused before
        try:
            heard = time.monotonic()
            while ends:
                messages = self._consumer.consume(CHUNK, 0.1)
                if messages:
                    heard = time.monotonic()
                elif time.monotonic() - heard > WAIT:
                    raise BrokerDown(f"kafka: {self._topic} tells no more for {WAIT:g} s")
                if records := [r for message in messages if (r := self._record(message, ends)) is not None]:
                    yield records
        finally:
            self._consumer.unassign()

    def at(self, partition: int, offset: int) -> Record | None:
        """The record at one offset, None: it is there no longer, or its topic is not."""
        first, end = self.spans().get(partition, (0, 0))
        if not first <= offset < end:
            return None  # librdkafka would begin elsewhere, or wait for the topic
        for records in self.read({partition: (offset, offset + 1)}):
            return records[0]
        return None

    def _record(self, message: Message, ends: dict[int, int]) -> Record | None:
        partition, offset, error = message.partition() or 0, message.offset(), message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's public name
                raise outage(error)
            ends.pop(partition, None)
            return None
        end = ends.get(partition)
        if end is None or offset is None:
            return None
        if offset + 1 >= end:
            del ends[partition]
            self._consumer.pause([Tp(self._topic, partition)])
        return record_of(message, self._topic, 0) if offset < end else None

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()
