"""The courier's thread, as a lane uses it: hand in, block, harvest, drain, give back."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from connector.core.retry import Backoff
from connector.core.talk import Refused, Response, Retry
from connector.courier import Courier, CourierOptions, Edges, Landed
from connector.errors import Fatal
from tests.courier.scripted import LIVE, Scripted, by_path, sending
from tests.fakes.http import FakeHttp
from tests.fakes.meter import FakeMeter

QUICK = CourierOptions(in_flight=2, backoff=Backoff(0.01, 0.02, 0.005), pause=Backoff(0.01, 0.02, 0.01))


class RealClock:
    """The Clock port over the system's clocks."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


def edges(destination: Scripted, http: FakeHttp) -> Edges:
    """Around a courier of real time."""
    return Edges(destination, http, RealClock(), FakeMeter())


@contextmanager
def courier(
    destination: Scripted | None = None, http: FakeHttp | None = None, options: CourierOptions = QUICK
) -> Iterator[Courier]:
    """A started courier, closed afterwards."""
    made = Courier(edges(destination or Scripted(), http or FakeHttp(by_path, 0.001)), options, seed=7)
    made.start()
    try:
        yield made
    finally:
        made.close()


def harvest(courier: Courier, count: int, seconds: float = 60.0) -> list[Landed]:
    """Block as a lane does until so many have landed."""
    landed, end = list[Landed](), time.monotonic() + seconds
    while len(landed) < count:
        assert time.monotonic() < end, "they never landed"
        courier.wait(1.0)
        landed += courier.harvest()
    return landed


def test_what_is_handed_in_lands_and_the_lane_sleeps_meanwhile() -> None:
    with courier(Scripted({"b": [Refused("bad", "")], "c": [Retry("unavailable")]})) as flying:
        flying.submit([(LIVE, [sending(key)]) for key in "abc"])
        landed = harvest(flying, 3)
        assert {(one.sending.event.key, one.attempts) for one in landed} == {("a", 1), ("b", 1), ("c", 2)}
        assert flying.harvest() == []
        _until(lambda: flying.state().events == 0)  # counted when they can be harvested already


def test_waiting_ends_with_its_time_when_nothing_lands() -> None:
    with courier() as flying:
        begun = time.monotonic()
        flying.wait(0.02)
        assert 0.015 < time.monotonic() - begun < 20


def test_room_is_what_slots_are_left_and_state_tells_what_is_in_flight() -> None:
    http = FakeHttp(by_path, 30)
    with courier(http=http, options=replace(QUICK, in_flight=3)) as flying:
        assert flying.room == 3
        flying.submit([(LIVE, [sending("a", 200)]), (LIVE, [sending("b", 300)])])
        assert flying.room == 1
        _until(lambda: http.flying == 2)
        state = flying.state()
        assert (flying.room, flying.flying, state.events, state.bytes) == (1, 2, 2, 500)
        assert state.deadline is not None
        assert state.started is not None
        assert 30 < state.deadline - state.started < 40


def test_some_more_may_wait_for_a_slot_but_not_for_the_rate() -> None:
    http = FakeHttp(by_path, 30)
    with courier(http=http, options=replace(QUICK, in_flight=4)) as flying:
        assert (flying.room, flying.ahead) == (4, 6)
        flying.submit([(LIVE, [sending(key)]) for key in "abcde"])
        assert (flying.room, flying.ahead) == (0, 1)
    with courier(
        http=FakeHttp(by_path, 30), options=replace(QUICK, in_flight=4, rate_per_second=0.01)
    ) as flying:
        flying.submit([(LIVE, [sending(key)]) for key in "abc"])
        _until(lambda: flying.state().throttled > 0)
        assert (flying.room, flying.ahead) == (1, 1)


def test_an_open_gate_has_no_room_and_says_why_and_until_when() -> None:
    destination = Scripted({"a": [Retry("throttled", 60.0)]})
    with courier(destination) as flying:
        flying.submit([(LIVE, [sending("a")])])
        _until(lambda: flying.state().paused is not None)
        state = flying.state()
        assert (flying.room, flying.ahead, flying.flying, state.paused, state.waiting) == (
            0,
            0,
            0,
            "quota",
            1,
        )
        assert state.next_attempt is not None
        assert state.paused_since is not None
        assert state.next_attempt - state.paused_since == pytest.approx(60)


def test_an_idle_courier_whose_gate_opened_asks_for_the_probe_and_takes_it() -> None:
    """A lane that only hands in what there is room for is never stuck."""
    with courier(Scripted({"a": [Retry("throttled", 2.0)]})) as flying:
        flying.submit([(LIVE, [sending("a")])])
        _until(lambda: flying.state().paused == "quota")
        assert [one.event.key for one in flying.withdraw(lambda _: True)] == ["a"]
        _until(lambda: flying.room == 1)
        flying.submit([(LIVE, [sending("b")])])
        assert flying.room == 0
        harvest(flying, 1)
        _until(lambda: flying.room == QUICK.in_flight)


def test_drain_waits_for_what_flies_and_not_for_what_would_be_tried_again() -> None:
    with courier(Scripted({"b": [Retry("conflict", 60.0)]}), FakeHttp(by_path, 0.05)) as flying:
        flying.submit([(LIVE, [sending("a")]), (LIVE, [sending("b")])])
        assert flying.drain(60.0)
        assert [one.sending.event.key for one in flying.harvest()] == ["a"]
        assert [one.event.key for one in flying.abandon()] == ["b"]
        assert flying.in_doubt == []


def test_a_drain_ends_with_its_budget_and_what_still_flies_is_in_doubt() -> None:
    with courier(http=FakeHttp(by_path, 30)) as flying:
        flying.submit([(LIVE, [sending("a")])])
        _until(lambda: flying.flying == 1)
        begun = time.monotonic()
        assert not flying.drain(0.05)
        assert time.monotonic() - begun < 20
        assert flying.abandon() == []
        assert [(one.event.key, one.doubtful) for one in flying.in_doubt] == [("a", True)]


def test_a_conversation_that_keeps_raising_reaches_the_lane_as_fatal_after_what_landed() -> None:
    with courier(Scripted({"a": [KeyError("x")] * 9}), options=replace(QUICK, defects=2)) as flying:
        flying.submit([(LIVE, [sending("a")]), (LIVE, [sending("b")])])
        landed = harvest(flying, 1)
        with pytest.raises(Fatal, match="raised KeyError"):
            harvest(flying, 1)
        assert [one.sending.event.key for one in landed] == ["b"]
        assert (flying.harvest(), flying.room) == ([], 0)
        assert flying.abandon() == []
        assert [one.event.key for one in flying.in_doubt] == ["a"]


def test_closing_ends_the_thread_and_the_client() -> None:
    http = FakeHttp(by_path, 30)
    with courier(http=http) as flying:
        flying.submit([(LIVE, [sending("a")])])
    assert http.closed
    assert not any(thread.name == "courier-crm" for thread in threading.enumerate())
    flying.close()


def test_a_courier_that_never_started_can_be_closed() -> None:
    http = FakeHttp(by_path)
    Courier(edges(Scripted(), http), QUICK).close()
    assert http.closed


def test_hundreds_of_live_events_pass_in_the_order_of_no_one() -> None:
    """As a lane feeds it: never more than there is room for."""
    http = FakeHttp(lambda _: Response(200), 0.0005)
    waiting, landed = [sending(str(n)) for n in range(500)], list[Landed]()
    with courier(http=http, options=replace(QUICK, in_flight=16)) as flying:
        while len(landed) < 500:
            room = flying.room
            batch, waiting = waiting[:room], waiting[room:]
            if batch:
                flying.submit([(LIVE, [one]) for one in batch])
            flying.wait(1.0)
            landed += flying.harvest()
    assert http.peak <= 16
    assert len({one.sending.event.key for one in landed}) == 500


def _until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.001)
