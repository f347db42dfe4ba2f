"""Source over confluent-kafka: one member of a consumer group, used by one thread.

librdkafka's callbacks run inside `poll` on that thread, so a revocation can drain and commit without a
lock. Its own offset reset is always an error: where reading starts is the lane's decision (RULES 3).

A partition's way: given (paused at its end) → looked up → placed by `members` → read → handed back. It is
looked up outside librdkafka's callback, so that a failing look-up can be repeated while the group keeps the
partition; one whose records expired, or whose topic was re-created, is handed back and looked up again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient

from connector.adapters.kafka_assignment import Assignments, TopicIds
from connector.adapters.kafka_commits import Commits
from connector.adapters.kafka_cursor import Cursor, was_cut
from connector.adapters.kafka_ends import Ends
from connector.adapters.kafka_health import Health
from connector.adapters.kafka_leave import leave
from connector.adapters.kafka_message import record_of
from connector.adapters.kafka_properties import Properties, consumer_config, is_eager, refused_property
from connector.core.budget import USUAL, Budget
from connector.core.model import Record
from connector.errors import Outage
from connector.ports import Members, Placed, TopicPartition

AGAIN_SECONDS: Final = 1.0
"""How long to wait before what failed beside the reading (a look-up, a commit) is tried again."""
LOOK_SECONDS: Final = 10.0
"""How often it is asked whether a topic is still the same one, and where paused partitions end."""
JOINING: Final = 0.05
"""The longest wait while nothing is read: partitions that are given meanwhile do not end it."""


class KafkaSource:
    """ports.Source. `members` hears of every assignment before its first record is handed out."""

    def __init__(
        self,
        properties: Properties,
        group: str,
        topics: Sequence[str],
        members: Members,
        *,
        budget: Budget = USUAL,
        look_seconds: float | None = LOOK_SECONDS,
        reread: Callable[[], Properties] | None = None,
    ) -> None:
        """properties: librdkafka's, with bootstrap.servers; reread: anew, once they were refused.
        look_seconds: how often topics are looked at, None for a broker that cannot describe them.
        Raises ConfigError for a property."""
        self._placed: dict[TopicPartition, Placed] = {}
        self._health = Health(reread)
        self._commits = Commits(self._placed, self._health.note)
        config = consumer_config(properties, group, budget)
        try:
            told = {"error_cb": self._health.hear, "stats_cb": self._health.measure}
            self._consumer = Consumer({**config, **told, "on_commit": self._commits.landed})
            admin = AdminClient({**properties, "log_level": 0}) if look_seconds else None
        except (KafkaException, ValueError, TypeError) as error:
            raise refused_property(error) from error
        self._health.access.serve(self._consumer, admin)
        self._cursor, self._members = Cursor(self._consumer, eager=is_eager(config)), members
        self._static = "group.instance.id" in config
        self._classic = config.get("group.protocol") != "consumer"
        self._ids = TopicIds(admin, look_seconds or 0.0)
        self._ends = Ends(self._consumer, self._cursor.paused, admin, look_seconds or 0.0)
        self._assignments = Assignments(self._consumer, self._ids)
        self._topics: dict[str, str] = {}
        # Each with whether its log was found to be cut off below its commit.
        self._given: dict[TopicPartition, bool] = {}
        self._stray: dict[TopicPartition, bool] = {}
        self._reached: dict[TopicPartition, int] = {}
        self._again = 0.0
        self._outage: Outage | None = None
        self._closing = False
        self._consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    # --- Reading ----------------------------------------------------------------------------------

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """See ports.Source."""
        self._hand_back()
        self._ends.look()
        records = self._records(self._consumer.consume(limit, 0))
        self._look_after()
        if not records and timeout > 0:
            # consume(n, t) waits for n or for t: wait for the first one only, and take what came with it.
            first = self._consumer.poll(timeout if self._placed else min(timeout, JOINING))
            if first is not None:
                records = self._records([first, *self._consumer.consume(limit - 1, 0)])
        self._health.check(self._consumer, busy=bool(records))
        if self._outage is not None and not records:
            raise self._outage
        return records

    @property
    def trouble(self) -> str | None:
        """The last complaint of librdkafka, None when it got over it."""
        return self._health.trouble

    def _records(self, messages: Sequence[Message]) -> list[Record]:
        records: list[Record] = []
        for message in messages:
            if (error := message.error()) is not None:
                self._on_message_error(message, error)
                continue
            topic: str = message.topic()  # type: ignore[assignment]  # only a message that is made lacks it
            placed = self._placed.get((topic, message.partition()))  # type: ignore[arg-type]  # as above
            if placed is not None:  # else: it was fetched before the partition was taken away, or placed
                # One text for a topic, where each message has its own: it is kept once, and hashed once.
                records.append(record_of(message, self._topics.setdefault(topic, topic), placed.lease))
        return records

    def _on_message_error(self, message: Message, error: KafkaError) -> None:
        key = cast("TopicPartition", (message.topic(), message.partition()))
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's public name
            if key in self._placed:
                self._reached[key] = cast("int", message.offset())
        elif error.code() == KafkaError._AUTO_OFFSET_RESET and key in self._placed:  # noqa: SLF001
            self._stray[key] = was_cut(error)
        else:
            self._health.hear(error)

    def fetched(self) -> int:
        """See ports.Source."""
        return self._health.fetched

    def reached(self) -> dict[TopicPartition, int]:
        """See ports.Source."""
        reached, self._reached = self._reached, {}
        return reached

    def end(self, partition: TopicPartition) -> int:
        """See ports.Source."""
        return self._ends.of(partition)

    # --- Moving about -----------------------------------------------------------------------------

    def resolve(self, partition: TopicPartition, start: str) -> int:
        """See ports.Source."""
        return self._assignments.resolve(partition, start)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source."""
        self._cursor.pause(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source."""
        self._cursor.resume(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See ports.Source."""
        self._reached.pop(partition, None)  # it was seen on the way before
        self._cursor.seek(partition, offset)

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        """See ports.Source."""
        return self._commits.commit(self._consumer, offsets, self._cursor.epochs, wait=wait)

    def close(self) -> None:
        """See ports.Source."""
        if self._commits.refused:
            self.commit({}, wait=True)
        if not (self._static or self._placed or self._given or self._closing):
            leave(self._consumer, classic=self._classic)
        self._closing = True
        self._consumer.close()

    # --- Assignment -------------------------------------------------------------------------------

    def _on_assign(self, _consumer: Consumer, given: list[Tp]) -> None:
        self._cursor.add(_keys(given))
        self._given.update(dict.fromkeys(_keys(given), False))

    def _on_revoke(self, _consumer: Consumer, taken: list[Tp]) -> None:
        self._drain([key for key in _keys(taken) if key in self._placed])
        self._forget(_keys(taken))

    def _on_lost(self, _consumer: Consumer, gone: list[Tp]) -> None:
        if keys := [key for key in _keys(gone) if key in self._placed]:
            self._members.lost(keys)
        self._forget(_keys(gone))

    def _drain(self, keys: list[TopicPartition]) -> None:
        if keys and not self._closing:
            offsets = self._members.revoked(keys)
            if offsets or self._commits.refused:
                self.commit(offsets, wait=True)

    def _forget(self, keys: Sequence[TopicPartition]) -> None:
        for key in keys:
            self._commits.forget(key)
            self._cursor.forget(key)
            self._ends.forget(key)
            self._placed.pop(key, None)
            self._reached.pop(key, None)
            self._given.pop(key, None)
            self._stray.pop(key, None)

    def _hand_back(self) -> None:
        """Give up our place in what expired or was re-created, and ask for a new one."""
        if self._stray:
            stray, keys = dict(self._stray), sorted(self._stray)
            self.pause(keys)
            self._drain(keys)
            self._forget(keys)
            self._cursor.hold(keys)
            self._given.update(stray)

    def _look_after(self) -> None:
        """Place what was given, repeat refused commits; what fails is tried again, but not at every poll."""
        now = time.monotonic()
        if now < self._again:
            return
        if self._commits.refused:
            self.commit({}, wait=False)
            self._again = now + AGAIN_SECONDS
        try:
            self._place()
            self._outage = None
        except Outage as outage:
            self._outage, self._again = outage, now + AGAIN_SECONDS

    def _place(self) -> None:
        given = self._assignments.look_up(self._given) if self._given else []
        if changed := self._ids.changed():  # maybe by this look-up: what is given now is of the new topic
            self._stray.update({key: False for key in self._placed if key[0] in changed})
        if not given:
            return
        placed = self._members.assigned(given)
        self._given.clear()
        self._placed.update(placed)
        begun = {key: one.offset for key, one in placed.items() if one.offset is not None}
        try:
            self._cursor.begin(begun, self._assignments.epochs)
        except Outage:
            self._stray.update(dict.fromkeys(begun, False))
            raise


def _keys(tps: Sequence[Tp]) -> list[TopicPartition]:
    return [(tp.topic, tp.partition) for tp in tps]
