"""A Kafka broker in process: librdkafka's mock cluster, for the demo and for trials.

Its limits: a topic appears when it is first written to or asked for, always with PARTITIONS partitions;
topics can neither be made nor described by an admin client; a partition keeps its newest 5 MB (compressed)
and drops what is older; nothing outlives the process; a new group's first assignment takes about 3 s.
"""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final, Self

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from msgspec import Struct

Headers = tuple[tuple[str, bytes], ...]
PARTITIONS: Final = 4
_WAIT: Final = 10.0
_QUIET: Final = {"log_level": 2}


class Outgoing(Struct, frozen=True):
    """A record to be written. timestamp_ms: since the epoch, 0 = now."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int = 0


class EmbeddedBroker:
    """A running broker; a context manager, or until `close`."""

    def __init__(self) -> None:
        # The mock cluster lives as long as the client that carries it.
        self._carrier = Producer({"test.mock.num.brokers": 1, **_QUIET})
        (node,) = self._carrier.list_topics(timeout=_WAIT).brokers.values()
        self.bootstrap = f"{node.host}:{node.port}"
        self._producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # as Kafka Connect's
                "compression.type": "lz4",
                "linger.ms": 10,
                "queue.buffering.max.messages": 200_000,
                **_QUIET,
            }
        )

    def write(self, records: Iterable[Outgoing]) -> int:
        """Write records, in order within a key; returns how many, all of them stored.

        Raises KafkaException where one was not.
        """
        failed: list[KafkaException] = []
        written = 0

        def report(error: object, _: Message) -> None:
            if error is not None:
                failed.append(KafkaException(error))

        for one in records:
            self._producer.produce(
                one.topic,
                key=one.key,
                value=one.value,
                headers=list(one.headers),
                timestamp=one.timestamp_ms,
                on_delivery=report,
            )
            self._producer.poll(0)
            written += 1
        if self._producer.flush(_WAIT) or failed:
            raise failed[0] if failed else KafkaException("the embedded broker does not take the records")
        return written

    def touch(self, topics: Iterable[str]) -> None:
        """Make topics exist, empty."""
        for topic in topics:
            self._producer.list_topics(topic, timeout=_WAIT)

    def ends(self, topic: str) -> Mapping[int, int]:
        """The offset after the newest record, by partition."""
        with _reader(self.bootstrap) as reader:
            return reader.ends(topic)

    def read(self, topic: str) -> list[Message]:
        """Every record that a topic holds now, partition by partition."""
        with _reader(self.bootstrap) as reader:
            return reader.read(topic)

    def close(self) -> None:
        """End it, with all that it holds. Close other clients first."""
        self._producer.close()
        self._carrier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _reader:  # noqa: N801 - a context manager
    """A consumer without group."""

    def __init__(self, bootstrap: str) -> None:
        config = {"bootstrap.servers": bootstrap, "group.id": "embedded-reader", "enable.auto.commit": False}
        self._consumer = Consumer({**config, "fetch.wait.max.ms": 10, **_QUIET})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def ends(self, topic: str) -> dict[int, int]:
        return {n: high for n, (_, high) in self._marks(topic).items()}

    def read(self, topic: str) -> list[Message]:
        found: list[Message] = []
        for number, (low, high) in self._marks(topic).items():
            self._consumer.assign([TopicPartition(topic, number, low)])
            for _ in range(low, high):
                message = self._consumer.poll(_WAIT)
                if message is None or message.error() is not None:
                    raise KafkaException(f"{topic}[{number}] could not be read to its end")
                found.append(message)
        return found

    def _marks(self, topic: str) -> dict[int, tuple[int, int]]:
        known = self._consumer.list_topics(topic, timeout=_WAIT).topics[topic].partitions
        pairs = {
            n: self._consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=_WAIT) for n in known
        }
        return {n: (int(low), int(high)) for n, (low, high) in sorted(pairs.items())}
