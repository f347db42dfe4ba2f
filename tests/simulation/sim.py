"""Processes on virtual time: threads of which one runs at a time, chosen by a seed.

A lane is plain code that blocks, so each simulated process has a thread for it. A thread that would wait
hands the baton on: whoever hands it on chooses who gets it, from those that have something to do now; if
nobody has, time goes on to the next moment at which somebody will. The same seed gives the same run.
"""

import random
import threading
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf

from tests.simulation.loop import SimLoop
from tests.support.fuse import Killed
from tests.support.stage_courier import StageClock


class SimClock(StageClock):
    """Moments are exact: what is due at a moment is due then."""

    def go_to(self, moment: float) -> None:
        self._now = moment


class Actor:
    """One thread. It runs only while it has the baton."""

    def __init__(self, sim: "Sim", body: Callable[[], None] | None, loop: SimLoop | None) -> None:
        """body: None is the main thread, which is there already. loop: of its process, frozen with it."""
        self._sim, self._body, self.loop = sim, body, loop
        self.baton = threading.Lock()
        self.baton.acquire()
        self.wakes = 0.0
        self.doomed = self.ended = False
        if body is not None:
            self._thread = threading.Thread(target=self._live, daemon=True)
            self._thread.start()

    def due(self) -> float:
        """When it goes on; inf: when somebody says so."""
        if self.loop is not None and self.loop.frozen and not self.doomed:
            return inf
        return self.wakes

    def join(self) -> None:
        """It has ended, or is about to."""
        self._thread.join(10)

    def _live(self) -> None:
        self.baton.acquire()
        try:
            if not self.doomed and self._body is not None:
                self._body()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - a defect is a result of the simulation
            self._sim.fail(error)
        self.ended = True
        self._sim.leave(self)


class Sim:
    """Time, the timers of the world outside, and the threads. over: the run ends. seed: of who goes next."""

    def __init__(self, seed: int, fail: Callable[[BaseException], object]) -> None:
        self.clock = SimClock()
        self.random = random.Random(seed)
        self.over = False
        self._fail = fail
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._number = count()
        self._main = Actor(self, None, None)
        self._now = self._main
        self._units: list[Actor | SimLoop] = []

    # --- The world outside ------------------------------------------------------------------------

    def at(self, when: float, what: Callable[[], object]) -> None:
        """Let something happen at a time (monotonic seconds), whoever runs then."""
        heappush(self._timers, (when, next(self._number), what))

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        self.at(self.clock.monotonic() + seconds, what)

    def fail(self, error: BaseException) -> None:
        """A thread, a loop or the world raised: that ends the run."""
        self._fail(error)
        self.over = True

    # --- Threads and loops ------------------------------------------------------------------------

    def spawn(self, body: Callable[[], None], loop: SimLoop) -> Actor:
        """Another thread, and the loop of its process."""
        actor = Actor(self, body, loop)
        self._units += [actor, loop]
        return actor

    def kill(self, actor: Actor) -> None:
        """Its thread unwinds when it is its turn; its loop runs no more."""
        actor.doomed, actor.wakes = True, 0.0
        if actor.loop in self._units:
            self._units.remove(actor.loop)

    def run(self) -> None:
        """From the main thread: until `over`."""
        self._pass_on(self._main)

    def sleep(self, seconds: float) -> None:
        """From an actor's thread: let so much time pass, or less if it is rung up."""
        actor = self._now
        if actor.doomed:
            raise Killed
        actor.wakes = self.clock.monotonic() + seconds
        self._pass_on(actor)
        if actor.doomed:
            raise Killed

    def ring(self, actor: Actor) -> None:
        """What it waits for has come."""
        actor.wakes = 0.0

    def leave(self, actor: Actor) -> None:
        """Its thread has ended: somebody else's turn."""
        self._units.remove(actor)
        self._hand(self._choose())

    def close(self) -> None:
        """End all threads, whatever they do."""
        self.over = True
        for actor in [one for one in self._units if isinstance(one, Actor)]:
            actor.doomed = True
            self._hand(actor)
            self._main.baton.acquire()
            actor.join()

    # --- The baton --------------------------------------------------------------------------------

    def _pass_on(self, actor: Actor) -> None:
        chosen = self._choose()
        if chosen is not actor:
            self._hand(chosen)
            actor.baton.acquire()

    def _hand(self, actor: Actor) -> None:
        self._now = actor
        actor.baton.release()

    def _choose(self) -> Actor:
        while not self.over:
            try:
                found = self._step()
            except BaseException as error:  # noqa: BLE001 - see fail
                self.fail(error)
                break
            if found is not None:
                return found
        return self._main

    def _step(self) -> Actor | None:
        now = self.clock.monotonic()
        if self._timers and self._timers[0][0] <= now:
            heappop(self._timers)[2]()
            return None
        ready: list[Actor | SimLoop] = []
        soonest = self._timers[0][0] if self._timers else inf
        for one in self._units:
            due = one.due()
            if due <= now:
                ready.append(one)
            elif due < soonest:
                soonest = due
        if not ready:
            self._advance(soonest)
            return None
        chosen = ready[0] if len(ready) == 1 else ready[int(self.random.random() * len(ready))]
        if isinstance(chosen, Actor):
            return chosen
        chosen.turn()
        return None

    def _advance(self, moment: float) -> None:
        if moment == inf:
            raise RuntimeError("everything waits, and nothing will ever happen")
        self.clock.go_to(moment)
