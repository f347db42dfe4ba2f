"""Where partitions end: librdkafka knows it of those that it fetches, of paused ones the brokers are asked.

So lag grows while a lane is paused.
"""

import time
from collections.abc import Collection
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import Consumer, IsolationLevel, KafkaException
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is public

from connector.adapters.kafka_assignment import WAIT
from connector.ports import TopicPartition

_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_AS_READ: Final = IsolationLevel.READ_COMMITTED
"""The end of what committed transactions wrote: nobody gets further."""


class Ends:
    """As they were told last, -1: not yet. Nothing here blocks."""

    def __init__(
        self, consumer: Consumer, paused: Collection[TopicPartition], admin: AdminClient | None, every: float
    ) -> None:
        """paused: what is, at any time. admin: None where the broker cannot tell. every: seconds between two
        questions."""
        self._consumer, self._paused, self._admin, self._every = consumer, paused, admin, every
        self._known: dict[TopicPartition, int] = {}
        self._asked: dict[Tp, Future[Any]] = {}
        self._next = 0.0

    def of(self, key: TopicPartition) -> int:
        """The offset after the last record."""
        if key in self._paused:
            return self._known.get(key, -1)
        try:
            _, high = self._consumer.get_watermark_offsets(Tp(*key), cached=True)
        except KafkaException:
            return -1
        return max(int(high), -1)

    def forget(self, key: TopicPartition) -> None:
        """It is another member's, or another topic's of the same name."""
        self._known.pop(key, None)
        self._asked = {tp: asked for tp, asked in self._asked.items() if (tp.topic, tp.partition) != key}

    def look(self) -> None:
        """Take in what was answered; ask again when it is time to."""
        if self._asked and all(asked.done() for asked in self._asked.values()):
            found, self._asked = self._asked, {}
            self._known.update(
                ((tp.topic, tp.partition), end) for tp in found if (end := _end(found[tp])) >= 0
            )
        now = time.monotonic()
        if self._admin is not None and self._paused and not self._asked and now >= self._next:
            self._next = now + self._every
            wanted = {Tp(*key): _LATEST for key in self._paused}
            self._asked = self._admin.list_offsets(wanted, isolation_level=_AS_READ, request_timeout=WAIT)


def _end(answer: "Future[Any]") -> int:
    try:
        return int(answer.result().offset)
    except KafkaException:
        return -1  # nobody answers: it is asked again
