"""What a process feels at each call of its ports: here it may die, stop, or dawdle."""

import asyncio
import random
from typing import Protocol

from tests.simulation.loop import SimLoop
from tests.simulation.scenario import Fault, What
from tests.support.fuse import Fuse, Killed

MOMENT = 0.03
"""Seconds that a call takes at most which dawdles."""


class Body(Protocol):
    """The process, as far as its nerve knows it."""

    loop: SimLoop

    def die(self, where: str) -> None:
        """At once."""

    def stop(self, seconds: float, where: str) -> None:
        """SIGSTOP; SIGCONT after so long."""

    def pause(self, seconds: float) -> None:
        """Let others go on: on the lane's thread."""


class Nerve(Fuse):
    """`tick`: at a call on the lane's thread; `pulse`: on the courier's loop. dawdle: how often slow."""

    def __init__(self, process: Body, chance: random.Random, dawdle: float) -> None:
        super().__init__()
        self._process, self._chance, self._dawdle = process, chance.random, dawdle
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
        if what == "stop" or (self._dawdle and self._chance() < self._dawdle):
            self._process.pause(self._chance() * MOMENT)
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
