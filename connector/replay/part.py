"""A part of the rate that replicas share: a replay stays behind live traffic, and both within the quota."""

import asyncio

from connector.core.quota import Quota, Taken
from connector.ports import Clock, Quotas


class PartOfQuotas:
    """ports.Quotas over the shared bucket: no token without one of its own, smaller bucket.

    Its own is waited for here. To ask the shared one for a later token would keep that token, and all
    before it, from the others.
    """

    def __init__(self, whole: Quotas, part: Quota, clock: Clock) -> None:
        """part: its own bucket, full."""
        self._whole, self._part, self._clock = whole, part, clock

    async def take(self, tokens: int, lead: float, *, refused: bool, answered: bool) -> Taken:
        """See ports.Quotas. They come at the slower of the two rates."""
        self._part, wait = self._part.take(self._clock.monotonic(), tokens)
        await asyncio.sleep(max(0.0, wait))
        taken = await self._whole.take(tokens, lead, refused=refused, answered=answered)
        return Taken(taken.wait, min(taken.rate, self._part.rate))
