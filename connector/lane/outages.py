"""What is paused, why, and when it is tried again (promise 6)."""

from msgspec import Struct

from connector.core.status import Pause
from connector.lane.advice import OUTAGES
from connector.ports import Clock, Log, Meter

FIRST_WAIT, LONGEST_WAIT = 0.25, 15.0
"""Seconds between two tries of what is down, doubling from the first to the longest."""


class _Pause(Struct):
    step: str
    since: float
    wait: float
    until: float
    detail: str


class Outages:
    """The lane's own pauses by reason; the courier keeps those of the destination."""

    def __init__(self, destination: str, clock: Clock, meter: Meter, log: Log) -> None:
        """Nothing is paused."""
        self._destination, self._clock, self._meter, self._log = destination, clock, meter, log
        self._pauses: dict[str, _Pause] = {}

    def blocks(self, reason: str) -> bool:
        """Whether `reason` is down and its next try is not due yet."""
        pause = self._pauses.get(reason)
        return pause is not None and self._clock.monotonic() < pause.until

    def hit(self, reason: str, detail: str, step: str) -> None:
        """A step failed by it (again)."""
        now = self._clock.monotonic()
        pause = self._pauses.get(reason)
        if pause is None:
            self._pauses[reason] = _Pause(step, self._clock.now(), FIRST_WAIT, now + FIRST_WAIT, detail)
            self._meter.set("paused", 1, destination=self._destination, reason=reason)
            self._log.warning("paused", destination=self._destination, reason=reason, detail=detail)
            return
        pause.wait = min(pause.wait * 2, LONGEST_WAIT)
        pause.until, pause.detail, pause.step = now + pause.wait, detail, step

    def passed(self, step: str) -> None:
        """A step went through: what it failed by works. That another step did so proves nothing: it may not
        have needed what is down."""
        for reason in [reason for reason, pause in self._pauses.items() if pause.step == step]:
            del self._pauses[reason]
            self._meter.set("paused", 0, destination=self._destination, reason=reason)
            self._log.info("resumed", destination=self._destination, reason=reason)

    def view(self) -> dict[str, Pause]:
        """For the status page, by reason."""
        ahead = self._clock.now() - self._clock.monotonic()
        return {
            reason: Pause(
                since=pause.since, detail=pause.detail, remedy=OUTAGES[reason], next_try=pause.until + ahead
            )
            for reason, pause in self._pauses.items()
        }
