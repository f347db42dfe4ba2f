"""A stage: one or more lanes on one thread and virtual time, with everything around them in memory.

The broker, the ledger's store, the CRM and the dead letters outlive a process; a `Process` is one start of
the connector with one lane, stepped by hand. Nothing is random: the same calls give the same run.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import Any

import msgspec

from connector.core.heads import Head
from connector.core.retry import Backoff
from connector.core.rules import OnDelete
from connector.courier import CourierOptions, Edges
from connector.dialects.yespo import Yespo, YespoOptions
from connector.ports import Destination, History, Ledger, TopicPartition, Tracer
from connector.recording import recorder
from connector.tracing import Traced
from tests.fakes.ledger import Store
from tests.fakes.meter import FakeMeter
from tests.fakes.source import FakeBroker, Group
from tests.support.fuse import Fuse, Killed
from tests.support.heeded import heeded
from tests.support.stage_courier import StageTime, SteppedCourier
from tests.support.stage_crm import StageCrm, StageHttp
from tests.support.stage_lane import Around, LaneSettings, assemble
from tests.support.stage_ports import REASONS, Letters, StageLedger, StageLetters, StageLog, StageSource
from tests.support.stage_reading import CONTACTS, ORDERS, Outside, readings

NAME, GROUP = "yespo", "crm-connector.yespo"
TURN = 0.0005
"""Seconds that a turn itself takes, so that a lane that spins can be told from one that waits."""
FAST = CourierOptions(
    in_flight=8, request_timeout=5, backoff=Backoff(0.1, 2, 0.05), pause=Backoff(0.5, 4, 0.1), threshold=3
)  # fmt: skip


class Stage:
    """What outlives a process. on_commit: called with what is about to be committed."""

    def __init__(self, *, partitions: int = 1, **crm: Any) -> None:
        self.time = StageTime()
        self.clock = self.time.clock
        self.broker, self.store, self.outside = FakeBroker(), Store(), Outside()
        self.crm = StageCrm(self.clock, **crm)
        self.letters: Letters = {}
        self.processes: list[Process] = []
        self.on_commit: Callable[[Mapping[TopicPartition, int]], object] = lambda _: None
        for topic in (ORDERS, CONTACTS):
            self.broker.create(topic, partitions)

    def start(self, fuse: Fuse | None = None, **settings: Any) -> "Process":
        """Another process; the earlier ones go on living, unless they died."""
        process = Process(self, fuse or Fuse(), **settings)
        self.processes.append(process)
        return process

    def produce(self, topic: str, *values: bytes | None, partition: int = 0) -> list[int]:
        """Append records; their offsets."""
        now = int(self.clock.now() * 1000)
        return [self.broker.produce(topic, v, partition=partition, timestamp_ms=now) for v in values]

    # --- Looking ----------------------------------------------------------------------------------

    @property
    def alive(self) -> "list[Process]":
        return [process for process in self.processes if process.alive]

    @property
    def group(self) -> Group:
        return self.broker.group(GROUP)

    @property
    def done(self) -> bool:
        """Everything that was produced is committed."""
        keys = self.broker.keys([ORDERS, CONTACTS])
        return all((self.committed(*key) or 0) >= self.broker.log(key).end for key in keys)

    def committed(self, topic: str = ORDERS, partition: int = 0) -> int | None:
        """What the group has committed."""
        commit = self.group.commits.get((topic, partition))
        return commit[0] if commit else None

    def causes(self) -> dict[int, str]:
        """Cause of the dead letter by offset, of the orders' first partition."""
        return {offset: one.cause for (key, offset), one in self.letters.items() if key == (ORDERS, 0)}

    def head(self, entity: str, key: str) -> Head | None:
        """What the ledger knows."""
        return self.store.scopes[NAME].heads.get((entity, key))

    def rev(self, key: TopicPartition, offset: int) -> str:
        """The content's name in a record."""
        (entry,) = self.broker.log(key).after(offset, 1)
        row = msgspec.json.decode(entry.value or b"")["row"]
        return str(row.get("rev", row.get("first_name", "")))

    def close(self) -> None:
        for process in self.processes:
            process.end()
        self.time.close()


@contextmanager
def staged(**options: Any) -> Iterator[Stage]:
    """A stage for the length of a test, in which nothing is silently ignored."""
    stage = Stage(**options)
    try:
        with heeded(stage.crm.crm):
            yield stage
    finally:
        stage.close()


class Process:
    """One start of the connector: a lane, stepped by `turn`; dead once its fuse has blown.

    lease: seconds that its claims outlive its last turn. wrap: puts something between lane and ledger.
    rules: of the orders' topic (TopicRules). history: where it notes what it does.
    tracer: where its requests are traced.
    dialect: the destination's. settings: see LaneSettings.
    """

    def __init__(
        self,
        stage: Stage,
        fuse: Fuse,
        *,
        options: YespoOptions | None = None,
        dialect: Callable[[YespoOptions], Destination] = Yespo,
        courier: CourierOptions = FAST,
        on_delete: OnDelete = "ignore",
        rules: Mapping[str, Any] | None = None,
        lease: float = inf,
        wrap: Callable[[Ledger], Ledger] = lambda ledger: ledger,
        history: History | None = None,
        tracer: Tracer | None = None,
        **settings: Any,
    ) -> None:
        self.stage, self.fuse, self.alive, self.turns = stage, fuse, True, 0
        clock, self.meter, self.log = stage.clock, FakeMeter(), StageLog()
        tape = recorder(history, NAME, clock)
        if tracer is not None:
            tape = Traced(tape, tracer, NAME, clock, self.meter)
        self.ledger = StageLedger(stage.store, clock.now, stage.outside, fuse, lease)
        ledger = wrap(tape.ledger(self.ledger))
        letters = tape.letters(StageLetters(stage.letters, stage.outside, fuse))
        self.http = StageHttp(stage.crm, fuse)
        destination = tape.destination(dialect(options or YespoOptions(name=NAME)))
        http = tape.http(self.http)
        edges = Edges(destination, http, clock, self.meter, self.ledger.lease_left)
        self.courier = SteppedCourier(edges, courier, stage.time, fuse.check)
        read = readings(stage.outside, on_delete, rules or {})
        around = Around(destination, self.courier, ledger, letters, read, clock, self.meter, self.log)
        self.lane = assemble(NAME, around, LaneSettings(**settings), tape)
        self.parts = self.lane.parts
        members = tape.members(self.lane)
        self.source = StageSource(stage.broker, GROUP, [ORDERS, CONTACTS], members, self._idle, fuse)
        self.source.on_commit = stage.on_commit
        self.lane.attach(tape.source(self.source))
        self.courier.start()

    # --- Stepping ---------------------------------------------------------------------------------

    def turn(self) -> bool:
        """One turn of the lane; False: the process is dead now."""
        if self.alive:
            try:
                self.fuse.check()
                self.turns += 1
                self.ledger.beat()
                self.lane.turn()
                self._idle(TURN)
            except Killed:
                self.die()
        return self.alive

    def run(self, seconds: float) -> None:
        """Turn for so long."""
        end = self.stage.clock.monotonic() + seconds
        while self.stage.clock.monotonic() < end and self.turn():
            pass

    def until(self, true: Callable[[], object], seconds: float = 120.0) -> None:
        """Turn until something is so; fail after so long."""
        end = self.stage.clock.monotonic() + seconds
        while not true():
            assert self.turn(), "the process died"
            assert self.stage.clock.monotonic() < end, f"it did not come true; paused: {self.paused}"

    def until_done(self, seconds: float = 120.0) -> None:
        """Turn until all is committed."""
        self.until(lambda: self.stage.done, seconds)

    # --- Ends -------------------------------------------------------------------------------------

    def drain(self) -> None:
        """SIGTERM, as service.Service ends a lane."""
        try:
            self.lane.drain()
        except Killed:
            self.die()
        else:
            self.end()

    def die(self) -> None:
        """SIGKILL: what it had claimed is in doubt, and its group notices."""
        if self.alive:
            self.fuse.blown = True
            self.http.die()
            self.end()

    def end(self) -> None:
        """After a drain. What is still claimed then is in doubt."""
        if self.alive:
            self.alive = False
            self.stage.crm.doubts.update(self._doubts())
            self.courier.abandon()
            self.ledger.close()
            self.source.close()

    # --- Looking ----------------------------------------------------------------------------------

    @property
    def paused(self) -> set[str]:
        """Reasons whose `paused` is 1."""
        return {r for r in REASONS if self.meter.value("paused", destination=NAME, reason=r)}

    @property
    def outcomes(self) -> dict[str, int]:
        """records_total by outcome, over both topics."""
        self.parts.books.show()
        return {k: v for k, v in sorted(self.parts.books.totals.items()) if v}

    def _doubts(self) -> list[tuple[str, str, str]]:
        claimed = self.ledger.claimed()
        return [(entity, name, self.stage.rev(key, at) if key else "") for entity, name, key, at in claimed]

    def _idle(self, seconds: float) -> None:
        self.stage.time.sleep(seconds)
        self.fuse.check()
