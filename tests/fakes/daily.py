"""A count of a day's requests in memory."""

from collections.abc import Callable

from connector.core.day import day_of
from connector.errors import LedgerDown


class FakeDays:
    """What the replicas of one destination share."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.day, self.used = -1, 0


class FakeDaily:
    """Implements ports.Daily. `down = True` makes every call raise."""

    def __init__(self, days: FakeDays) -> None:
        self._days, self.down = days, False

    def take(self, most: int) -> int:
        if self.used() >= most:
            return -1
        self._days.used += 1
        return most - self._days.used

    def spend(self, most: int) -> None:
        self.used()
        self._days.used = most

    def used(self) -> int:
        if self.down:
            raise LedgerDown("the fake ledger is down")
        today = day_of(self._days.now())
        if today != self._days.day:
            self._days.day, self._days.used = today, 0
        return self._days.used

    def close(self) -> None:
        """Nothing is open."""
