"""The courier's figures, gathered cheaply and handed to the meter now and then."""

import asyncio
from collections import defaultdict

from connector.core.talk import NoAnswer, Response
from connector.ports import Meter

EVERY = 0.25
"""Seconds between two hand-overs."""
OK = range(200, 300)


class Tally:
    """Lives on the courier's event loop. failed: requests without success, as handed over."""

    def __init__(self, destination: str, meter: Meter) -> None:
        self._destination, self._meter = destination, meter
        self._requests: defaultdict[tuple[str, int | str], int] = defaultdict(int)
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._retries: defaultdict[str, int] = defaultdict(int)
        self._events: defaultdict[str, list[float]] = defaultdict(list)
        self._bytes: defaultdict[str, list[float]] = defaultdict(list)
        self._histograms = {
            "request_seconds": self._seconds,
            "batch_events": self._events,
            "batch_bytes": self._bytes,
        }
        self.failed: dict[tuple[str, str], int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def request(self, resource: str, reply: Response | NoAnswer, seconds: float) -> None:
        """One attempt ended; without an answer its status is `none`."""
        self._requests[resource, reply.status if type(reply) is Response else "none"] += 1
        self._seconds[resource].append(seconds)
        if self._timer is None:
            self._soon()

    def batch(self, resource: str, events: int, size: int) -> None:
        """A batch is written; size: bytes of its records."""
        self._events[resource].append(events)
        self._bytes[resource].append(size)

    def retry(self, reason: str, events: int) -> None:
        """Events that are tried again."""
        self._retries[reason] += events
        if self._timer is None:
            self._soon()

    def _soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY, self.flush)

    def flush(self) -> None:
        """Hand over what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        meter, destination = self._meter, self._destination
        for (resource, status), count in self._requests.items():
            meter.add("requests_total", count, destination=destination, resource=resource, status=str(status))
            if status not in OK:
                self.failed[resource, str(status)] = self.failed.get((resource, str(status)), 0) + count
        for name, figures in self._histograms.items():
            for resource, values in figures.items():
                meter.observe(name, values, destination=destination, resource=resource)
            figures.clear()
        for reason, count in self._retries.items():
            meter.add("retries_total", count, destination=destination, reason=reason)
        self._requests.clear()
        self._retries.clear()
