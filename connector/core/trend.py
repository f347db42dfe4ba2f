"""A lane's last hour in steps: for a small curve, its pace, and when it will have caught up. Pure."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from connector.core.day import day_of

STEP: Final = 15.0
STEPS: Final = 240
"""Steps of so many seconds: an hour."""
MINUTE: Final = 60.0
SLOPE: Final = 300.0
"""Seconds that a forecast looks back …"""
SURE: Final = 30.0
"""… and at least, before it says something."""


class Step(Struct):
    """The most lag within a step, what was settled within it, what was left of the day's quota at its end.

    at: its begin; until: when it was looked at last. Seconds since the epoch.
    """

    at: float
    until: float
    records: int = 0
    seconds: float = 0.0
    settled: int = 0
    left: int | None = None


class Trend:
    """Told about once a second what is so; remembers `STEPS` steps."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._steps: deque[Step] = deque(maxlen=STEPS)
        self._settled = 0

    def __iter__(self) -> Iterator[Step]:
        """From the oldest to the one that is going on."""
        return iter(self._steps)

    def note(self, now: float, records: int, seconds: float, settled: int, left: int | None) -> None:
        """What is so now. settled: since start."""
        step = self._step(now)
        step.until = max(step.until, now)
        step.records, step.seconds = max(step.records, records), max(step.seconds, seconds)
        step.settled += settled - self._settled
        step.left = left
        self._settled = settled

    def _step(self, now: float) -> Step:
        last = self._steps[-1] if self._steps else None
        if last is None or not last.at <= now < last.at + STEP:  # a clock may be set back
            self._steps.append(Step(now, now))
        return self._steps[-1]

    def rate(self, now: float) -> float:
        """Records settled a second, within the last minute or a step more."""
        steps = self._within(now, MINUTE)
        if not steps:
            return 0.0
        begin, rest = (steps[0].until, steps[1:]) if len(steps) > 1 else (steps[0].at, steps)
        return sum(step.settled for step in rest) / max(1.0, now - begin)

    def caught_up_at(self, now: float) -> float | None:
        """When no lag is left, at the pace of the last minutes. None: it does not shrink, or is not known."""
        steps = self._within(now, SLOPE)
        if not steps or now - steps[0].at < SURE or not steps[-1].records:
            return None
        gone = steps[0].records - steps[-1].records
        return now + steps[-1].records * (now - steps[0].at) / gone if gone > 0 else None

    def per_hour(self, now: float) -> float | None:
        """Requests of the day's quota that an hour takes, at the pace of the last one, or since 00:00 GMT."""
        steps = [step for step in self._steps if day_of(step.at) == day_of(now) and step.left is not None]
        if not steps or (seconds := steps[-1].until - steps[0].until) < SURE:
            return None
        first, last = steps[0].left or 0, steps[-1].left or 0
        return max(0.0, (first - last) / seconds * 3600)

    def _within(self, now: float, seconds: float) -> list[Step]:
        return [step for step in self._steps if now - seconds - STEP < step.at <= now]
