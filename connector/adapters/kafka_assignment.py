"""What a group knows of partitions that it has just been given: commits, watermarks, topic ids."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, Uuid
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from connector.adapters.kafka_properties import ask, outage
from connector.ports import Assigned, TopicPartition

WAIT: Final = 5.0
"""Seconds that one question to the broker may take."""
_NO_ID: Final = str(Uuid(0, 0))


def watermarks(consumer: Consumer, key: TopicPartition) -> tuple[int, int]:
    """First offset that is there, and the offset after the last one. Raises BrokerDown, ConfigError."""
    low, high = ask(lambda: consumer.get_watermark_offsets(Tp(*key), timeout=WAIT))
    return int(low), int(high)


def offset_at(consumer: Consumer, key: TopicPartition, at_ms: int) -> int | None:
    """First offset not older than a time (ms since the epoch), None: all are. Raises BrokerDown."""
    asked = Tp(*key, max(0, at_ms))  # below stand words of the protocol, such as -1 for the end
    (found,) = ask(lambda: consumer.offsets_for_times([asked], timeout=WAIT))
    if found.error is not None:
        raise outage(found.error)
    return int(found.offset) if found.offset >= 0 else None


def result(future: "Future[Any]") -> Any:
    """What an admin client was asked. Raises KafkaException."""
    try:
        return future.result(WAIT * 2)
    except TimeoutError:  # its own limit is WAIT: this process was stopped meanwhile
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None  # noqa: SLF001 - a public name


class TopicIds:
    """A topic's id tells it from an earlier one of the same name."""

    def __init__(self, admin: AdminClient | None, every: float) -> None:
        """admin: None where the broker cannot tell. every: seconds between two looks at known topics."""
        self._admin, self._every = admin, every
        self._known: dict[str, str] = {}
        self._asked: dict[str, Future[Any]] = {}
        self._changed: set[str] = set()
        self._next = 0.0

    def of(self, topics: Sequence[str]) -> dict[str, str]:
        """Their ids now; "" where unknown. Raises BrokerDown, ConfigError."""
        if self._admin is None:
            return {}
        for topic in topics:  # an answer to an earlier question would hide from later looks what this tells
            self._asked.pop(topic, None)
        futures = ask(lambda: self._describe(topics))
        for topic, future in futures.items():
            self._note(topic, ask(lambda f=future: _id(f)))  # type: ignore[misc]
        return self._known

    def changed(self) -> set[str]:
        """Topics found re-created, by a look or by `of`, since this was last called. Does not block."""
        if self._asked and all(future.done() for future in self._asked.values()):
            asked, self._asked = self._asked, {}
            for topic, future in asked.items():
                with suppress(KafkaException):  # deleted, or nobody answers: later
                    self._note(topic, _id(future))
        elif not self._asked and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            self._asked = self._describe(list(self._known))
        changed, self._changed = self._changed, set()
        return changed

    def _note(self, topic: str, now: str) -> None:
        if now not in ("", self._known.get(topic, now)):
            self._changed.add(topic)
        self._known[topic] = now or self._known.get(topic, "")

    def _describe(self, topics: Sequence[str]) -> dict[str, "Future[Any]"]:
        if self._admin is None:
            return {}
        self._admin.poll(0)  # it keeps every error until then: an outage of a day was 90 MB
        if not topics:
            return {}
        return self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=WAIT)


def _id(future: "Future[Any]") -> str:
    try:
        found = str(result(future).topic_id)
    except KafkaException as error:
        if error.args[0].code() in (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION):  # noqa: SLF001
            return ""
        raise
    return "" if found == _NO_ID else found


class Assignments:
    """Looks partitions up."""

    def __init__(self, consumer: Consumer, ids: TopicIds) -> None:
        """Nothing is asked yet."""
        self._consumer, self._ids = consumer, ids
        self.epochs: dict[TopicPartition, int | None] = {}
        """The leader epochs of the commits that were looked up last, as far as these tell any."""

    def look_up(self, told: Mapping[TopicPartition, bool]) -> list[Assigned]:
        """All about each partition. told: whether its log was found to be cut off below its commit. Raises
        BrokerDown, ConfigError."""
        given = sorted(told)
        topics = sorted({topic for topic, _ in given})
        ids = self._ids.of(topics)
        partitions = self._partitions(topics)
        commits = self._commits({*given, *((t, p) for t, ps in partitions.items() for p in ps)})
        self.epochs = {key: commits[key].leader_epoch for key in given if key in commits}
        found = [self._one(key, commits, ids.get(key[0], ""), len(partitions[key[0]])) for key in given]
        return [replace(one, cut=told[one.topic, one.partition]) for one in found]

    def resolve(self, key: TopicPartition, start: str) -> int:
        """The offset that a word, a number or a time means (see ports.Source)."""
        low, high = watermarks(self._consumer, key)
        if start in ("earliest", "latest"):
            return low if start == "earliest" else high
        if start.isdigit():
            return min(max(int(start), low), high)
        at = int(datetime.fromisoformat(start).timestamp() * 1000)
        found = offset_at(self._consumer, key, at)
        return high if found is None else found

    def _partitions(self, topics: Sequence[str]) -> dict[str, list[int]]:
        known = ask(lambda: self._consumer.list_topics(timeout=WAIT)).topics
        return {topic: list(known[topic].partitions) if topic in known else [] for topic in topics}

    def _commits(self, keys: Iterable[TopicPartition]) -> dict[TopicPartition, Tp]:
        found = ask(lambda: self._consumer.committed([Tp(*key) for key in keys], timeout=WAIT))
        for tp in found:
            if tp.error is not None:
                raise outage(tp.error)  # not to be taken for a partition without a commit
        return {(tp.topic, tp.partition): tp for tp in found if tp.offset >= 0}

    def _one(
        self, key: TopicPartition, commits: dict[TopicPartition, Tp], topic_id: str, count: int
    ) -> Assigned:
        low, high = watermarks(self._consumer, key)
        own = commits.get(key)
        others = [tp.metadata or "" for (topic, _), tp in commits.items() if topic == key[0]]
        return Assigned(
            topic=key[0],
            partition=key[1],
            committed=own.offset if own else None,
            note=(own.metadata or "") if own else "",
            low=low,
            high=high,
            topic_id=topic_id,
            topic_has_commits=bool(others),
            partitions=count,
            sibling_note=max(others, default=""),
        )
