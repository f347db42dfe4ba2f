"""A shared bucket in memory that passes the contract of the port."""

import asyncio
from collections.abc import Callable

from connector.core.quota import Quota, Taken
from connector.errors import LedgerDown


class FakeBucket:
    """What the replicas of one destination share. now: the one clock that counts."""

    def __init__(self, rate: float, now: Callable[[], float]) -> None:
        self.now = now
        self.quota = Quota(rate, rate, now(), now())


class FakeQuotas:
    """One replica's way to it. `down = True` makes every call raise; latency: seconds of the loop's time."""

    def __init__(self, bucket: FakeBucket, latency: float = 0.0) -> None:
        self.bucket, self.latency, self.down = bucket, latency, False
        self.asked: list[int] = []

    async def take(self, tokens: int, lead: float, *, refused: bool, answered: bool) -> Taken:
        await asyncio.sleep(self.latency / 2)
        if self.down:
            raise LedgerDown("the fake ledger is down")
        self.asked.append(tokens)
        now, quota = self.bucket.now(), self.bucket.quota
        if refused:
            quota = quota.refused(now)
        elif answered:
            quota = quota.answered(now)
        self.bucket.quota, wait = quota.take(now, tokens, lead)
        await asyncio.sleep(self.latency / 2)
        return Taken(wait, quota.rate)
