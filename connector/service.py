"""The process: lanes in their threads, signals, drain, stop.

A lane that fails for good stops the process (exit code 1): an orchestrator restarts it, and nothing was
committed past what was done. SIGTERM and SIGINT drain; a second one gives the drain up.
"""

import gc
import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from msgspec import Struct

from connector.core.status import LaneStatus, Pause
from connector.errors import ConnectorError, Outage, describe
from connector.lane.advice import OUTAGES
from connector.lane.lane import Lane
from connector.lane.view import overdue
from connector.ports import Clock, Log

STUCK_SECONDS = 60.0
"""A lane whose turn has not ended for so long is stuck; a turn takes milliseconds."""
WATCH_SECONDS = 0.2
SWEEP_SECONDS = 60.0
"""How often garbage in cycles is looked for: what a lane holds is acyclic, and takes a few ms to walk."""


class Running(Struct):
    """A lane, its open part, and what to close after it, in order. obstacle: why it cannot start yet."""

    lane: Lane
    open: Callable[[], None]
    close: Callable[[], None]
    thread: threading.Thread | None = None
    failure: str | None = None
    obstacle: Outage | None = None


class Service:
    """The lanes of one process."""

    def __init__(
        self,
        lanes: Sequence[Running],
        clock: Clock,
        log: Log,
        budget: float,
        over: Callable[[], bool] = lambda: False,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        """budget: seconds that draining may take at most, after which the process ends all the same.
        over: asked a few times a second whether the work is done (a replay's is, once). leave: ends the
        process, with its exit code, though a lane hangs; who only notes it has to end it thereafter."""
        self._over, self._leave = over, leave
        self._lanes, self._clock, self._log, self._budget = list(lanes), clock, log, budget
        self.lanes = {running.lane.name: running.lane for running in lanes}
        self._stop, self._signalled = threading.Event(), False

    def run(self, serve: Callable[["Service"], Callable[[], None]] | None = None) -> int:
        """Work until a signal or a failure. serve: starts the web server, returns what stops it.

        Returns the exit code: 0 after a clean drain, 1 after a failure. Call from the main thread.
        """
        previous = {s: signal.signal(s, self._on_signal) for s in (signal.SIGTERM, signal.SIGINT)}
        unserve = serve(self) if serve else None
        try:
            return self.work()
        finally:
            if unserve is not None:
                unserve()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def work(self) -> int:
        """Start the lanes, wait for the end, see them drained."""
        # What is loaded by now stays, and a lane makes no cycles: walking it all cost a fifth of its CPU.
        # What is made beside it may: an ended connection of the web server is one, of 1 KB. Hence the sweep.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        for running in self._lanes:
            running.thread = threading.Thread(target=self._live, args=(running,), name=running.lane.name)
            running.thread.start()
        self._log.info("started", destinations=[r.lane.name for r in self._lanes])
        try:
            self._watch()
        finally:  # else its lanes go on for ever, as where `over` told of it to a pipe that is closed
            code = self._end()
        return code

    def _watch(self) -> None:
        swept = self._clock.monotonic()
        while not self._stop.wait(WATCH_SECONDS) and any(r.failure is None for r in self._lanes):
            if self._over():
                break
            if self._clock.monotonic() - swept >= SWEEP_SECONDS:
                gc.collect()
                swept = self._clock.monotonic()

    def stop(self) -> None:
        """Drain and end."""
        self._stop.set()

    def _end(self) -> int:
        self._stop.set()
        deadline = self._clock.monotonic() + self._budget
        for running in self._lanes:
            running.lane.hurry()
        for running in self._lanes:
            if running.thread is not None:
                running.thread.join(max(0.0, deadline - self._clock.monotonic()))
        late = [r.lane for r in self._lanes if r.thread is not None and r.thread.is_alive()]
        for lane in late:
            self._tell_late(lane)
        failed = [r for r in self._lanes if r.failure is not None]
        self._log.info("stopped", failed=[r.lane.name for r in failed])
        code = 1 if failed or not all(lane.drained for lane in late) else 0
        if late:
            self._leave(code)  # a thread that hangs would keep the process for ever
        return code

    def _tell_late(self, lane: Lane) -> None:
        if lane.drained:  # librdkafka waits for a coordinator that is away, and for a broker that hangs
            what = "the last commit was not answered; what it held is read again, and not sent again"
            self._log.warning(what, destination=lane.name)
        else:
            self._log.error("drain took too long; what was in flight is in doubt", destination=lane.name)

    def _live(self, running: Running) -> None:
        lane = running.lane
        try:
            opened = self._open(running)
            try:
                while not self._stop.is_set():
                    lane.turn()
                if opened:
                    lane.drain()
            finally:
                running.close()
        except ConnectorError as error:
            self._fail(running, str(error))
        except Exception as error:  # noqa: BLE001 - a defect must stop the process, in one line
            self._fail(running, f"defect: {describe(error)}")

    def _open(self, running: Running) -> bool:
        """False: the process is to stop before what the lane needs is there."""
        wait = 0.5
        while not self._stop.is_set():
            try:
                running.open()
            except Outage as outage:
                running.obstacle = outage
                self._log.warning("cannot start yet", destination=running.lane.name, detail=str(outage))
                self._stop.wait(wait)
                wait = min(wait * 2, 15.0)
            else:
                running.obstacle = None
                return True
        return False

    def _fail(self, running: Running, reason: str) -> None:
        running.failure = reason
        self._log.error("lane failed", destination=running.lane.name, reason=reason)
        self._stop.set()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._signalled:
            os._exit(128 + number)
        self._signalled = True
        self._stop.set()

    # --- Health -----------------------------------------------------------------------------------

    def live(self) -> list[str]:
        """Why the process should be restarted: work that is past its deadline. Empty: it lives."""
        return [f"{running.lane.name}: {why}" for running in self._lanes for why in self._stuck(running)]

    def _stuck(self, running: Running) -> list[str]:
        if running.obstacle is not None:
            return []  # it has no loop yet, and waits for a reason
        now, lane = self._clock.monotonic(), running.lane
        # A revocation drains inside a turn: a lane may stand still for its drain budget.
        still = now - lane.beat > STUCK_SECONDS + lane.drain_seconds
        late = overdue(lane.parts, now)
        return ["its loop has stood still"] * still + ["a request is past its deadline"] * late

    def ready(self) -> list[str]:
        """Why it does no work yet. Empty: it is ready."""
        if self._stop.is_set():
            return ["stopping"]
        return [f"{r.lane.name}: not in its group yet" for r in self._lanes if not r.lane.joined]

    def status(self) -> dict[str, list[LaneStatus]]:
        """All that an operator asks first, without personal data."""
        return {"lanes": [self._seen(running) for running in self._lanes]}

    def _seen(self, running: Running) -> LaneStatus:
        """As the lane saw itself last, and as it is seen from outside."""
        seen, stuck = running.lane.view.copy(), self._stuck(running)
        if running.failure is not None:
            seen["health"], seen["why"], seen["failure"] = "stopped", [running.failure], running.failure
        elif self._stop.is_set():
            seen["health"], seen["why"] = "stopped", ["the process is ending; what is in flight is finished"]
        elif running.obstacle is not None:
            _hold(seen, running.obstacle)
        elif stuck:
            seen["health"], seen["why"] = "stuck", stuck
        return seen


def _hold(seen: LaneStatus, obstacle: Outage) -> None:
    """A lane that cannot open what it needs, and tries again by itself, is paused since it was made."""
    reason, detail = obstacle.reason, str(obstacle)
    pause = Pause(since=seen["at"], detail=detail, remedy=OUTAGES[reason], next_try=None)
    seen["health"], seen["state"], seen["why"], seen["paused"] = "paused", "paused", [detail], {reason: pause}
