"""A part of a rate that replicas share: no more than it, and nothing taken from the others but that."""

import asyncio

from connector.core.quota import Quota
from connector.replay import PartOfQuotas
from tests.fakes.clock import FakeClock
from tests.fakes.quotas import FakeBucket, FakeQuotas
from tests.support.virtual import run_virtual

RATE, PART, SECONDS = 100.0, 5.0, 20.0


async def _spend(quotas: FakeQuotas | PartOfQuotas, clock: FakeClock, most: int) -> int:
    """Take tokens as they come, each used at its time; how many in so many seconds."""
    used = 0
    while clock.monotonic() < SECONDS:
        taken = await quotas.take(most, 0.0, refused=False, answered=True)
        await asyncio.sleep(max(0.0, taken.wait + (most - 1) / taken.rate))
        used += most
    return used


def spent(*, live: bool) -> tuple[int, int]:
    """Requests of live traffic that always has some, and of a replay beside it."""
    clock = FakeClock(0.0)
    bucket = FakeBucket(RATE, clock.monotonic)
    part = PartOfQuotas(FakeQuotas(bucket), Quota(PART, PART), clock)

    async def both() -> tuple[int, int]:
        replayed = asyncio.ensure_future(_spend(part, clock, 1))
        others = await _spend(FakeQuotas(bucket), clock, 10) if live else 0
        return others, await replayed

    return run_virtual(clock, both())


def test_alone_a_replay_has_its_part_and_no_more() -> None:
    _, replayed = spent(live=False)
    assert 0.95 * PART * SECONDS <= replayed <= 1.05 * PART * SECONDS + 2


def test_beside_a_replay_live_traffic_has_all_the_rest() -> None:
    others, replayed = spent(live=True)
    assert others >= 0.93 * (RATE - PART) * SECONDS
    assert others + replayed <= 1.02 * RATE * SECONDS + 10
    assert replayed <= 1.05 * PART * SECONDS + 2
