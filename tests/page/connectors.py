"""A connector in each of its conditions: real lanes on virtual time, seen by a real service."""

from collections.abc import Callable
from functools import cache

from msgspec.structs import replace

from connector.core.status import LaneStatus, QuotaStatus
from connector.service import Running, Service
from tests.support.stage import FAST, Process, Stage, staged
from tests.support.stage_ports import StageLog
from tests.support.stage_reading import CONTACTS, ORDERS, POISON, contact, order

MINUTE = 60.0


class Told:
    """adapters.web_status.Health of lanes that were looked at last and stand still since."""

    def __init__(self, *lanes: LaneStatus) -> None:
        self.lanes = list(lanes)
        self.stuck: list[str] = []

    def live(self) -> list[str]:
        return self.stuck

    def ready(self) -> list[str]:
        return []

    def status(self) -> dict[str, list[LaneStatus]]:
        return {"lanes": self.lanes}


def _seen(stage: Stage, process: Process, name: str = "yespo") -> LaneStatus:
    """By the service, as of now."""
    running = Running(process.lane, lambda: None, lambda: None)
    (seen,) = Service([running], stage.clock, StageLog(), 5.0).status()["lanes"]
    return seen | {"destination": name}


def _work(stage: Stage, process: Process, minutes: range, each: int) -> None:
    """So many orders a minute, their contacts, and a repetition."""
    for minute in minutes:
        for half in range(2):
            first = minute * each + half * each // 2
            numbers = range(first, first + each // 2 + 5 * (minute % 3))
            stage.produce(ORDERS, *[order(f"o{n}", n) for n in numbers], order(f"o{minute}", minute))
            stage.produce(CONTACTS, *[contact(f"c-o{n}", n) for n in numbers if not n % 3])
            process.run(MINUTE / 2)


def healthy() -> Told:
    """It has worked for a while, and all is settled."""
    with staged() as stage:
        process = stage.start()
        _work(stage, process, range(12), 40)
        process.until_done()
        process.run(5)
        return Told(_seen(stage, process))


def paused() -> Told:
    """The key was changed, after some dead letters and 503s; the other lane is well."""
    with staged() as stage, staged() as other:
        process, well = stage.start(), other.start()
        _work(other, well, range(3), 8)
        _work(stage, process, range(3), 20)
        stage.produce(ORDERS, POISON, POISON)
        stage.crm.fate = lambda _: "503"
        _work(stage, process, range(3, 5), 20)
        stage.crm.fate = lambda _: "401"
        _work(stage, process, range(5, 8), 20)
        return Told(_seen(stage, process), _metrica(other, well))


def lagging() -> Told:
    """More orders than its request rate allows."""
    with staged() as stage:
        process = stage.start(courier=replace(FAST, rate_per_second=2), batch_events=1)
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(400)])
        process.run(3 * MINUTE)
        return Told(_seen(stage, process))


def empty() -> Told:
    """In its group, and nothing has come."""
    with staged() as stage:
        process = stage.start()
        process.run(MINUTE)
        return Told(_seen(stage, process))


def wide() -> Told:
    """500 partitions, of which many are behind."""
    with staged(partitions=250) as stage:
        process = stage.start(courier=replace(FAST, rate_per_second=20), batch_events=1)
        now = int(stage.clock.now() * 1000)
        for n in range(900):
            at, value = now - 1_000_000 + 1000 * n, order(f"o{n}", n)
            stage.broker.produce(ORDERS, value, partition=n * n % 250, timestamp_ms=at)
        process.run(4)
        return Told(_seen(stage, process))


def starting() -> Told:
    """The port answers before there are lanes."""
    return Told()


def _metrica(stage: Stage, process: Process) -> LaneStatus:
    """With a day's quota that does not last."""
    left = iter(range(1300, 0, -1))

    def quota() -> QuotaStatus:
        return QuotaStatus(
            requests=5000, left=next(left), resets_at=stage.clock.now() + 40_000,
            per_hour=None, spent_at=None, linger_seconds=60.0,
        )  # fmt: skip

    process.parts.quota = quota
    process.run(2 * MINUTE)
    return _seen(stage, process, "metrica")


CONNECTORS: dict[str, Callable[[], Told]] = {
    "healthy": healthy, "paused": paused, "lagging": lagging, "empty": empty, "wide": wide,
    "starting": starting,
}  # fmt: skip


@cache
def connector(name: str) -> Told:
    """Made once; who changes it makes another Told of its lanes."""
    return CONNECTORS[name]()
