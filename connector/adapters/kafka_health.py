"""What librdkafka told of itself: nothing, trouble that it gets over, brokers gone, the end."""

from collections.abc import Callable
from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException
from msgspec import Struct

from connector.adapters.kafka_access import Access
from connector.adapters.kafka_properties import Properties, meaning
from connector.errors import BrokerDown, ConnectorError

PROBE_SECONDS: Final = 1.0


class _Partition(Struct):
    fetchq_size: int = 0


class _Topic(Struct):
    partitions: dict[str, _Partition] = {}


class _Statistics(Struct):
    """What is read of librdkafka's STATISTICS.md."""

    topics: dict[str, _Topic] = {}


_decode: Final = msgspec.json.Decoder(_Statistics).decode


class Health:
    """Listens to a consumer's errors and statistics.

    trouble: the last error, None when it is over. fetched: bytes of its queue, as told last. access: whether
    TLS and SASL let it in.
    """

    def __init__(self, reread: Callable[[], Properties] | None = None) -> None:
        """Well. reread: the properties anew, after a refusal."""
        self.access = Access(reread)
        self.trouble: str | None = None
        self.fetched = 0
        self._failure: ConnectorError | None = None
        self._down = False

    def note(self, text: str) -> None:
        """Something failed that is tried again."""
        self.trouble = text

    def hear(self, error: KafkaError) -> None:
        """The error callback, also for errors that come as messages."""
        self._failure = self._failure or meaning(error)
        self._down = self._down or error.code() == KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - public name
        self.access.hear(error)
        self.note(self.access.why or error.str())

    def measure(self, statistics: str) -> None:
        """The statistics callback. All partitions share one queue, and each tells the size of it."""
        topics = _decode(statistics).topics.values()
        sizes = (one.fetchq_size for topic in topics for one in topic.partitions.values())
        self.fetched = max(sizes, default=0)

    def check(self, consumer: Consumer, *, busy: bool) -> None:
        """Raises ConfigError, Fatal; BrokerDown, unless records flow."""
        self.access.renew()
        if self._failure is not None:
            raise self._failure
        if not self._down:
            return
        if not busy:  # that all brokers went is told, not that one is back
            try:
                consumer.list_topics(timeout=PROBE_SECONDS)
            except KafkaException as error:
                raise BrokerDown(self.access.why or f"kafka: {self.trouble}") from error
        self._down, self.trouble, self.access.why = False, None, None
