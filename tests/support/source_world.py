"""Where a Source can be tried: the fake broker, librdkafka's mock cluster, a real Kafka; all told alike."""

import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, Protocol

from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.cimpl import NewPartitions, NewTopic

from connector.adapters.kafka_source import KafkaSource
from connector.ports import Source
from tests.fakes.source import FakeBroker, FakeSource
from tests.support.member import Member
from tests.support.topics import create, delete

Headers = tuple[tuple[str, bytes | None], ...]
SECONDS = 120.0
STAMP = 1_700_000_000_000
MOCK: Final = {"session.timeout.ms": 6000}
"""The mock cluster lets a group be joined anew only after the session of the member that left."""


class World(Protocol):
    """A broker with one topic, `topic`, and one group."""

    topic: str

    def member(self, member: Member, **properties: str | int) -> Source:
        """Join the group. properties: librdkafka's, with _ for . (the fake knows the strategy `range`)."""

    def produce(self, *values: bytes | None, partition: int = 0, timestamp_ms: int = STAMP) -> None:
        """Append records, with a key and a header each."""

    def expire(self, before: int, partition: int = 0) -> None:
        """Delete the records below an offset."""

    def recreate(self, partitions: int, *, keep_commits: bool = False) -> None:
        """Delete the topic and make one of the same name. Its commits go too, unless the group is empty
        and they are to be kept."""

    def grow(self, partitions: int) -> None:
        """Give the topic so many partitions."""

    def committed(self, partition: int = 0) -> tuple[int, str] | None:
        """Offset and metadata of the group's commit."""


class FakeWorld:
    def __init__(self, partitions: int) -> None:
        self.topic = "orders"
        self.broker = FakeBroker()
        self.broker.create(self.topic, partitions)

    def member(self, member: Member, **properties: str | int) -> Source:
        self.broker.group("group").eager = properties.get("partition_assignment_strategy") == "range"
        return member.attach(FakeSource(self.broker, "group", [self.topic], member))

    def produce(self, *values: bytes | None, partition: int = 0, timestamp_ms: int = STAMP) -> None:
        for value in values:
            self.broker.produce(
                self.topic,
                value,
                partition=partition,
                key=b"key",
                timestamp_ms=timestamp_ms,
                headers=(("header", b"1"),),
            )

    def expire(self, before: int, partition: int = 0) -> None:
        self.broker.expire(self.topic, before, partition=partition)

    def recreate(self, partitions: int, *, keep_commits: bool = False) -> None:
        group = self.broker.group("group")
        kept = group.commits if keep_commits else {}
        self.broker.create(self.topic, partitions)
        group.commits.update(kept)

    def grow(self, partitions: int) -> None:
        while len(self.broker.keys([self.topic])) < partitions:
            self.broker.add_partition(self.topic)

    def committed(self, partition: int = 0) -> tuple[int, str] | None:
        return self.broker.group("group").commits.get((self.topic, partition))


class KafkaWorld:
    """A real Kafka, or the mock cluster where `ids` is False: it can neither make nor describe topics."""

    def __init__(self, bootstrap: str, partitions: int, cleanup: ExitStack, *, ids: bool = True) -> None:
        self.topic, self.group = f"source.{uuid.uuid4().hex[:12]}", f"group.{uuid.uuid4().hex[:12]}"
        self.bootstrap, self._ids, self._cleanup = bootstrap, ids, cleanup
        self.look_seconds = 0.3
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        if ids:
            self.create(partitions)

    def create(self, partitions: int, **config: str) -> None:
        create(self.admin, NewTopic(self.topic, partitions, 1, config=config))

    def member(self, member: Member, **properties: str | int) -> Source:
        return self.source(member, [self.topic], **properties)

    def source(self, member: Member, topics: Sequence[str], **properties: str | int) -> KafkaSource:
        settings = {name.replace("_", "."): value for name, value in properties.items()}
        source = KafkaSource(
            # What a broker tells of its topics is asked for often, so that a test need not wait.
            {
                "bootstrap.servers": self.bootstrap,
                "topic.metadata.refresh.interval.ms": 500,
                **({} if self._ids else MOCK),
                **settings,
            },
            self.group,
            topics,
            member,
            look_seconds=self.look_seconds if self._ids else None,
        )
        self._cleanup.callback(source.close)
        member.attach(source)
        return source

    def produce(
        self,
        *values: bytes | None,
        partition: int = 0,
        timestamp_ms: int = STAMP,
        key: bytes = b"key",
    ) -> None:
        for value in values:
            self._producer.produce(
                self.topic,
                value,
                key,
                partition=partition,
                timestamp=timestamp_ms,
                headers=[("header", b"1")],
            )
            self._producer.poll(0)
        assert self._producer.flush(SECONDS) == 0

    def expire(self, before: int, partition: int = 0) -> None:
        for done in self.admin.delete_records([Tp(self.topic, partition, before)]).values():
            done.result(SECONDS)

    def recreate(self, partitions: int, *, keep_commits: bool = False) -> None:
        kept = self.committed() if keep_commits else None
        delete(self.admin, self.topic)
        self.create(partitions)
        self._producer = Producer({"bootstrap.servers": self.bootstrap, "log_level": 0})
        if kept:
            asking = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group})
            asking.commit(offsets=[Tp(self.topic, 0, kept[0], metadata=kept[1])], asynchronous=False)
            asking.close()

    def grow(self, partitions: int) -> None:
        for done in self.admin.create_partitions([NewPartitions(self.topic, partitions)]).values():
            done.result(SECONDS)
        self._producer = Producer({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def committed(self, partition: int = 0) -> tuple[int, str] | None:
        asking = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group, "log_level": 0})
        (found,) = asking.committed([Tp(self.topic, partition)], timeout=SECONDS)
        asking.close()
        return (found.offset, found.metadata or "") if found.offset >= 0 else None

    def compact(self) -> list[int]:
        """Let compaction take records that a newer one of their key replaces; returns the offsets left."""
        for done in self.admin.incremental_alter_configs([self._compaction()]).values():
            done.result(SECONDS)
        before, deadline = self.offsets(), time.monotonic() + 60  # a given broker may look every 15 seconds
        while set(before) <= set(left := self.offsets()):
            assert time.monotonic() < deadline, "nothing was compacted"
            time.sleep(0.1)
            now = int(time.time() * 1000)
            self.produce(b"rolls the segment", timestamp_ms=now, key=b"%d" % now)
        return left

    def _compaction(self) -> ConfigResource:
        settings = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.0001"}
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in settings.items()
        ]
        return ConfigResource(ConfigResource.Type.TOPIC, self.topic, incremental_configs=entries)

    def offsets(self, partition: int = 0) -> list[int]:
        """Of the records that are there."""
        reading = {"group.id": self.group, "enable.auto.commit": False, "enable.partition.eof": True}
        asking, found = Consumer({"bootstrap.servers": self.bootstrap, **reading}), list[int]()
        asking.assign([Tp(self.topic, partition, 0)])
        while (message := asking.poll(SECONDS)) is not None and message.error() is None:
            found.append(message.offset() or 0)
        asking.close()
        return found
