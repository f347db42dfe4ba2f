"""A broker in memory and the Source port on it: partitions, groups, commits, and what befalls them.

One thread. Nothing blocks: where a real source would wait, `idle` is called (a fake clock's `advance`).
"""

import itertools
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.core.model import Position, Record
from connector.errors import BrokerDown
from connector.ports import Assigned, Members, Placed, TopicPartition

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass
class Entry:
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass
class Log:
    """One partition. Offsets without an entry are gaps: compacted records, transaction markers."""

    low: int = 0
    end: int = 0
    entries: list[Entry] = field(default_factory=list)

    def after(self, offset: int, limit: int) -> list[Entry]:
        first = bisect_left(self.entries, offset, key=lambda entry: entry.offset)
        return self.entries[first : first + limit]


@dataclass
class Topic:
    id: str
    logs: list[Log]


@dataclass(eq=False)
class Group:
    """One consumer group. Members share partitions evenly unless `plan` says whose each is.

    eager: as the classic protocol, in which a member gives up all it has when the group changes, and nobody
    is given anything before every member has done so. Else cooperative: only what moves is given up.
    """

    commits: dict[TopicPartition, tuple[int, str]] = field(default_factory=dict)
    members: list["FakeSource"] = field(default_factory=list)
    owners: dict[TopicPartition, "FakeSource"] = field(default_factory=dict)
    plan: dict[TopicPartition, "FakeSource"] | None = None
    refuse: int = 0
    """How many of the next commits are refused."""
    eager: bool = False
    generation: int = 0
    _shape: object = None

    def settle(self, keys: Sequence[TopicPartition]) -> int:
        """The generation: another one whenever members, partitions or plan have changed."""
        shape = (tuple(map(id, self.members)), tuple(keys), tuple((self.plan or {}).items()))
        if shape != self._shape:
            self._shape, self.generation = shape, self.generation + 1
        return self.generation

    def lose(self, source: "FakeSource") -> None:
        """The member's session is over: its partitions are free, and it hears so at its next poll."""
        self.members.remove(source)
        for key in [key for key, owner in self.owners.items() if owner is source]:
            del self.owners[key]

    def share(self, source: "FakeSource", keys: Sequence[TopicPartition]) -> set[TopicPartition]:
        if self.plan is not None:
            return {key for key, owner in self.plan.items() if owner is source}
        place, count = self.members.index(source), len(self.members)
        return {key for number, key in enumerate(keys) if number % count == place}


class FakeBroker:
    """`down = True` makes every call that needs a broker raise BrokerDown."""

    def __init__(self) -> None:
        self.down = False
        self.topics: dict[str, Topic] = {}
        self._groups: dict[str, Group] = {}
        self._ids = itertools.count(1)

    def group(self, name: str) -> Group:
        return self._groups.setdefault(name, Group())

    def create(self, topic: str, partitions: int = 1) -> None:
        """Make a topic; one of that name goes first, its commits too, and the new one has another id."""
        for group in self._groups.values():
            group.commits = {key: commit for key, commit in group.commits.items() if key[0] != topic}
        self.topics[topic] = Topic(f"id-{next(self._ids)}", [Log() for _ in range(partitions)])

    def add_partition(self, topic: str) -> None:
        self.topics[topic].logs.append(Log())

    def produce(
        self,
        topic: str,
        value: bytes | None,
        *,
        partition: int = 0,
        key: bytes | None = None,
        timestamp_ms: int = 1_700_000_000_000,
        headers: Headers = (),
    ) -> int:
        """Append a record; returns its offset."""
        log = self.log((topic, partition))
        log.entries.append(Entry(log.end, timestamp_ms, key, value, headers))
        log.end += 1
        return log.end - 1

    def skip(self, topic: str, count: int = 1, *, partition: int = 0) -> None:
        """Offsets that no reader gets: transaction markers, aborted records."""
        self.log((topic, partition)).end += count

    def compact(self, topic: str, offset: int, *, partition: int = 0) -> None:
        """Take one record out of the middle."""
        log = self.log((topic, partition))
        log.entries = [entry for entry in log.entries if entry.offset != offset]

    def expire(self, topic: str, before: int, *, partition: int = 0) -> None:
        """Delete all records below an offset."""
        log = self.log((topic, partition))
        log.low = before
        log.entries = [entry for entry in log.entries if entry.offset >= before]

    def log(self, key: TopicPartition) -> Log:
        return self.topics[key[0]].logs[key[1]]

    def keys(self, topics: Sequence[str]) -> list[TopicPartition]:
        return [
            (topic, partition)
            for topic in topics
            if topic in self.topics
            for partition in range(len(self.topics[topic].logs))
        ]

    def answer(self) -> None:
        if self.down:
            raise BrokerDown("kafka: the fake broker is down")


class FakeSource:
    """The Source port, one member of a group."""

    def __init__(
        self,
        broker: FakeBroker,
        group: str,
        topics: Sequence[str],
        members: Members,
        idle: Callable[[float], object] = lambda _: None,
    ) -> None:
        self._broker, self._group, self._topics = broker, broker.group(group), sorted(topics)
        self._members, self._idle = members, idle
        self._given: set[TopicPartition] = set()
        self._placed: dict[TopicPartition, Placed] = {}
        self._ids: dict[TopicPartition, str] = {}
        self._next: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._ends: dict[TopicPartition, int] = {}
        self._told: dict[TopicPartition, int] = {}
        self._refused: dict[TopicPartition, int] = {}
        self._closed = False
        self._generation = 0
        self._group.members.append(self)

    # --- Reading

    def poll(self, limit: int, timeout: float) -> list[Record]:
        if self._closed:
            raise RuntimeError("this source is closed")
        self._broker.answer()
        self._rebalance()
        self._hand_back()
        self._repeat_commits()
        if self._given:
            self._place()
        records = self._fetch(limit)
        if not records and timeout > 0:
            self._idle(timeout)
        return records

    def _fetch(self, limit: int) -> list[Record]:
        records: list[Record] = []
        for key in sorted(self._next):
            if key not in self._paused:
                records += self._read(key, limit - len(records))
        return records

    def _read(self, key: TopicPartition, limit: int) -> list[Record]:
        log, lease = self._broker.log(key), self._placed[key].lease
        entries = log.after(self._next[key], limit)
        if entries:
            self._next[key] = entries[-1].offset + 1
        if not log.after(self._next[key], 1) and limit > 0:
            self._next[key] = log.end
            if self._told.get(key) != log.end:
                self._told[key] = self._ends[key] = log.end
        return [
            Record(
                Position(*key, entry.offset, lease), entry.timestamp_ms, entry.key, entry.value, entry.headers
            )
            for entry in entries
        ]

    def fetched(self) -> int:
        return 0

    def reached(self) -> dict[TopicPartition, int]:
        ends, self._ends = self._ends, {}
        return ends

    def end(self, partition: TopicPartition) -> int:
        return self._broker.log(partition).end if partition in self._placed else -1

    def resolve(self, partition: TopicPartition, start: str) -> int:
        self._broker.answer()
        log = self._broker.log(partition)
        if start in ("earliest", "latest"):
            return log.low if start == "earliest" else log.end
        if start.isdigit():
            return min(max(int(start), log.low), log.end)
        at = datetime.fromisoformat(start).timestamp() * 1000
        return next((entry.offset for entry in log.entries if entry.timestamp_ms >= at), log.end)

    # --- Moving about

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused.difference_update(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._ends.pop(partition, None)
        self._told.pop(partition, None)
        self._next[partition] = offset

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        if self._broker.down:
            return False
        wanted = self._refused | dict(offsets)
        if self._group.refuse > 0 and wanted:
            self._group.refuse -= 1
            if not wait:
                self._refused = wanted
            return not wait
        mine = {k: offset for k, offset in wanted.items() if self._group.owners.get(k) is self}
        self._group.commits.update(
            {k: (o, self._placed[k].note) for k, o in mine.items() if k in self._placed}
        )
        self._refused = {}
        return len(mine) == len(wanted)

    def _repeat_commits(self) -> None:
        if self._refused:
            self.commit({}, wait=False)

    def close(self) -> None:
        if not self._closed and self in self._group.members:
            self._group.lose(self)
        self._closed = True

    # --- Assignment

    def _rebalance(self) -> None:
        if self not in self._group.members:
            self._members.lost(sorted(self._placed))
            self._forget({*self._placed, *self._given})
            self._group.members.append(self)
        share, owners = self._share(), self._group.owners
        if gone := {*self._placed, *self._given} - share:
            self._give_up(gone)
            share = self._share() if self in self._group.members else set()
        new = {key for key in share if key not in owners}
        owners.update(dict.fromkeys(new, self))
        self._given |= new

    def _share(self) -> set[TopicPartition]:
        """What it may have now. A member that an eager group waits for may have nothing."""
        keys = self._broker.keys(self._topics)
        if self._group.eager:
            generation = self._group.settle(keys)
            if self._generation != generation and not self._placed and not self._given:
                self._generation = generation
            if any(member._generation != generation for member in self._group.members):  # noqa: SLF001
                return set()
        return self._group.share(self, keys)

    def _give_up(self, gone: set[TopicPartition]) -> None:
        self._drain(sorted(gone & self._placed.keys()))
        self._forget(gone)
        for key in gone:
            if self._group.owners.get(key) is self:
                del self._group.owners[key]

    def _hand_back(self) -> None:
        keys = sorted(key for key in self._placed if self._is_stray(key))
        if keys:
            self._drain(keys)
            self._forget(keys)
            self._given.update(keys)

    def _is_stray(self, key: TopicPartition) -> bool:
        """Whether what it would read next is not there any more."""
        log = self._broker.log(key)
        moved = self._ids[key] != self._broker.topics[key[0]].id
        return moved or (key in self._next and not log.low <= self._next[key] <= log.end)

    def _drain(self, keys: Sequence[TopicPartition]) -> None:
        if keys and (offsets := self._members.revoked(keys)):
            self.commit(offsets, wait=True)

    def _forget(self, keys: Sequence[TopicPartition] | set[TopicPartition]) -> None:
        for key in list(keys):
            for mine in (self._placed, self._ids, self._next, self._ends, self._told, self._refused):
                mine.pop(key, None)
            self._paused.discard(key)
            self._given.discard(key)

    def _place(self) -> None:
        placed = self._members.assigned([self._look_up(key) for key in sorted(self._given)])
        self._given.clear()
        for key, one in placed.items():
            self._placed[key], self._ids[key] = one, self._broker.topics[key[0]].id
            if one.offset is not None:
                self.seek(key, one.offset)

    def _look_up(self, key: TopicPartition) -> Assigned:
        topic, log, commits = self._broker.topics[key[0]], self._broker.log(key), self._group.commits
        offset, note = commits.get(key, (None, ""))
        others = [note for (name, _), (_, note) in commits.items() if name == key[0]]
        return Assigned(
            topic=key[0],
            partition=key[1],
            committed=offset,
            note=note,
            low=log.low,
            high=log.end,
            topic_id=topic.id,
            topic_has_commits=bool(others),
            partitions=len(topic.logs),
            sibling_note=max(others, default=""),
        )
