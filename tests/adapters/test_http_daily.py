"""A client within a quota of requests a day."""

import asyncio

import pytest

from connector.adapters.http_daily import UNCOUNTED, DailyHttp
from connector.core.day import day_left
from connector.core.talk import NoAnswer, Request, Response
from tests.fakes.clock import FakeClock
from tests.fakes.daily import FakeDaily, FakeDays
from tests.fakes.http import FakeHttp

ASK = Request("POST", "/", "orders", b"{}")


class World:
    """Three requests a day."""

    def __init__(self) -> None:
        self.clock, self.told = FakeClock(), list[int]()
        self.daily, self.inner = FakeDaily(FakeDays(self.clock.now)), FakeHttp(latency=0)
        self.http = DailyHttp(
            self.inner,
            self.daily,
            3,
            self.clock,
            is_spent=lambda answer: b"spent" in answer.body,
            told=lambda left, _: self.told.append(left),
        )

    def send(self, times: int = 1) -> list[Response | NoAnswer]:
        async def run() -> list[Response | NoAnswer]:
            return [await self.http.send(ASK, 5) for _ in range(times)]

        return asyncio.run(run())


@pytest.fixture
def world() -> World:
    return World()


def test_a_request_beyond_the_quota_is_not_made_but_answered_as_the_destination_would(world: World) -> None:
    answers = world.send(4)
    assert [answer.status for answer in answers if isinstance(answer, Response)] == [200, 200, 200, 429]
    assert len(world.inner.sent) == 3
    assert world.told == [2, 1, 0, 0]
    last = answers[-1]
    assert isinstance(last, Response)
    assert int(last.headers["retry-after"]) >= day_left(world.clock.now())
    assert b"quota_requests_by_uid" in last.body


def test_a_new_day_is_made_use_of(world: World) -> None:
    world.send(4)
    world.clock.advance(day_left(world.clock.now()))
    assert world.send() == [Response(200)]


def test_what_the_destination_calls_spent_is_believed_till_midnight(world: World) -> None:
    world.inner.answer = lambda _: Response(429, b"spent")
    world.send(2)
    assert len(world.inner.sent) == 1
    assert world.daily.take(3) == -1


def test_another_429_is_of_seconds_and_counts_for_no_day(world: World) -> None:
    world.inner.answer = lambda _: Response(429, b"by_ip")
    assert world.send(2) == [Response(429, b"by_ip")] * 2
    assert len(world.inner.sent) == 2


def test_what_may_not_be_counted_is_not_made(world: World) -> None:
    world.daily.down = True
    assert world.send() == [UNCOUNTED]
    assert world.inner.sent == []
