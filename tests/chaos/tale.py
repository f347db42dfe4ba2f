"""Histories told rather than lived: replicas that keep every promise on a bad day, or break one on purpose.

A pure generator for the checker's own tests. Nothing of the connector is in it: what a correct connector may
do is written down here once more, step by step, so that the two readings can be compared.
"""

import random
from typing import Literal, get_args

from msgspec import Struct

from tests.chaos.check.reading import Accepted, Written
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory, Line

LEASE = 5.0
PARTITIONS = 3
Bug = Literal["lost", "duplicate", "reorder", "overwritten", "ghost", "commit"]
Key = tuple[str, int]
Fate = Literal["ok", "lost", "vanished", "503", "dies", "dies answered", "stops", "stops early"]
FATES: tuple[Fate, ...] = (*get_args(Fate), "ok", "ok", "ok", "ok", "ok", "ok")


class Held(Struct):
    """An open claim of the ledger."""

    by: str
    rev: int


class Tale:
    """One trial. bug: what is broken once, where there is an opportunity (`broken`)."""

    def __init__(self, seed: int, bug: Bug | None = None, rounds: int = 40) -> None:
        self.random, self.clock = random.Random(seed), FakeClock()
        self.bug, self.broken = bug, False
        self.lines: list[Line] = []
        self.source: list[Written] = []
        self.accepted: list[Accepted] = []
        self.logs: dict[Key, list[Written]] = {("orders", n): [] for n in range(PARTITIONS)}
        self.committed: dict[Key, int] = {}
        self.heads: dict[str, int] = {}
        self.claims: dict[str, Held] = {}
        self.leases: dict[str, float] = {}
        self.doubts: dict[str, set[int]] = {}
        self._rev = self._starts = 0
        self.workers = [self._start(), self._start()]
        self._share()
        for _ in range(rounds):
            self._round()
        self._end()

    # --- The source -------------------------------------------------------------------------------

    def write(self, key: str | None = None) -> None:
        """One more record: mostly the next version of an entity."""
        dice = self.random.random()
        partition = self.random.randrange(PARTITIONS) if key is None else int(key[1]) % PARTITIONS
        log = self.logs["orders", partition]
        known = [one for one in log if one.key is not None]
        at = ("orders", partition, len(log))
        if key is None and dice < 0.1:
            record = Written(*at)
        elif key is None and dice < 0.2 and known:
            old = self.random.choice(known)
            record = Written(*at, old.entity, old.key, old.rev)
        else:
            self._rev += 1
            name = key or f"o{partition + PARTITIONS * self.random.randrange(2)}"
            record = Written(*at, "order", name, self._rev)
        log.append(record)
        self.source.append(record)

    def tick(self) -> float:
        """Time passes with everything."""
        self.clock.advance(self.random.choice((0.0, 0.0005, 0.02)))
        return self.clock.now()

    # --- Who works --------------------------------------------------------------------------------

    def _round(self) -> None:
        for _ in range(self.random.randrange(4)):
            self.write()
        worker = self.random.choice(self.workers)
        dice = self.random.random()
        if worker.stopped:
            if dice < 0.3:
                worker.wake()
        elif dice < 0.1:
            worker.kill()
        elif dice < 0.2:
            self._share()
        else:
            worker.work()
        self._revive()

    def _end(self) -> None:
        for worker in self.workers:
            if worker.stopped:
                worker.wake()
        while any(self.committed.get(key, 0) < len(log) for key, log in self.logs.items()):
            self._revive()
            worker = self.random.choice(
                [worker for worker in self.workers if not worker.stopped] or self.workers
            )
            if worker.stopped:
                worker.wake()
            else:
                worker.work(calm=True)

    def _revive(self) -> None:
        dead = [worker for worker in self.workers if not worker.alive]
        if dead:
            self.workers = [worker if worker.alive else self._start() for worker in self.workers]
            self._share()

    def _start(self) -> "Worker":
        self._starts += 1
        return Worker(self, f"p{self._starts}")

    def _share(self) -> None:
        """The group gives each partition to somebody who answers; what a stopped one held is lost to it."""
        awake = [worker for worker in self.workers if worker.alive and not worker.stopped]
        if not awake:
            return
        plan = {key: self.random.choice(awake) for key in self.logs}
        for worker in awake:
            worker.give_up([key for key in worker.next if plan[key] is not worker])
        for worker in awake:
            worker.take([key for key in plan if plan[key] is worker and key not in worker.next])


class Worker:
    """One start of a replica. next: where it reads on, of each partition that it holds."""

    def __init__(self, tale: Tale, by: str) -> None:
        self.tale, self.by, self.alive = tale, by, True
        self.next: dict[Key, int] = {}
        self.stopped: tuple[Written, int | None] | None = None
        self._history = FakeHistory(tale.clock, by, tale.lines)
        self._history.note("started")
        self._leases: dict[Key, int] = {}
        self._assignments = self._requests = 0

    def note(self, what: str, **fields: object) -> None:
        self.tale.tick()
        self._history.note(what, destination="yespo", **fields)

    # --- The group --------------------------------------------------------------------------------

    def take(self, keys: list[Key]) -> None:
        told, skips = [], False
        for key in keys:
            self._assignments += 1
            start = self.tale.committed.get(key, 0)
            if self._breaks("commit", 3) and start < len(self.tale.logs[key]) and key in self.tale.committed:
                start += 1
                self.tale.broken = skips = True
            self.next[key], self._leases[key] = start, self._assignments
            told.append(place(key) | {"lease": self._assignments, "start": start, "committed": start})
        if told:
            self.note("assigned", partitions=told)
        if skips:
            self.tale.clock.advance(1.0)  # who commits what it skips does so later, by any clock

    def give_up(self, keys: list[Key]) -> None:
        if keys:
            self.note("revoked", partitions=[place(key) for key in keys])
            self._commit(keys, revoked=True)
            for key in keys:
                del self.next[key]

    def kill(self) -> None:
        self.alive = False

    # --- Records ----------------------------------------------------------------------------------

    def work(self, *, calm: bool = False) -> None:
        """Read some records of one partition, do them, commit."""
        waiting = [key for key, at in self.next.items() if at < len(self.tale.logs[key])]
        if waiting:
            key = self.tale.random.choice(waiting)
            first = self.next[key]
            records = self.tale.logs[key][first : first + self.tale.random.randrange(1, 5)]
            ordered = self._ordered(self._receive(key, records))
            calm = calm or ordered is not records  # what is broken is broken to the end
            for record in ordered:
                self._do(record, calm=calm)
                if not self.alive or self.stopped:
                    return
                self.next[key] = max(self.next[key], record.offset + 1)
        if self.tale.random.random() < 0.7 or calm:
            self._commit(list(self.next))

    def _ordered(self, records: list[Written]) -> list[Written]:
        """As they came; broken: a newer version of an entity before the one that it follows."""
        if not self._breaks("reorder"):
            return records
        for place_of, one in enumerate(records):
            head = self.tale.heads.get(str(one.key), 0)
            for other in records[place_of + 1 :]:
                if one.key and one.key == other.key and head < rev(one) < rev(other) and self._free(one):
                    self.tale.broken = True
                    self.tale.write(one.key)
                    return [other, one, *(r for r in records if r not in (one, other))]
        return records

    def _receive(self, key: Key, records: list[Written]) -> list[Written]:
        if self._breaks("commit", 2) and len(records) > 1 and records[0].key is None:
            self.tale.broken = True
            records = records[1:]
        offsets = [record.offset for record in records]
        self.note("received", records=[place(key) | {"lease": self._leases[key], "offsets": offsets}])
        if self._breaks("commit", 1) and len(records) > 1:
            self.tale.broken = True
            self.tale.committed[key] = offsets[0]
            self._note_commit({key: offsets[0] + 1})
        return records

    def _commit(self, keys: list[Key], *, revoked: bool = False) -> None:
        offsets = {key: self.next[key] for key in keys if self.tale.committed.get(key) != self.next[key]}
        if offsets:
            self.tale.committed.update(offsets)
            self._note_commit(offsets, revoked=revoked)

    def _note_commit(self, offsets: dict[Key, int], *, revoked: bool = False) -> None:
        told = [place(key) | {"offset": offset} for key, offset in offsets.items()]
        self.note("committing", offsets=told, wait=revoked, revoked=revoked)
        if not revoked:
            self.note("committed", offsets=told, landed=True)

    def _do(self, record: Written, *, calm: bool) -> None:
        if record.key is None:
            if record.offset % 2:
                self.note("dead_lettered", letters=[self._at(record) | {"cause": "bad_framing"}])
            self._close(record, "dead_lettered" if record.offset % 2 else "filtered")
            return
        verdict = self._claim(record)
        if verdict != "granted":
            self._close(record, verdict)
        else:
            self._send(record, calm=calm)

    # --- The ledger -------------------------------------------------------------------------------

    def _claim(self, record: Written) -> str:
        tale, key, wanted = self.tale, str(record.key), rev(record)
        claim = tale.claims.get(key)
        if claim is not None and claim.by != self.by:
            tale.clock.advance(max(0.0, tale.leases[claim.by] - tale.clock.now()))
        since, head = tale.tick(), tale.heads.get(key, 0)
        verdict = "granted" if wanted > head or (tale.broken and self._again(record)) else "superseded"
        if wanted == head and verdict != "granted":
            verdict = "duplicate"
        doubtful = False
        if verdict == "granted":
            doubts = tale.doubts.setdefault(key, set())
            if claim is not None:
                doubts.add(claim.rev)
            doubtful = wanted in doubts
            tale.claims[key] = Held(self.by, wanted)
        event = self._event(record) | {"verdict": verdict} | ({"doubtful": True} if doubtful else {})
        self._marked = doubtful
        self.note("claimed", since=since, lease_left=LEASE, events=[event])
        tale.leases[self.by] = tale.clock.now() + LEASE
        return verdict

    def _again(self, record: Written) -> bool:
        """The broken order: the older one is granted too."""
        return self.tale.bug == "reorder" and not self._came(record) and self._free(record)

    def _settle(self, record: Written) -> None:
        tale, key = self.tale, str(record.key)
        claim = tale.claims.get(key)
        mine = claim is not None and (claim.by, claim.rev) == (self.by, rev(record))
        if mine:
            del tale.claims[key]
            tale.heads[key] = max(rev(record), tale.heads.get(key, 0))
            tale.doubts.get(key, set()).discard(rev(record))
        event = self._event(record) | {"outcome": "accepted", "attempt": 1}
        self.note("settled", stale=int(not mine), events=[event])
        self._close(record, "delivered")

    # --- The CRM ----------------------------------------------------------------------------------

    def _send(self, record: Written, *, calm: bool) -> None:
        marked, attempt = self._marked, 1
        while True:
            fate: Fate = "ok" if calm or attempt > 3 else self.tale.random.choice(FATES)
            if fate != "stops early":
                self._note_sent(record, marked=marked, attempt=attempt)
            if fate.startswith("stops"):
                self._marked = marked
                self.stopped = (record, None if fate == "stops early" else self._requests)
                return
            if self._apply(record, fate) or not self.alive:
                return
            marked = marked or fate in ("lost", "vanished")
            attempt += 1

    def _apply(self, record: Written, fate: Fate) -> bool:
        """Whether it is over."""
        coming = any(w.stopped and w.stopped[0].rev == record.rev for w in self.tale.workers)
        if fate == "ok" and not self._came(record) and not coming and self._breaks("lost"):
            self.tale.broken = True
        elif fate in ("ok", "lost", "dies answered") or (fate == "dies" and self.tale.random.random() < 0.5):
            self._take(record)
        match fate:
            case "dies":
                self.kill()
            case "503":
                self._answer(record, "retry", status=503)
            case "lost" | "vanished":
                self._answer(record, "in_doubt", reason="connection lost")
            case _:
                self._answer(record, "accepted", status=200)
                if fate == "dies answered":
                    self.kill()
                else:
                    self._settle(record)
                    self._break_after(record)
                return True
        return False

    def wake(self) -> None:
        """A stopped process goes on: its request arrives late, and its claim may be another's."""
        if self.stopped is None:
            return
        record, request = self.stopped
        self.stopped = None
        if request is None:
            self._note_sent(record, marked=self._marked, attempt=1)
            request = self._requests
        self._take(record)
        self._answer(record, "accepted", request=request, status=200)
        self._settle(record)
        gone, self.next = list(self.next), {}
        self.note("lost", partitions=[place(key) for key in gone])
        self.tale._share()  # noqa: SLF001 - the two are one generator

    def _take(self, record: Written) -> None:
        at = self.tale.tick()
        self.tale.accepted.append(Accepted(at, "order", str(record.key), str(record.rev), "event"))

    # --- What is broken ---------------------------------------------------------------------------

    def _breaks(self, bug: Bug, variant: int = 0) -> bool:
        """Whether now is the time to break it."""
        tale = self.tale
        if tale.bug != bug or tale.broken:
            return False
        return (not variant or tale.random.randrange(3) == variant - 1) and tale.random.random() < 0.3

    def _break_after(self, record: Written) -> None:
        """A version was accepted and settled just now."""
        tale, key = self.tale, str(record.key)
        if self._breaks("ghost"):
            tale.broken = True
            rev_of = "999999" if self._sent(record) > self._came(record) else str(record.rev)
            tale.accepted.append(Accepted(tale.tick(), "order", key, rev_of, "event"))
        elif self._breaks("duplicate"):
            tale.broken = True
            self._repeat(record)
        elif self._breaks("overwritten"):
            older = [one for one in tale.source if one.key == key and rev(one) < rev(record)]
            came = [one for one in older if self._came(one)]
            if came:
                tale.broken = True
                self._repeat(came[-1])

    def _repeat(self, record: Written) -> None:
        self._note_sent(record, marked=False, attempt=2)
        self._take(record)
        self._answer(record, "accepted", status=200)

    def _came(self, record: Written) -> int:
        return sum((one.key, one.rev) == (record.key, str(record.rev)) for one in self.tale.accepted)

    def _sent(self, record: Written) -> int:
        name = f"lsn:{record.rev}"
        return sum(
            e["version"] == name for line in self.tale.lines if line["what"] == "sent" for e in line["events"]
        )

    def _free(self, record: Written) -> bool:
        """Nobody has a claim on it, and nobody is in doubt."""
        tale, key = self.tale, str(record.key)
        return key not in tale.claims and not tale.doubts.get(key)

    # --- Lines ------------------------------------------------------------------------------------

    def _note_sent(self, record: Written, *, marked: bool, attempt: int) -> None:
        self._requests += 1
        event = self._event(record) | {"attempt": attempt} | ({"doubtful": True} if marked else {})
        self.note("sent", request=self._requests, resource="events", rule="resend", events=[event])

    def _answer(self, record: Written, outcome: str, *, request: int = 0, **reply: object) -> None:
        self.note("replied", request=request or self._requests, **reply)
        self.note("answered", resource="events", events=[self._event(record) | {"outcome": outcome}])

    def _close(self, record: Written, outcome: str) -> None:
        key = (record.topic, record.partition)
        told = place(key) | {"lease": self._leases[key], "outcome": outcome, "offsets": [record.offset]}
        self.note("closed", records=[told])

    def _event(self, record: Written) -> dict[str, object]:
        return {"entity": "order", "key": record.key, "version": f"lsn:{record.rev}"} | self._at(record)

    def _at(self, record: Written) -> dict[str, object]:
        key = (record.topic, record.partition)
        return place(key) | {"offset": record.offset, "lease": self._leases[key]}


def place(key: Key) -> dict[str, object]:
    """A partition in a line."""
    return {"topic": key[0], "partition": key[1]}


def rev(record: Written) -> int:
    """Its place among the versions."""
    return int(record.rev or 0)
