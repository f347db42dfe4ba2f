"""The partitions a lane holds: where each is read from, how far it is done, and which ask the operator.

A partition that asks (RULES 3) is paused until an answer is in the ledger: nothing is skipped by itself.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from connector.core import start
from connector.core.model import Position
from connector.core.progress import Track
from connector.ports import Answer, Assigned, Clock, Ledger, Meter, Placed, Source, TopicPartition

Resolve = Callable[[TopicPartition, str], int]

QUESTIONS = ("recreated", "expired", "other_ledger", "clock")
ANSWER_AGE = 600.0
"""Seconds for which an answer given before the question still counts (a restart lies between them)."""


class Asking(Struct):
    """A question to the operator. clock and since_ms: only for reason `clock`."""

    reason: str
    asked: float
    clock: str | None = None
    since_ms: int = 0


class Partitions:
    """What the group gave to this lane."""

    def __init__(
        self, destination: str, ledger: Ledger, clock: Clock, meter: Meter, configured_start: str
    ) -> None:
        """configured_start: `kafka.start`, for a group without commits."""
        self._destination, self._ledger, self._clock, self._meter = destination, ledger, clock, meter
        self._start = configured_start
        self._lease = 0
        self._answered = 0.0
        self._committed: dict[TopicPartition, int] = {}
        self._topic_ids: dict[str, str] = {}
        self.tracks: dict[TopicPartition, Track] = {}
        self.asking: dict[TopicPartition, Asking] = {}

    def topic_id(self, topic: str) -> str:
        """The broker's id of a topic, "" where it does not tell."""
        return self._topic_ids.get(topic, "")

    def assign(self, given: Sequence[Assigned], resolve: Resolve) -> dict[TopicPartition, Placed]:
        """Decide where each begins (None: it asks), and follow it from there."""
        placed = {}
        for one in given:
            key = (one.topic, one.partition)
            self._topic_ids[one.topic] = one.topic_id
            note = start.Note(self._ledger.identity, one.topic_id)
            offset = self._begin(key, one, note, resolve)
            placed[key] = Placed(offset, self.tracks[key].lease, note.encode())
        return placed

    def _begin(self, key: TopicPartition, one: Assigned, note: start.Note, resolve: Resolve) -> int | None:
        begin = start.decide(
            committed=one.committed,
            note=one.note,
            low=one.low,
            high=one.high,
            now=note,
            has_siblings=one.topic_has_commits,
        )
        if isinstance(begin, start.Hold):
            self.ask(key, Asking(begin.reason, self._clock.now()))
            self._follow(key, one.committed or 0, committed=one.committed)
            return None
        fresh = isinstance(begin, start.Resolve) or begin.fresh
        offset = resolve(key, self._start) if isinstance(begin, start.Resolve) else begin.offset
        self._follow(key, offset, committed=None if fresh else offset)
        return offset

    def _follow(self, key: TopicPartition, offset: int, *, committed: int | None) -> None:
        self._lease += 1
        self._track(key, offset, self._lease, committed)

    def _track(self, key: TopicPartition, offset: int, lease: int, committed: int | None) -> None:
        self.tracks[key] = Track(offset, lease)
        self._committed.pop(key, None)
        if committed is not None:
            self._committed[key] = committed

    def settle(self, position: Position) -> None:
        """Free a position; one of an earlier assignment frees nothing."""
        track = self.tracks.get((position.topic, position.partition))
        if track is not None and track.lease == position.lease:
            track.settle(position.offset)

    def holds(self, position: Position) -> bool:
        """Whether the position's assignment is still ours."""
        track = self.tracks.get((position.topic, position.partition))
        return track is not None and track.lease == position.lease

    def forget(self, gone: Sequence[TopicPartition]) -> None:
        """They are another member's now; their series go too."""
        for key in gone:
            self.tracks.pop(key, None)
            self._committed.pop(key, None)
            if self.asking.pop(key, None):
                self._show_asking()
            for name in ("lag_records", "lag_seconds", "committed_offset"):
                self._meter.drop(name, destination=self._destination, topic=key[0], partition=str(key[1]))

    # --- Commit -----------------------------------------------------------------------------------

    def to_commit(self) -> dict[TopicPartition, int]:
        """Watermarks that moved since the last commit. A partition that asks commits nothing."""
        moved = {k: t.watermark for k, t in self.tracks.items() if k not in self.asking}
        return {k: offset for k, offset in moved.items() if self._committed.get(k) != offset}

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The group has them."""
        for key, offset in offsets.items():
            if key in self.tracks:
                self._committed[key] = offset
                self._meter.set(
                    "committed_offset",
                    offset,
                    destination=self._destination,
                    topic=key[0],
                    partition=str(key[1]),
                )

    # --- Ask --------------------------------------------------------------------------------------

    def ask(self, key: TopicPartition, question: Asking) -> None:
        """Pause the partition until the operator answers."""
        self.asking.setdefault(key, question)
        self._show_asking()

    def answers(self, source: Source) -> list[TopicPartition]:
        """Apply what the operator answered; returns the partitions that go on."""
        if not self.asking:
            return []
        found = [a for a in self._ledger.answers() if a.at > self._answered]
        freed = [
            k for k, q in list(self.asking.items()) for a in found[-1:] if self._apply(k, q, found, source)
        ]
        self._show_asking()
        return freed

    def answered(self, asked: float) -> bool:
        """Whether the operator answered a question of the whole lane (the flood brake)."""
        found = [a.at for a in self._ledger.answers() if a.at > max(self._answered, asked) and a.topic == ""]
        self._answered = max([self._answered, *found])
        return bool(found)

    def _apply(self, key: TopicPartition, question: Asking, found: list[Answer], source: Source) -> bool:
        answer = next(
            (a for a in reversed(found) if _fits(a, key) and a.at >= question.asked - ANSWER_AGE), None
        )
        if answer is None:
            return False
        self._answered = max(self._answered, answer.at)
        if question.reason == "clock":
            self._ledger.accept_clock(question.clock or "", question.since_ms, answer.accept or "resumed")
        else:
            self._restart(key, question, answer, source)
        del self.asking[key]
        return True

    def _restart(self, key: TopicPartition, question: Asking, answer: Answer, source: Source) -> None:
        track = self.tracks[key]
        keeps = question.reason == "other_ledger" and answer.start is None
        offset = track.next if keeps else source.resolve(key, answer.start or "earliest")
        if question.reason == "recreated":
            name = f"{key[0]}@{self.topic_id(key[0])}"
            self._ledger.accept_clock(name, 0, answer.accept or "recreated")
        source.seek(key, offset)
        self._track(key, offset, track.lease, None)

    def _show_asking(self) -> None:
        reasons = {q.reason for q in self.asking.values()}
        for reason in QUESTIONS:
            self._meter.set("paused", float(reason in reasons), destination=self._destination, reason=reason)

    # --- Lag --------------------------------------------------------------------------------------

    def show_lag(self, source: Source) -> None:
        """Export lag from a timer: right while stuck, and only of partitions held here."""
        for key, offset in source.reached().items():
            if key in self.tracks and key not in self.asking:
                self.tracks[key].reach(offset)
        for key, track in self.tracks.items():
            records, seconds = self.lag(key, source)
            labels = {"destination": self._destination, "topic": key[0], "partition": str(key[1])}
            self._meter.set("lag_records", records, **labels)
            self._meter.set("lag_seconds", seconds, **labels)
            track.end = max(track.end, source.end(key))

    def lag(self, key: TopicPartition, source: Source) -> tuple[int, float]:
        """Records not settled up to the end, and the age in seconds of the oldest received one."""
        track = self.tracks[key]
        end = max(track.end, source.end(key), track.next)
        oldest = track.oldest_ms
        age = max(0.0, self._clock.now() - oldest / 1000) if oldest is not None and oldest >= 0 else 0.0
        return end - track.watermark, age


def _fits(answer: Answer, key: TopicPartition) -> bool:
    return answer.topic in ("", key[0]) and answer.partition in (-1, key[1])
