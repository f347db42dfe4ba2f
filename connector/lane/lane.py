"""The story of one destination: one consumer, one thread, one loop; commit is its last line.

    Kafka ─▶ read ─▶ take (decode, map, check) ─▶ plan ─▶ claim ─▶ courier ─▶ land ─▶ bury ─▶ settle ─▶ commit

Rules.
1. A position is freed only after the ledger, or the dead-letter topic, has durably taken what became of it.
2. A turn never waits for what it has just submitted, and never stops asking Kafka.
3. An outage pauses the step that met it; the other steps go on (promise 6).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import inf

from connector.core.assignment import Assigned, Placed
from connector.core.budget import Budget
from connector.core.model import Record, Skip
from connector.core.plan import Item
from connector.errors import Outage
from connector.lane.parts import Parts
from connector.lane.rest import Rest
from connector.lane.room import Room
from connector.lane.view import View, show
from connector.ports import Source, TopicPartition

COMMIT_SECONDS, SHOW_SECONDS = 1.0, 1.0


class Lane:
    """One destination's thread of work. `turn` is called again and again by the service."""

    def __init__(self, name: str, parts: Parts, *, budget: Budget, drain_seconds: float) -> None:
        """The source is given later (`attach`), since it calls the lane back.

        drained: what was in flight is finished, or in doubt as it will stay; only Kafka has still to hear.
        """
        self.name, self.parts = name, parts
        self._intake, self._plan, self._dispatch = parts.intake, parts.plan, parts.dispatch
        self._courier, self._partitions, self._books = parts.courier, parts.partitions, parts.books
        self._brake, self._outages = parts.brake, parts.outages
        self._clock, self._meter = parts.clock, parts.meter
        self._room, self.drain_seconds, self._end = Room(parts, budget), drain_seconds, inf
        self._rest = Rest(parts, self._room)
        self._source: Source
        self._untaken: deque[Record] = deque()
        self._paused: set[TopicPartition] = set()
        self._moved = self._draining = self.joined = self.drained = False
        self._flood = self._next_commit = self._next_show = 0.0
        self._view = View(name, parts)
        self.view = self._view.look(joined=False)
        self.beat = parts.clock.monotonic()

    def attach(self, source: Source) -> None:
        """Read from this source."""
        self._source = source

    def turn(self) -> None:
        """One iteration: take in what is there, finish what has landed, send what is due, commit."""
        self._moved = False
        self.beat = self._clock.monotonic()
        self._step(self._read, "broker")
        self._step(self._take, "registry", "ledger")
        self._land()
        self._step(self._bury, "dead_letters")
        self._step(self._claim_and_settle, "ledger")
        self._show()
        self._step(self._commit, "broker")
        if self._moved:
            self._rest.moved(untaken=bool(self._untaken))
        else:
            self._rest.idle(len(self._paused))

    # --- The steps --------------------------------------------------------------------------------

    def _read(self) -> None:
        self._balance()
        records = self._source.poll(self._room.wanted(), self._rest.nap)
        self._books.receive(records)
        self._untaken += records
        self._rest.nap = 0.0

    def _take(self) -> None:
        now, limit, untaken = self._clock.monotonic(), self._room.limit, self._untaken
        while untaken:
            record = untaken[0]
            if self._books.bytes > limit // 2 and not self._room.fits(record, limit):
                break
            topic_id = self._partitions.topic_id(record.position.place)
            taken = self._intake.take(record, topic_id, now)
            untaken.popleft()
            self._moved = self._moved or not self._room.sated
            if isinstance(taken, Item):
                self._brake.read(dead=False)
                self._books.plan(taken)
                self._plan.add(taken)
            elif isinstance(taken, Skip):
                self._brake.read(dead=False)
                self._books.close(record, "filtered")
            else:
                self._brake.read(dead=True)
                self._dispatch.refuse(record, topic_id, taken)

    def _land(self) -> None:
        if landed := self._courier.harvest():
            self._dispatch.land(landed)
            self._moved = True

    def _bury(self) -> None:
        if not self._brake.holds:
            self._moved = self._dispatch.bury() or self._moved

    def _claim_and_settle(self) -> None:
        courier = self._courier
        room, ahead = (0, 0) if self._brake.holds or self._draining else (courier.room, courier.ahead)
        alone = self._room.full and not courier.flying  # no company can come
        self._moved = self._dispatch.exchange(room, ahead, flush=alone) or self._moved

    def _commit(self, *, wait: bool = False) -> None:
        now = self._clock.monotonic()
        if now < self._next_commit and not wait:
            return
        self._next_commit = now + COMMIT_SECONDS
        offsets = self._partitions.to_commit()
        if offsets and self._source.commit(offsets, wait=wait):
            self._partitions.committed(offsets)

    # --- Outages, backpressure, rest --------------------------------------------------------------

    def _step(self, step: Callable[[], None], *reasons: str) -> None:
        if any(self._outages.blocks(reason) for reason in reasons):
            return
        try:
            step()
        except Outage as outage:
            self._outages.hit(outage.reason, str(outage), step.__name__)
        else:
            self._outages.passed(step.__name__)

    def _balance(self) -> None:
        """Pause and resume partitions by memory, by how far they ran ahead, and by what asks the operator."""
        wanted = self._room.shut(stop=bool(self._untaken) or self._brake.holds)
        if wanted != self._paused:
            self._source.pause(sorted(wanted - self._paused))
            self._source.resume(sorted(self._paused - wanted))
            self._paused = wanted

    def _show(self) -> None:
        now = self._clock.monotonic()
        if now < self._next_show:
            return
        self._next_show = now + SHOW_SECONDS
        self._books.show()
        self._room.show(self.name, self._source.fetched())
        self._partitions.show_lag(self._source)
        self.view = self._view.look(joined=self.joined)
        show(self.name, self.parts)
        self.parts.tend()
        self._meter.set("paused", float(self._brake.holds), destination=self.name, reason="flood")
        self._step(self._answers, "ledger")
        self._step(self._partitions.upkeep, "ledger")

    def _answers(self) -> None:
        if self._brake.holds:
            self._flood = self._flood or self._clock.now()
            if self._partitions.answered(self._flood):
                self._brake.release()
                self._flood = 0.0
                self._step(self._bury, "dead_letters")  # before what comes next can press it again
        self._partitions.answers(self._source)

    # --- The group moves partitions (called inside poll) ------------------------------------------

    def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
        """See ports.Members."""
        self.joined = True
        self._meter.add("rebalances_total", kind="assigned")
        placed = self._partitions.assign(partitions, self._source.resolve)
        self._paused |= {key for key, one in placed.items() if one.offset is None}
        self._next_commit = self._next_show = 0.0  # what an operator sees says so at once
        return placed

    def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """See ports.Members."""
        self._meter.add("rebalances_total", kind="revoked")
        gone = set(partitions)
        self._dispatch.withdraw(gone)
        self._finish(lambda: self._dispatch.flies(gone), self.drain_seconds)
        offsets = {k: o for k, o in self._partitions.to_commit().items() if k in gone}
        self._forget(gone)
        return offsets

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Members."""
        self._meter.add("rebalances_total", kind="lost")
        self._forget(set(partitions))

    def _forget(self, gone: set[TopicPartition]) -> None:
        for record in [r for r in self._untaken if r.position.place in gone]:
            self._untaken.remove(record)
            self._books.drop(record)
        self._dispatch.forget(gone)
        self._partitions.forget(gone)
        self._paused -= gone

    # --- The end ----------------------------------------------------------------------------------

    def hurry(self) -> None:
        """The process ends (a word of another thread): all that drains from now on shares one budget."""
        self._end = min(self._end, self._clock.monotonic() + self.drain_seconds)

    def drain(self) -> None:
        """Finish what is in flight within the budget, commit, leave the group."""
        self.hurry()
        self._source.pause(sorted(self._partitions.tracks))
        self._courier.stop_retrying()
        self._finish(lambda: self._courier.flying > 0)
        self._dispatch.release(self._courier.abandon())
        self._finish(lambda: self._dispatch.pending > 0)
        self.drained = True
        self._step(lambda: self._commit(wait=True), "broker")
        self._books.show()
        self._forget(set(self._partitions.tracks))
        self._source.close()

    def _finish(self, unfinished: Callable[[], bool], seconds: float = inf) -> None:
        """Land, bury and settle, at least once; for so long at most, while it is unfinished."""
        self._draining, end = True, self._clock.monotonic() + seconds
        while True:
            self._land()
            self._step(self._bury, "dead_letters")
            self._step(self._claim_and_settle, "ledger")
            if not unfinished() or self._clock.monotonic() >= min(end, self._end):
                break
            self._courier.wait(0.05)
        self._draining = False
