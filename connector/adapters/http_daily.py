"""Any HTTP client, within a quota of requests a day: what that does not allow is not written (promise 6).

A spent quota answers as the destination itself would, 429, with the seconds to 00:00 GMT: so the gate closes
till then, and whatever reads answers needs to know no more. What the destination says of its own count holds
for all who share ours.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import ceil
from typing import Final

from connector.core.day import day_left
from connector.core.talk import NoAnswer, Request, Response
from connector.errors import ConnectorError
from connector.ports import Clock, Daily, Http

TOO_MANY: Final = 429
UNCOUNTED: Final = NoAnswer(False, "the ledger that counts requests")


class DailyHttp:
    """Implements ports.Http. most: requests a day; told: called with what is left, and the seconds till then.

    is_spent: whether an answer says that the day's quota is spent.
    """

    def __init__(
        self,
        http: Http,
        daily: Daily,
        most: int,
        clock: Clock,
        *,
        is_spent: Callable[[Response], bool],
        told: Callable[[int, float], None],
    ) -> None:
        self._http, self._daily, self._most, self._clock = http, daily, most, clock
        self._is_spent, self._told = is_spent, told
        self._thread = ThreadPoolExecutor(1, "daily-quota")

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        """See ports.Http. A request that may not be counted is not made."""
        begun = self._clock.monotonic()
        try:
            left = await self._run(partial(self._daily.take, self._most))
        except ConnectorError:
            return UNCOUNTED
        self._told(max(0, left), day_left(self._clock.now()))
        if left < 0:
            return self._refusal()
        timeout -= self._clock.monotonic() - begun  # the claim's lease was looked at before (RULES 2)
        answer = await self._http.send(request, timeout) if timeout > 0 else UNCOUNTED
        if isinstance(answer, Response) and answer.status == TOO_MANY and self._is_spent(answer):
            return await self._spent()
        return answer

    async def close(self) -> None:
        """See ports.Http; and the count's."""
        await self._http.close()
        self._thread.shutdown(cancel_futures=True)
        self._daily.close()

    async def _spent(self) -> Response:
        with suppress(ConnectorError):  # the next request is told so again
            await self._run(partial(self._daily.spend, self._most))
        self._told(0, day_left(self._clock.now()))
        return self._refusal()

    def _refusal(self) -> Response:
        """As the destination's own; it may be a second late, never early."""
        wait = ceil(day_left(self._clock.now()))
        body = b'{"errors": [{"error_type": "quota_requests_by_uid"}], "code": 429}'
        return Response(TOO_MANY, body, {"retry-after": str(wait)})

    async def _run(self, work: Callable[[], int | None]) -> int:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work) or 0
