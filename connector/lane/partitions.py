"""The partitions a lane holds: where each is read from, how far it is done, and which ask the operator.

A partition that asks (RULES 3) is paused until an answer is in the ledger: nothing is skipped by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from connector.core import start
from connector.core.model import Position
from connector.core.progress import Track
from connector.ports import Answer, Assigned, Clock, Ledger, Meter, Placed, Source, TopicPartition

Resolve = Callable[[TopicPartition, str], int]

QUESTIONS = ("recreated", "expired", "other_ledger", "clock")
ANSWER_AGE = 600.0
"""Seconds for which an answer given before the question still counts: if it names the topic, or a restart
lies between them. Else the flood's would answer whatever a partition asks later."""


class Asking(Struct):
    """A question to the operator. clock and since_ms: only for reason `clock`."""

    reason: str
    asked: float
    clock: str | None = None
    since_ms: int = 0


class Lag(Struct, frozen=True, gc=False):
    """How far a partition is behind, as of the last look.

    records: not settled, up to the end. seconds: age of the oldest one, at `watermark`, which was written at
    `oldest_ms` (ms since the epoch). That is None where nothing is received that is not settled: seconds is
    then for how long something has been seen to wait, be it paused, or without room.
    """

    records: int
    seconds: float
    watermark: int
    oldest_ms: int | None


class Partitions:
    """What the group gave to this lane."""

    def __init__(
        self, destination: str, ledger: Ledger, clock: Clock, meter: Meter, configured_start: str
    ) -> None:
        """configured_start: `kafka.start`, for a group without commits."""
        self._destination, self._ledger, self._clock, self._meter = destination, ledger, clock, meter
        self._start, self._lease, self._began = configured_start, 0, clock.now()
        self._answered: dict[TopicPartition | None, float] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._topic_ids: dict[TopicPartition, str] = {}
        self._read_ids: dict[TopicPartition, str] = {}
        self._unread: dict[TopicPartition, float] = {}
        self.tracks: dict[TopicPartition, Track] = {}
        self.asking: dict[TopicPartition, Asking] = {}
        self.lags: dict[TopicPartition, Lag] = {}
        meter.set("assigned_partitions", 0, destination=destination)  # also while the lane cannot start

    def topic_id(self, key: TopicPartition) -> str:
        """The id of the topic that a partition is of, "" where the broker does not tell: when a topic was
        re-created, of some the old one's records may still be here."""
        return self._topic_ids.get(key, "")

    def assign(self, given: Sequence[Assigned], resolve: Resolve) -> dict[TopicPartition, Placed]:
        """Decide where each begins (None: it asks), and follow it from there.

        Raises BrokerDown, LedgerDown: nothing is followed then.
        """
        at = int(self._clock.now() * 1000)
        begun = [(one, self._now(one), self._begin(one, resolve)) for one in given]
        return {
            (one.topic, one.partition): self._place(one, begin, start.carry(one, now, at).encode())
            for one, now, begin in begun
        }

    def _now(self, one: Assigned) -> start.Note:
        return start.Note(self._ledger.identity, one.topic_id)

    def _begin(self, one: Assigned, resolve: Resolve) -> start.Begin | start.Hold:
        begin = start.decide(one, self._now(one), start.seen(one, self._read_ids))
        if isinstance(begin, start.Resolve):
            return start.Begin(resolve((one.topic, one.partition), self._from(begin.at)), fresh=True)
        return begin

    def _from(self, began: int | None) -> str:
        if self._start == "latest" and began is not None:
            return datetime.fromtimestamp(began / 1000, UTC).isoformat()
        return self._start

    def _place(self, one: Assigned, begin: start.Begin | start.Hold, note: str) -> Placed:
        key = (one.topic, one.partition)
        self._topic_ids[key] = one.topic_id
        if isinstance(begin, start.Hold):
            first = one.committed or 0 if begin.reason == "other_ledger" else one.low  # what is left of it
            self._follow(key, first, one.high, committed=one.committed)
            self.ask(key, Asking(begin.reason, self._clock.now()))
            return Placed(None, self._lease, note)
        self._read_ids[key] = one.topic_id
        self._follow(key, begin.offset, one.high, committed=None if begin.fresh else begin.offset)
        return Placed(begin.offset, self._lease, note)

    def _follow(self, key: TopicPartition, offset: int, end: int, *, committed: int | None) -> None:
        self._lease += 1
        self._track(key, Track(offset, self._lease, end), committed)

    def _track(self, key: TopicPartition, track: Track, committed: int | None) -> None:
        self.tracks[key] = track
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

    def forget(self, gone: Iterable[TopicPartition]) -> None:
        """They are another member's now; their series go too."""
        for key in gone:
            self.tracks.pop(key, None)
            self.lags.pop(key, None)
            self._unread.pop(key, None)
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
        found = self._ledger.answers()
        freed = [
            key for key, question in list(self.asking.items()) if self._apply(key, question, found, source)
        ]
        self._show_asking()
        return freed

    def answered(self, asked: float) -> bool:
        """Whether the operator answered a question of the whole lane (the flood brake)."""
        after = max(self._answered.get(None, 0.0), asked)
        found = [a.at for a in self._ledger.answers() if a.at > after and a.topic == ""]
        self._answered[None] = max([after, *found])
        return bool(found)

    def _apply(self, key: TopicPartition, question: Asking, found: Sequence[Answer], source: Source) -> bool:
        after = max(self._answered.get(key, 0.0), question.asked - ANSWER_AGE)
        fit = (a for a in reversed(found) if a.at > after and _fits(a, key))
        answer = next((a for a in fit if a.topic or not self._began < a.at <= question.asked), None)
        if answer is None:
            return False
        if question.reason == "clock":
            self._ledger.accept_clock(question.clock or "", question.since_ms, answer.accept or "resumed")
        else:
            self._restart(key, question, answer, source)
        self._answered[key] = answer.at
        del self.asking[key]
        return True

    def _restart(self, key: TopicPartition, question: Asking, answer: Answer, source: Source) -> None:
        track = self.tracks[key]
        keeps = question.reason == "other_ledger" and answer.start is None
        offset = track.next if keeps else source.resolve(key, answer.start or "earliest")
        if question.reason == "recreated":
            name = f"{key[0]}@{self.topic_id(key)}"
            self._ledger.accept_clock(name, 0, answer.accept or "recreated")
        source.seek(key, offset)
        self._read_ids[key] = self.topic_id(key)
        self._track(key, Track(offset, track.lease, track.end), None)

    def _show_asking(self) -> None:
        reasons = {q.reason for q in self.asking.values()}
        for reason in QUESTIONS:
            self._meter.set("paused", float(reason in reasons), destination=self._destination, reason=reason)

    def upkeep(self) -> None:
        """What the ledger has to do now and then."""
        self._ledger.upkeep()

    # --- Lag --------------------------------------------------------------------------------------

    def show_lag(self, source: Source) -> None:
        """Export it from a timer: right while stuck, and only of partitions held here."""
        for key, offset in source.reached().items():
            if key in self.tracks and key not in self.asking:
                self.tracks[key].reach(offset)
        for key, track in self.tracks.items():
            lag = self.lag(key, source)
            labels = {"destination": self._destination, "topic": key[0], "partition": str(key[1])}
            self.lags[key] = lag
            self._meter.set("lag_records", lag.records, **labels)
            self._meter.set("lag_seconds", lag.seconds, **labels)
            track.end = max(track.end, source.end(key))

    def lag(self, key: TopicPartition, source: Source) -> Lag:
        """How far it is behind now."""
        track, now = self.tracks[key], self._clock.now()
        watermark, oldest = track.watermark, track.oldest_ms
        records = max(track.end, source.end(key), track.next) - watermark
        if records and (oldest is None or oldest < 0):
            since = self._unread.setdefault(key, now)
            return Lag(records, max(0.0, now - since), watermark, None)
        self._unread.pop(key, None)
        age = 0.0 if oldest is None else max(0.0, now - oldest / 1000)
        return Lag(records, age, watermark, oldest)


def _fits(answer: Answer, key: TopicPartition) -> bool:
    return answer.topic in ("", key[0]) and answer.partition in (-1, key[1])
