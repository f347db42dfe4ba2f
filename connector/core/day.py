"""A quota of requests that is counted by days of GMT: what it leaves, how long to linger so that it lasts.

Pure. Times are seconds since the epoch.
"""

from math import ceil
from typing import Final

DAY: Final = 86_400.0
KINDS: Final = 2
"""Uploads that one linger ends with: of contacts, and of orders."""


def day_of(now: float) -> int:
    """Days since the epoch."""
    return int(now // DAY)


def day_left(now: float) -> float:
    """Seconds to 00:00 GMT."""
    return DAY - now % DAY


def stretched(linger: float, left: int, seconds: float, most: int) -> float:
    """Seconds to linger: as configured while half of the day's `most` requests are left, then so long that
    `left` ones last for `seconds`.

    With none left as configured: what is tried then says so, and pauses the lane.
    """
    if left <= 0 or left * 2 > most:
        return linger
    return max(linger, min(seconds, seconds * KINDS / left))


def drained(requests: int, now: float, *, rate: float, left: int | None = None, per_day: int = 0) -> float:
    """When so many requests will have been made, at `rate` a second and `per_day` a day, of which today has
    `left` (None: days are not counted)."""
    if left is None or requests <= left:
        return now + requests / rate
    rest = requests - left
    days = ceil(rest / per_day)
    last = rest - (days - 1) * per_day
    return now + day_left(now) + (days - 1) * DAY + last / rate
