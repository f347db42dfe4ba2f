"""Source over confluent-kafka: one member of a consumer group, used by one thread.

librdkafka's callbacks run inside `poll` on that thread, so a revocation can drain and commit without a
lock. librdkafka's own offset reset is always an error: where reading starts is the lane's decision (RULES 3).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka_assignment import WAIT, Assignments, ask, watermarks
from connector.core.model import Position, Record
from connector.errors import BrokerDown, ConfigError, LedgerDown
from connector.ports import Members, Placed, TopicPartition

Properties = Mapping[str, str | int | float | bool]
Headers = tuple[tuple[str, bytes | None], ...]

FIXED: Final = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
}
DEFAULTS: Final = {
    "partition.assignment.strategy": "cooperative-sticky",
    # Default queues cost 70 MB; small ones starve librdkafka unless it looks again soon (default 1000 ms).
    "queued.max.messages.kbytes": 16384,
    "queued.min.messages": 5000,
    "max.partition.fetch.bytes": 524288,
    "fetch.queue.backoff.ms": 20,
    "fetch.wait.max.ms": 100,
}
REFUSED: Final = frozenset(
    {
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
    }
)


class KafkaSource:
    """ports.Source. `members` hears of every assignment before its first record is handed out."""

    def __init__(
        self,
        properties: Properties,
        group: str,
        topics: Sequence[str],
        members: Members,
        *,
        topic_ids: bool = True,
    ) -> None:
        """properties: librdkafka's, with bootstrap.servers. topic_ids: False for a broker that cannot
        describe topics. Raises ConfigError for a property that librdkafka refuses."""
        config = {**DEFAULTS, **properties, **FIXED, "group.id": group, "error_cb": self._on_error}
        if config.get("group.protocol") == "consumer":
            config.pop("partition.assignment.strategy")
        try:
            self._consumer = Consumer(config)
            admin = AdminClient(dict(properties)) if topic_ids else None
        except (KafkaException, ValueError, TypeError) as error:
            raise ConfigError(f"kafka.properties: {error}") from error
        self._eager = "cooperative" not in str(config.get("partition.assignment.strategy", "cooperative"))
        self._assignments = Assignments(self._consumer, admin)
        self._topics, self._members = list(topics), members
        self._placed: dict[TopicPartition, Placed] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._failure: Exception | None = None
        self.trouble: str | None = None
        self._subscribe()

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    # --- Reading ----------------------------------------------------------------------------------

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """See ports.Source."""
        messages = self._consumer.consume(limit, 0)
        if not messages and timeout > 0:
            # consume(n, t) waits for n or for t: wait for the first one only, and take what came with it.
            first = self._consumer.poll(timeout)
            messages = [first, *self._consumer.consume(limit, 0)] if first is not None else []
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return [record for message in messages if (record := self._record(message)) is not None]

    def _record(self, message: Message) -> Record | None:
        error = message.error()
        if error is not None:
            self._on_message_error(message, error)
            return None
        key, offset = _coordinates(message)
        placed = self._placed.get(key)
        if placed is None:
            return None  # it was fetched before the partition was taken away
        kind, timestamp = message.timestamp()
        return Record(
            Position(key[0], key[1], offset, placed.lease),
            -1 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp,
            message.key(),
            message.value(),
            cast("Headers", tuple(message.headers() or ())),
        )

    def _on_message_error(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's public name
            key, offset = _coordinates(message)
            self._ends[key] = offset
        else:
            self._on_error(error)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in REFUSED or error.fatal():
            self._failure = ConfigError(f"kafka: {error.str()}: the group must be allowed to read its topics")
        self.trouble = error.str()

    def reached(self) -> dict[TopicPartition, int]:
        """See ports.Source."""
        ends, self._ends = self._ends, {}
        return ends

    def end(self, partition: TopicPartition) -> int:
        """See ports.Source."""
        try:
            _, high = self._consumer.get_watermark_offsets(Tp(*partition), cached=True)
        except KafkaException:
            return -1
        return max(int(high), -1)

    # --- Moving about -----------------------------------------------------------------------------

    def resolve(self, partition: TopicPartition, start: str) -> int:
        """See ports.Source."""
        low, high = watermarks(self._consumer, Tp(*partition))
        if start in ("earliest", "latest"):
            return low if start == "earliest" else high
        if start.isdigit():
            return min(max(int(start), low), high)
        at = int(datetime.fromisoformat(start).timestamp() * 1000)
        found = ask(lambda: self._consumer.offsets_for_times([Tp(*partition, at)], timeout=WAIT))
        return int(found[0].offset) if found[0].offset >= 0 else high

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source."""
        self._consumer.pause([Tp(*key) for key in partitions])

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source."""
        self._consumer.resume([Tp(*key) for key in partitions])

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See ports.Source."""
        self._consumer.seek(Tp(*partition, offset))

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        """See ports.Source."""
        wanted = [Tp(*key, offset, metadata=self._placed[key].note) for key, offset in offsets.items()]
        try:
            if not wait:
                self._consumer.commit(offsets=wanted)
                return True
            done = self._consumer.commit(offsets=wanted, asynchronous=False)
        except KafkaException as error:
            self.trouble = error.args[0].str()
            return False
        return not any(tp.error for tp in done)

    def close(self) -> None:
        """See ports.Source."""
        self._consumer.close()

    # --- Assignment, inside poll ------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, given: list[Tp]) -> None:
        try:
            placed = self._members.assigned(self._assignments.look_up(given) if given else [])
        except (BrokerDown, LedgerDown) as outage:
            self._failure = outage
            consumer.unsubscribe()  # nothing can be read: join again, and be asked again
            self._subscribe()
            return
        self._placed.update(placed)
        wanted = [Tp(*key, 0 if one.offset is None else one.offset) for key, one in placed.items()]
        (consumer.assign if self._eager else consumer.incremental_assign)(wanted)
        held = [Tp(*key) for key, one in placed.items() if one.offset is None]
        if held:
            consumer.pause(held)

    def _on_revoke(self, _consumer: Consumer, taken: list[Tp]) -> None:
        keys = [(tp.topic, tp.partition) for tp in taken]
        offsets = self._members.revoked(keys)
        if offsets:
            self.commit(offsets, wait=True)
        self._forget(keys)

    def _on_lost(self, _consumer: Consumer, gone: list[Tp]) -> None:
        keys = [(tp.topic, tp.partition) for tp in gone]
        self._members.lost(keys)
        self._forget(keys)

    def _forget(self, keys: list[TopicPartition]) -> None:
        for key in keys:
            self._placed.pop(key, None)
            self._ends.pop(key, None)


def _coordinates(message: Message) -> tuple[TopicPartition, int]:
    """A fetched message always has them; the stubs also think of one that is to be produced."""
    return cast("TopicPartition", (message.topic(), message.partition())), cast("int", message.offset())
