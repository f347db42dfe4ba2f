"""One start of the connector in a simulation: a lane on its own thread, a courier on its own loop."""

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
from tests.simulation.nerve import Nerve
from tests.simulation.network import Flight, SimHttp
from tests.simulation.ports import LOG, METER, SimLedger, SimLetters, SimSource
from tests.simulation.scenario import Dialect
from tests.simulation.world import LEASE, SESSION, World
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


class Process:
    """What `Service` does with a lane. ended: called once, when it is dead or has left."""

    def __init__(self, world: World, name: str, ended: Callable[[], object]) -> None:
        self.world, self.name, self.alive, self.leaving = world, name, True, False
        self._ended, self._until = ended, 0.0
        self.nerve = Nerve(self, world.sim.random, world.scenario.dawdle)
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
        self.courier = SteppedCourier(self._edges(), OPTIONS, self, self.nerve.check)
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

    def pause(self, seconds: float) -> None:
        """The same, inside a call of a port."""
        self.world.sim.sleep(seconds)

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

    # --- As its courier's time --------------------------------------------------------------------

    def post(self, function: Callable[[], None]) -> None:
        """See stage_courier.Time."""
        self.loop.call_soon(function)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """See stage_courier.Time."""
        return self.loop.complete(main)

    def waiter(self) -> "asyncio.Future[None]":
        """See stage_courier.Time."""
        return self.loop.create_future()

    def wait(self, seconds: float, waiter: "asyncio.Future[None]") -> None:
        """See stage_courier.Time."""
        waiter.add_done_callback(lambda _: self.world.sim.ring(self.actor))
        self.sleep(seconds)


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
