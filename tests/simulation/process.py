"""One start of the connector in a simulation: a lane on its own thread, a courier on its own loop.

A nerve runs through all its ports: at each call the process may die, stop, or dawdle.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache, partial
from math import inf
from typing import Any, TypeVar

from connector.core.assignment import Assigned, Placed
from connector.core.retry import Backoff
from connector.core.talk import NoAnswer, Request, Response
from connector.courier import CourierOptions, Edges
from connector.dialects.yespo import Yespo, YespoOptions
from connector.lane.lane import Lane
from connector.ports import TopicPartition
from connector.recording import Unrecorded
from tests.fakes.ledger import FakeLedger
from tests.simulation.loop import SimLoop
from tests.simulation.network import Flight, SimHttp
from tests.simulation.ports import LOG, METER, SimLedger, SimLetters, SimSource
from tests.simulation.scenario import Dialect, Fault, What
from tests.simulation.world import LEASE, SESSION, World
from tests.support.fuse import Fuse, Killed
from tests.support.stage import GROUP, NAME
from tests.support.stage_courier import SteppedCourier
from tests.support.stage_lane import Around, LaneSettings, assemble
from tests.support.stage_reading import CONTACTS, ORDERS

T = TypeVar("T")
TURN = 0.002
"""Seconds that a turn takes at least."""
BEAT = LEASE / 6
OPTIONS = CourierOptions(
    in_flight=3, request_timeout=2.0, backoff=Backoff(0.1, 2, 0.05), pause=Backoff(0.5, 3, 0.1), threshold=3
)  # fmt: skip
TIGHT: dict[str, Any] = {"memory_bytes": 12_000, "batch_events": 2}
DIALECTS = {
    "resend": YespoOptions(name=NAME, import_seconds=20.0),
    "hold": YespoOptions(name=NAME, import_seconds=20.0, in_doubt="hold"),
    "past": YespoOptions(name=NAME, import_seconds=20.0, orders_via="past_events"),
}


@cache
def made(kind: Callable[[YespoOptions], Yespo], dialect: Dialect) -> Yespo:
    """A destination, one for all processes: it is pure."""
    return kind(DIALECTS[dialect])


class Nerve(Fuse):
    """Felt at each call of a port: `tick` on the lane's thread, `pulse` on the courier's loop."""

    def __init__(self, process: "Process") -> None:
        super().__init__()
        self._process = process
        self._armed: list[tuple[int, Fault]] = []

    def arm(self, fault: Fault) -> None:
        """It comes so many calls from now."""
        self._armed.append((fault.calls, fault))

    def disarm(self) -> None:
        self._armed.clear()

    def tick(self, name: str) -> None:
        self.check()
        what = self._count(name)
        if what == "crash":
            raise Killed(name)
        sim, dawdle = self._process.world.sim, self._process.world.scenario.dawdle
        if what == "stop" or (dawdle and sim.random.random() < dawdle):
            sim.sleep(sim.random.random() * 0.03)
            self.check()

    def pulse(self, name: str) -> "asyncio.Future[None] | None":
        """A future that the caller has to wait for: until it goes on, or for ever."""
        what = self._count(name)
        if what is None and not self.blown:
            return None
        gone = self._process.loop.create_future()
        if what == "stop":
            self._process.loop.call_soon(gone.set_result, None)
        return gone

    def _count(self, name: str) -> What | None:
        if not self._armed:
            return None
        self._armed = [(calls - (fault.place in ("", name)), fault) for calls, fault in self._armed]
        due = [fault for calls, fault in self._armed if calls <= 0]
        self._armed = [one for one in self._armed if one[0] > 0]
        for fault in due:
            if fault.what == "crash":
                self._process.die(name)
                return "crash"
            self._process.stop(fault.seconds, name)
        return "stop" if due else None


class SimCourier(SteppedCourier):
    """The real courier: it waits as its process does. sleep: so long, or until `ring` is called."""

    def __init__(self, edges: Edges, time: "Process", ring: Callable[[], None]) -> None:
        super().__init__(edges, OPTIONS, time, time.nerve.check)  # type: ignore[arg-type] # what it needs of one
        self._process, self._ring = time, ring
        self._waits = False

    def _listen(self, seconds: float) -> bool:
        if not self._heard:
            self._waits = True
            self._process.sleep(seconds)
            self._waits = False
        heard, self._heard = self._heard, False
        return heard

    def _news(self) -> None:
        self._heard = True
        if self._waits:
            self._ring()


class Process:
    """What `Service` does with a lane. ended: called once, when it is dead or has left."""

    def __init__(self, world: World, name: str, ended: Callable[[], object]) -> None:
        self.world, self.name, self.alive, self.leaving = world, name, True, False
        self._ended, self._until = ended, 0.0
        self.nerve = Nerve(self)
        self.loop = SimLoop(world.sim.clock, self._defect)  # type: ignore[abstract] # enough for asyncio
        self.claims = world.ledger()
        witnesses = world.witnesses
        self._tape = witnesses.tape(name, lambda: not self.nerve.blown) if witnesses else Unrecorded()
        make: Callable[[YespoOptions], Yespo] = world.mutant.destination
        self._destination = self._tape.destination(made(make, world.scenario.dialect))
        ledger = SimLedger(
            self.claims, world.outside, self.nerve, lambda *turn: world.judge.turn(self, *turn)
        )
        self._ledger = self._tape.ledger(ledger)
        self.courier = SimCourier(self._edges(), self, self._ring)
        self.lane = self._lane()
        topics = [ORDERS, CONTACTS]
        members = self._tape.members(
            Watched(self.lane, lambda what, about: world.history.note(name, what, about))
        )
        self.source = SimSource(world.broker, GROUP, topics, members, self.sleep, self.nerve)
        self.source.asked = lambda offsets, held: world.judge.commit(self, offsets, held)
        self.lane.attach(self._tape.source(self.source))
        self.actor = world.sim.spawn(self._live, self.loop)
        world.history.note(name, "starts")
        if world.scenario.owners == "lease":
            world.sim.after(BEAT, self._beat)

    def _edges(self) -> Edges:
        judge = self.world.judge
        http = self._tape.http(
            SimHttp(partial(judge.begin, self), self.nerve.pulse, self._take, judge.answer)
        )
        lease = self.lease_left if self.world.mutant.looks else lambda: inf
        return Edges(self._destination, http, self.world.sim.clock, METER, lease)

    def _lane(self) -> Lane:
        world, outside = self.world, self.world.outside
        written = SimLetters(world.letters, outside, self.nerve, lambda some: world.judge.bury(self, some))
        letters = self._tape.letters(world.mutant.letters(written))
        around = Around(
            self._destination,
            self.courier,
            self._ledger,
            letters,
            world.readings,
            world.sim.clock,
            METER,
            LOG,
        )
        limits = TIGHT if world.scenario.tight else {}
        settings = LaneSettings(drain_seconds=1.0, partitions=world.mutant.partitions, **limits)
        return assemble(NAME, around, settings, self._tape)

    # --- Life -------------------------------------------------------------------------------------

    def _live(self) -> None:
        random = self.world.sim.random.random
        self.courier.start()
        while not self.leaving:
            self.lane.turn()
            self.sleep(TURN * (1 + random()))
        self.lane.drain()
        self.courier.abandon()
        self._ledger.close()
        self._finish("left")

    def sleep(self, seconds: float) -> None:
        """On the lane's thread."""
        self.world.sim.sleep(seconds)
        self.nerve.check()

    def stop(self, seconds: float, where: str = "") -> None:
        """SIGSTOP; SIGCONT after so long."""
        sim = self.world.sim
        self.world.history.note(self.name, "stopped", f"for {seconds} s {where and 'at'} {where}")
        self.loop.frozen, self._until = True, max(self._until, sim.clock.monotonic() + seconds)
        sim.after(seconds, self._go_on)
        if seconds > SESSION:
            sim.after(SESSION, self._expire)

    def _go_on(self) -> None:
        if self.world.sim.clock.monotonic() >= self._until and self.alive:
            self.loop.frozen = False
            self.world.history.note(self.name, "goes on")

    def _expire(self) -> None:
        """The group notices that nothing is heard of it."""
        if (self.loop.frozen or not self.alive) and self.source in self.world.group.members:
            self.world.history.note("kafka", "session over", self.name)
            self.world.group.lose(self.source)

    def cut(self) -> None:
        """Its heartbeats did not reach the group for a session."""
        if self.alive and self.source in self.world.group.members:
            self.world.history.note("kafka", "session over", self.name)
            self.world.group.lose(self.source)

    def die(self, where: str = "") -> None:
        """SIGKILL."""
        if self.alive:
            self.nerve.blown = True
            self._finish(f"killed {where and 'at'} {where}")
            self.world.sim.after(0, self.courier.abandon)
            self.world.sim.after(SESSION, self._expire)
            if self.world.scenario.owners == "lock":
                self.claims.close()

    def _finish(self, how: str) -> None:
        self.alive = False
        self.world.judge.end(self, how)
        self.world.sim.kill(self.actor)
        self._ended()

    def _defect(self, error: BaseException) -> None:
        if self.alive:
            self.world.sim.fail(error)

    # --- What its parts ask of it -----------------------------------------------------------------

    def lease_left(self) -> float:
        """See ports.Ledger."""
        return self.claims.lease_left()

    def _beat(self) -> None:
        if not self.alive:
            return
        if not self.loop.frozen and not self.world.outside.ledger and isinstance(self.claims, FakeLedger):
            self.claims.beat()
        self.world.sim.after(BEAT, self._beat)

    def _take(
        self, request: Request, timeout: float, answer: Callable[[Response | NoAnswer], object]
    ) -> Flight:
        return self.world.network.take(self, request, timeout, lambda reply: self.alive and answer(reply))

    def _ring(self) -> None:
        self.world.sim.ring(self.actor)

    def post(self, function: Callable[[], None]) -> None:
        """As StageTime: have it run on the loop."""
        self.loop.call_soon(function)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """As StageTime: run it on the loop, to its end."""
        return self.loop.complete(coroutine)

    @property
    def clock(self) -> Any:
        return self.world.sim.clock


class Watched:
    """ports.Members that tells what the group says."""

    def __init__(self, lane: Lane, note: Callable[[str, object], object]) -> None:
        self._lane, self._note = lane, note

    def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
        placed = self._lane.assigned(partitions)
        self._note("assigned", [f"{t}[{p}]@{one.offset}" for (t, p), one in sorted(placed.items())])
        return placed

    def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self._note("revoked", [f"{t}[{p}]" for t, p in partitions])
        return self._lane.revoked(partitions)

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._note("lost", [f"{t}[{p}]" for t, p in partitions])
        self._lane.lost(partitions)
