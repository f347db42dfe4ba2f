"""The Quotas port: what replicas share, whatever keeps it. Runs on the fake and on PostgreSQL."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import pairwise
from math import inf
from typing import Any, TypeVar

import pytest

from connector.adapters.ledger_postgres import PostgresLedger
from connector.core.quota import PATIENCE, SPAN, Quota, Taken
from connector.ports import Quotas
from connector.replay import PartOfQuotas
from connector.wiring import SystemClock
from tests.fakes.quotas import FakeBucket, FakeQuotas

T = TypeVar("T")
RATE = 200.0


class World:
    """One bucket. `open`: a replica more, for a rate of its own configuration.

    spent: seconds since the first token was taken: by so much a machine that stands still may blur the rest.
    """

    def __init__(self, make: Callable[[float], Quotas]) -> None:
        self.open = make
        self._runner = asyncio.Runner()
        self._begun: float | None = None

    def take(self, quotas: Quotas, tokens: int, lead: float = 0.0, *, refused: bool = False,
             answered: bool = False) -> tuple[float, Taken]:  # fmt: skip
        """When the first token is due, by the test's clock (late by no more than the answer took)."""
        self._begun = self._begun or time.monotonic()
        taken = self.run(quotas.take(tokens, lead, refused=refused, answered=answered))
        return time.monotonic() + taken.wait, taken

    @property
    def spent(self) -> float:
        return time.monotonic() - (self._begun or inf)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(main)

    def close(self) -> None:
        self._runner.close()


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    bucket, ledgers = FakeBucket(RATE, time.monotonic), list[PostgresLedger]()

    def fake(rate: float) -> Quotas:
        return FakeQuotas(bucket)

    def postgres(rate: float) -> Quotas:
        url = request.getfixturevalue("migrated").url
        ledgers.append(PostgresLedger(lambda: url, "yespo"))
        return ledgers[-1].quotas(rate)

    made = World(fake if request.param == "fake" else postgres)
    yield made
    made.close()
    for ledger in ledgers:
        ledger.close()


def test_a_full_bucket_gives_its_burst_at_once_and_then_at_the_rate(world: World) -> None:
    quotas = world.open(RATE)
    burst = int(RATE * SPAN)
    _, first = world.take(quotas, burst)
    assert first.wait == pytest.approx((1 - burst) / RATE)
    dues = [world.take(quotas, burst) for _ in range(5)]
    assert [taken.rate for _, taken in dues] == [RATE] * 5
    assert dues[-1][0] - dues[0][0] == pytest.approx(4 * burst / RATE, abs=0.2 + world.spent)
    assert dues[-1][1].wait > -world.spent


def test_replicas_take_turns_from_one_bucket(world: World) -> None:
    """What one has taken is not there for the other: their tokens follow one another."""
    one, other = world.open(RATE), world.open(RATE)
    dues = [world.take(quotas, 40)[0] for _ in range(4) for quotas in (one, other)]
    assert dues[-1] - dues[0] >= 7 * 40 / RATE - 0.25 - world.spent
    assert all(later > earlier - world.spent for earlier, later in pairwise(dues))


def test_a_refusal_of_one_lowers_the_rate_of_all_and_answers_of_any_raise_it(world: World) -> None:
    one, other = world.open(RATE), world.open(RATE)
    world.take(one, 1)
    assert world.take(one, 1, refused=True)[1].rate == RATE / 2
    lowered = world.take(other, 1, refused=True)[1].rate
    assert lowered == RATE / 2 or world.spent > PATIENCE
    time.sleep(0.05)
    raised = world.take(other, 1, answered=True)[1].rate
    assert lowered < raised < lowered + 10
    assert world.take(one, 1)[1].rate == raised


def test_no_token_is_due_before_the_lead(world: World) -> None:
    quotas = world.open(RATE)
    assert world.take(quotas, 3, lead=2.0)[1].wait >= 2.0 - SPAN


def test_a_part_waits_for_its_own_tokens_first_and_takes_no_others(world: World) -> None:
    """A replay's: to ask for a later token of the shared one would keep all before it from live traffic."""
    own = RATE / 2
    live, part = world.open(RATE), PartOfQuotas(world.open(RATE), Quota(own, own), SystemClock())
    first, _ = world.take(live, 1000)
    _, taken = world.take(part, 100)
    assert taken.rate == own
    assert taken.wait >= 1000 / RATE - 0.5 - world.spent
    late, began = world.spent, time.monotonic()
    world.take(part, 1)
    assert time.monotonic() - began >= 100 / own - 0.2 - late
    blur = world.spent - 100 / own
    assert world.take(live, 1)[0] - first == pytest.approx(1101 / RATE, abs=0.3 + max(0.0, blur))
