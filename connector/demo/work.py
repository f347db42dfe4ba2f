"""A service at work in a thread, and what can be seen of it meanwhile."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from connector.demo.settings import DESTINATION, METRICA
from connector.sandbox.server import SandboxServer
from connector.service import Service


class Snapshot(Struct, frozen=True):
    """The state of a run.

    lag: records not settled, None before the group is joined; paused: reasons; answers: by status. uploaded:
    records settled for Metrica, where that is there.
    """

    records: int
    outcomes: Mapping[str, int]
    lag: int | None
    paused: tuple[str, ...]
    answers: Mapping[int, int]
    contacts: int
    orders: int
    seconds: float
    uploaded: int = 0

    @property
    def settled(self) -> int:
        """Records with an outcome."""
        return sum(self.outcomes.values())


class Work:
    """A running service, seen by those who wait for it. `result`: its exit code, None while it runs."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._thread = threading.Thread(target=self._work, name="service")
        self._began = time.monotonic()
        self.result: int | None = None

    def _work(self) -> None:
        self.result = 1
        self.result = self._service.work()

    @property
    def ended(self) -> bool:
        """Whether it has stopped by itself."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> int:
        """Drain and end; its exit code."""
        self._service.stop()
        self._thread.join()
        return 1 if self.result is None else self.result

    def trouble(self) -> str:
        """Why it does not go on, in a few words."""
        lane = self._lane()
        return lane["failure"] or ", ".join(lane["paused"]) or "records are left, and nothing is paused"

    def look(self, records: int, sandbox: SandboxServer) -> Snapshot:
        """What is to be seen now. records: how many are to be settled."""
        lane, counts = self._lane(), sandbox.crm.counts()
        answers: Counter[int] = Counter()
        for (_, status), count in sandbox.crm.answers.items():
            answers[status] += count
        return Snapshot(
            records=records,
            outcomes=lane["outcomes"],
            lag=sum(part["lag_records"] for part in lane["partitions"]) if lane["partitions"] else None,
            paused=tuple(lane["paused"]),
            answers=answers,
            contacts=counts["contacts"],
            orders=counts["orders"],
            seconds=time.monotonic() - self._began,
            uploaded=sum(self._lane(METRICA)["outcomes"].values())
            if METRICA in self._service.lanes
            else records,
        )

    def _lane(self, name: str = DESTINATION) -> dict[str, Any]:
        lanes: Any = self._service.status()["lanes"]
        return next(dict(lane) for lane in lanes if lane["destination"] == name)


@contextmanager
def working(service: Service) -> Iterator[Work]:
    """A service for the time of a with block, drained at its end."""
    work = Work(service)
    work.start()
    try:
        yield work
    finally:
        work.stop()
