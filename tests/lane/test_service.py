"""The process around the lanes."""

import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from typing import cast

import pytest

from connector.core.status import LaneStatus
from connector.errors import BrokerDown
from connector.lane.lane import Lane
from connector.service import STUCK_SECONDS, SWEEP_SECONDS, Running, Service
from connector.wiring import SystemClock
from tests.fakes.clock import FakeClock
from tests.support.stage import Process, staged
from tests.support.stage_ports import StageLog


class Unopened:
    """A lane without its source: whoever drains it meets a defect."""

    name = "yespo"

    def hurry(self) -> None:
        """The process ends."""


def test_a_stop_before_kafka_could_be_asked_is_a_clean_end() -> None:
    closed: list[str] = []

    def open_() -> None:
        service.stop()
        raise BrokerDown("Kafka does not answer")

    running = Running(cast("Lane", Unopened()), open_, lambda: closed.append("yespo"))
    service = Service([running], SystemClock(), StageLog(), budget=5.0)

    assert service.work() == 0
    assert closed == ["yespo"]


FAILED_BEFORE = """
import os, signal, sys, threading, time
from connector.errors import Fatal
from connector.service import Running, Service
from connector.wiring import SystemClock

working = threading.Event()

class Log:
    info = warning = error = lambda *_, **__: None

class Lane:
    drained = False
    def __init__(self, name):
        self.name = name
    def hurry(self): pass
    def turn(self):
        working.set()
        time.sleep(0.01)
    def drain(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.5)
        print("drained")

def fail():
    working.wait()
    raise Fatal("gone")

lanes = [Running(Lane("one"), fail, lambda: None), Running(Lane("other"), lambda: None, lambda: None)]
sys.exit(Service(lanes, SystemClock(), Log(), budget=60.0).run())
"""


def test_the_first_signal_after_one_lane_failed_lets_the_others_drain() -> None:
    """An orchestrator may send it at any time; only a second one gives the drain up."""
    done = subprocess.run([sys.executable, "-c", FAILED_BEFORE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "drained\n", "")


class Beating:
    """A lane that turns and drains, and tells which of it was last."""

    name, drained = "yespo", False

    def __init__(self) -> None:
        self.last = ""

    def hurry(self) -> None:
        """The process ends."""

    def turn(self) -> None:
        self.last = "turned"
        time.sleep(0.01)

    def drain(self) -> None:
        self.last = "drained"


def test_where_the_work_can_be_told_to_nobody_any_more_it_drains() -> None:
    """As a replay's whose terminal, or pipe, was closed: nobody would end its lane."""
    lane = Beating()

    def over() -> bool:
        raise BrokenPipeError

    running = Running(cast("Lane", lane), lambda: None, lambda: None)
    service = Service([running], SystemClock(), StageLog(), budget=5.0, over=over)
    try:
        with pytest.raises(BrokenPipeError):
            service.work()
        assert lane.last == "drained"
    finally:
        service.stop()


class Cycle:
    """Nothing but a search lets go of it."""

    def __init__(self) -> None:
        self.own = self


def test_garbage_in_cycles_is_looked_for_every_minute() -> None:
    """What is allocated calls for it too seldom: only once a hundred thousand objects more are there."""
    clock, alive = FakeClock(), list[bool]()
    garbage: weakref.ref[object] = weakref.ref(clock)

    def over() -> bool:
        nonlocal garbage
        alive.append(garbage() is not None)
        garbage = weakref.ref(Cycle())
        clock.advance(SWEEP_SECONDS * 0.75)
        return len(alive) == 4

    def open_() -> None:
        raise BrokerDown("Kafka does not answer")

    running = Running(cast("Lane", Unopened()), open_, lambda: None)
    assert Service([running], clock, StageLog(), budget=5.0, over=over).work() == 0
    assert alive == [True, True, False, True]


def serving(process: Process, *, opened: Callable[[], None] = lambda: None) -> tuple[Service, Running]:
    running = Running(process.lane, opened, lambda: None)
    return Service([running], process.stage.clock, StageLog(), budget=5.0), running


def test_a_lane_that_failed_is_stopped_and_says_by_what() -> None:
    with staged() as stage:
        process = stage.start()
        process.run(2)
        service, running = serving(process)
        running.failure = "defect: KeyError at x.py:1"
        (lane,) = service.status()["lanes"]

    assert (lane["health"], lane["why"], lane["failure"]) == ("stopped", [running.failure], running.failure)


def test_a_lane_that_drains_is_stopped() -> None:
    with staged() as stage:
        process = stage.start()
        process.run(2)
        service, _ = serving(process)
        before = service.status()["lanes"][0]["health"]
        service.stop()
        (lane,) = service.status()["lanes"]

    assert (before, lane["health"]) == ("empty", "stopped")
    assert lane["why"] == ["the process is ending; what is in flight is finished"]


def test_a_lane_that_stands_still_is_stuck() -> None:
    with staged() as stage:
        process = stage.start()
        process.run(2)
        service, _ = serving(process)
        stage.clock.advance(STUCK_SECONDS + process.lane.drain_seconds + 1)
        (lane,) = service.status()["lanes"]

        assert (lane["health"], lane["why"]) == ("stuck", ["its loop has stood still"])
        assert service.live() == ["yespo: its loop has stood still"]


def test_a_lane_that_cannot_start_yet_is_paused_by_what_is_down_and_alive() -> None:
    """However long that takes: a restart would not help."""
    seen: list[LaneStatus] = []
    with staged() as stage:
        process = stage.start()

        def opened() -> None:
            stage.clock.advance(3600)
            if seen_lane()["paused"]:
                seen.append(seen_lane())
                assert service.live() == []
                service.stop()
            raise BrokerDown("Kafka does not answer")

        def seen_lane() -> LaneStatus:
            return service.status()["lanes"][0]

        service, _ = serving(process, opened=opened)
        service.work()

    (lane,) = seen
    assert (lane["health"], lane["why"]) == ("paused", ["Kafka does not answer"])
    assert lane["paused"]["broker"]["remedy"].startswith("bring Kafka back")
