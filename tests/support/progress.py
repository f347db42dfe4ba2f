"""How far a consumer group has committed, asked of the broker itself without joining the group."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

_SECONDS = 120.0


class Progress:
    """One group's eyes on some topics. A context manager."""

    def __init__(self, bootstrap: str, group: str, topics: Sequence[str]) -> None:
        """Connects at the first question."""
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False}
        )
        self._topics = topics

    def committed(self) -> dict[tuple[str, int], int]:
        """Next offset by partition; negative where the group never committed."""
        places = [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in self._consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        ]
        found = self._ask(places)
        return {(place.topic, place.partition): place.offset for place in found}

    def _ask(self, places: list[TopicPartition]) -> list[TopicPartition]:
        """A broker that has just started is still electing the group's coordinator."""
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                return list(self._consumer.committed(places, timeout=_SECONDS))
            except KafkaException as error:
                if not error.args[0].retriable() and time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset after the last record, by partition."""
        return {
            key: self._consumer.get_watermark_offsets(TopicPartition(*key), timeout=_SECONDS)[1]
            for key in self.committed()
        }

    def await_end(self, seconds: float, trouble: Callable[[], str]) -> None:
        """Until every partition is committed to its end. Raises AssertionError with what lacks."""
        deadline = time.monotonic() + seconds
        while (committed := self.committed()) != (ends := self.ends()):
            if time.monotonic() > deadline:
                lacking = {
                    key: (offset, ends[key]) for key, offset in committed.items() if offset != ends[key]
                }
                raise AssertionError(f"committed, end: {lacking}; {trouble()}")
            time.sleep(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()
