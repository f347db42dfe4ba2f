"""Source over stretches of a topic: by `assign`, so no group is joined and nobody's partitions move.

Its commits are those of a group of its own, which has no members: the replay's checkpoint.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Tp
from confluent_kafka.admin import AdminClient
from msgspec import Struct
from msgspec.structs import replace

from connector.adapters.kafka_assignment import Assignments, TopicIds, watermarks
from connector.adapters.kafka_commits import Commits
from connector.adapters.kafka_cursor import Cursor, was_cut
from connector.adapters.kafka_health import Health
from connector.adapters.kafka_message import record_of
from connector.adapters.kafka_properties import Properties, consumer_config, refused_property
from connector.core.budget import Budget
from connector.core.extent import Stretch
from connector.core.model import Record
from connector.errors import Fatal
from connector.ports import Assigned, Members, Placed, TopicPartition

AGAIN_SECONDS, LOOK_SECONDS, KEEP_SECONDS = 1.0, 10.0, 600.0
"""How long to wait before a refused commit is tried again; how often it is asked whether the topic is still
the same one; how often all is committed anew, since brokers forget each commit of such a group by itself."""
_OF_MEMBERS: Final = ("group.instance.id", "group.protocol", "group.remote.assignor")


class Keeper(Protocol):
    """Who knows what the checkpoint has to say."""

    def note(self, place: TopicPartition, offset: int) -> str:
        """The metadata of the commit of this offset."""

    def gone(self, place: TopicPartition, offsets: int) -> None:
        """So many offsets expired before they were read."""


def alone(properties: Properties) -> Properties:
    """The user's properties, less those of a group's member."""
    return {name: value for name, value in properties.items() if name not in _OF_MEMBERS}


class Errand(Struct, frozen=True):
    """What is read, and for which group of its own. topic_id: of the topic that is meant, "" where the broker
    does not tell. dry: nothing is committed."""

    group: str
    stretches: tuple[Stretch, ...]
    topic_id: str = ""
    dry: bool = False


class ReplaySource:
    """ports.Source of stretches, each read once from start to end. Used by one thread, but for `finished`."""

    def __init__(
        self, properties: Properties, errand: Errand, members: Members, keeper: Keeper, budget: Budget
    ) -> None:
        """Nothing is asked before the first poll. Raises ConfigError for a property."""
        self._members, self._keeper = members, keeper
        self._topic_id, self._dry = errand.topic_id, errand.dry
        self._stretches = {one.place: one for one in errand.stretches}
        self._next = {one.place: one.start for one in errand.stretches}
        self._placed: dict[TopicPartition, Placed] = {}
        self._done, self._stray = set[TopicPartition](), set[TopicPartition]()
        self._reached: dict[TopicPartition, int] = {}
        self._landed: dict[TopicPartition, int] = {}
        self._told, self._again, self._keep = dict(self._next), 0.0, time.monotonic() + KEEP_SECONDS
        self._health = Health()
        self._commits = Commits(self._placed, self._health.note)
        config = consumer_config(alone(properties), errand.group, budget)
        told = {"error_cb": self._health.hear, "stats_cb": self._health.measure, "on_commit": self._on_commit}
        try:
            self._consumer = Consumer({**config, **told})
            admin = AdminClient({**alone(properties), "log_level": 0}) if errand.topic_id else None
        except (KafkaException, ValueError, TypeError) as error:
            raise refused_property(error) from error
        self._cursor = Cursor(self._consumer, eager=True)
        self._ids = TopicIds(admin, LOOK_SECONDS)
        self._assignments = Assignments(self._consumer, self._ids)

    @property
    def finished(self) -> bool:
        """Whether all of it is settled and committed."""
        landed = self._landed
        return all(one.start == one.end or landed.get(k, -1) >= one.end for k, one in self._stretches.items())

    @property
    def landed(self) -> dict[TopicPartition, int]:
        """What was committed since it began to read."""
        return self._landed.copy()

    # --- Reading ----------------------------------------------------------------------------------

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """See ports.Source. Raises Fatal where the topic was re-created, or a log's end was lost."""
        if not self._placed:
            self._begin()
        records = self._records(self._consumer.consume(limit, 0))
        self._look_after()
        if not records and timeout > 0:
            first = self._consumer.poll(timeout)
            if first is not None:
                records = self._records([first, *self._consumer.consume(limit - 1, 0)])
        self._health.check(self._consumer, busy=bool(records))
        return records

    def _begin(self) -> None:
        topics = sorted({topic for topic, _ in self._stretches})
        now = self._ids.of(topics)
        if any(now.get(topic, "") not in ("", self._topic_id) for topic in topics):
            raise self._recreated()
        self._placed.update(self._members.assigned([self._assigned(one) for one in self._stretches.values()]))
        self._cursor.add(list(self._stretches))
        for place, one in self._stretches.items():
            self._cursor.seek(place, one.start)
            if one.start == one.end:
                self._finish(place)
        self.resume(list(self._stretches))

    def _assigned(self, one: Stretch) -> Assigned:
        """Its own checkpoint, which needs no questions any more."""
        return Assigned(one.topic, one.partition, one.start, "", one.start, one.end, self._topic_id, True)

    def _records(self, messages: Sequence[Message]) -> list[Record]:
        records: list[Record] = []
        for message in messages:
            place = cast("TopicPartition", (message.topic(), message.partition()))
            if (error := message.error()) is not None:
                self._on_message_error(place, message, error)
            elif place not in self._done:
                end, offset = self._stretches[place].end, cast("int", message.offset())
                if offset < end:
                    records.append(record_of(message, place[0], self._placed[place].lease))
                    self._next[place] = offset + 1
                if offset >= end - 1:
                    self._finish(place)
        return records

    def _on_message_error(self, place: TopicPartition, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's public name
            if cast("int", message.offset()) >= self._stretches[place].end:
                self._finish(place)  # what is left below the end are transaction markers
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - as above
            if was_cut(error):
                raise self._cut(place)
            self._stray.add(place)
        else:
            self._health.hear(error)

    def _finish(self, place: TopicPartition) -> None:
        self._done.add(place)
        self._reached[place] = self._stretches[place].end
        self._cursor.pause([place])

    def _look_after(self) -> None:
        """Step over what expired, repeat commits, see that the topic is still the same."""
        if self._ids.changed():
            raise self._recreated()
        for place in sorted(self._stray):
            self._step_over(place)
        if self._commits.refused and time.monotonic() >= self._again:
            self._again = time.monotonic() + AGAIN_SECONDS
            self.commit({}, wait=False)
        if time.monotonic() >= self._keep:
            self.commit(self._told, wait=False)
            self._keep = time.monotonic() + KEEP_SECONDS

    def _step_over(self, place: TopicPartition) -> None:
        low, _ = watermarks(self._consumer, place)
        end, at = self._stretches[place].end, self._next[place]
        if low < at:
            raise self._cut(place)
        self._cursor.seek(place, min(low, end))
        self._stray.discard(place)
        self._keeper.gone(place, max(0, min(low, end) - at))
        self._next[place] = min(low, end)
        if low >= end:
            self._finish(place)

    def _recreated(self) -> Fatal:
        topics = ", ".join(sorted({topic for topic, _ in self._stretches}))
        return Fatal(f"kafka: {topics} was re-created since this replay began; begin a new one")

    def _cut(self, place: TopicPartition) -> Fatal:
        where = f"{place[0]}[{place[1]}]"
        return Fatal(f"kafka: {where} lost records that this replay has read; begin a new one")

    def fetched(self) -> int:
        """See ports.Source."""
        return self._health.fetched

    def reached(self) -> dict[TopicPartition, int]:
        """See ports.Source: the ends of the stretches that were read through."""
        reached, self._reached = self._reached, {}
        return reached

    def end(self, partition: TopicPartition) -> int:
        """See ports.Source: where the stretch ends."""
        return self._stretches[partition].end

    # --- Moving about -----------------------------------------------------------------------------

    def resolve(self, partition: TopicPartition, start: str) -> int:
        """See ports.Source."""
        return self._assignments.resolve(partition, start)

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source."""
        self._cursor.pause(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source: but those that were read through."""
        self._cursor.resume([place for place in partitions if place not in self._done])

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See ports.Source."""
        self._cursor.seek(partition, offset)

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        """See ports.Source."""
        self._told.update(offsets)
        if self._dry:
            self._landed = self._landed | dict(offsets)
            return True
        for place, offset in offsets.items():
            self._placed[place] = replace(self._placed[place], note=self._keeper.note(place, offset))
        done = self._commits.commit(self._consumer, offsets, self._cursor.epochs, wait=wait)
        if done and wait:
            self._landed = self._landed | dict(offsets)
        return done

    def _on_commit(self, error: KafkaError | None, tps: list[Tp]) -> None:
        self._commits.landed(error, tps)
        if error is None:
            self._landed = self._landed | {
                (tp.topic, tp.partition): tp.offset for tp in tps if tp.error is None
            }

    def close(self) -> None:
        """See ports.Source. There is no group to leave."""
        if self._commits.refused:
            self.commit({}, wait=True)
        self._consumer.close()
