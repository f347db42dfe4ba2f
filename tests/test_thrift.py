"""A day's requests, and the lane that has nothing to send when the next day begins."""

from pathlib import Path

import pytest

from connector.adapters.ledger_daily import SqliteDaily
from connector.core.day import day_left
from connector.core.plan import Plan
from connector.recording import Unrecorded
from connector.settings import load
from connector.wiring.assembly import Assembly
from connector.wiring.daily import SLACK, Thrift
from connector.wiring.edges import registry
from tests.cli.configs import config
from tests.fakes.clock import FakeClock
from tests.fakes.http import FakeHttp
from tests.fakes.meter import FakeMeter
from tests.support.stage_ports import StageLog

LINGER = 60.0
METRICA = {"type": "metrica", "counter_id": 1, "token": "t", "statuses": {"new": "PAID"}}


class Idle:
    """A replica that starts when few requests are left, and sends none."""

    def __init__(self, folder: Path, left: int) -> None:
        settings = load(config(folder, destinations={"metrica": METRICA}), {})
        self.clock, self.meter = FakeClock(), FakeMeter()
        SqliteDaily(folder / "ledger.db", "metrica").spend(5000 - left)
        self.thrift = Thrift("metrica", LINGER, self.clock, self.meter)
        self.thrift.client(settings, FakeHttp(latency=0))
        self.plan = Plan(batch_events=10, batch_bytes=1000, linger=LINGER)
        self.thrift.guide(self.plan)

    @property
    def left(self) -> float | None:
        return self.meter.value("daily_quota_left_requests", destination="metrica")


@pytest.mark.parametrize("left", [0, 2])
def test_a_replica_without_requests_of_its_own_notices_the_new_day(tmp_path: Path, left: int) -> None:
    """Else its old number looks as if the new day's quota were nearly spent, and its next batch waits."""
    idle = Idle(tmp_path, left)
    today = day_left(idle.clock.now())
    idle.clock.advance(today - 1)
    idle.thrift.tend()
    assert idle.left == left
    idle.clock.advance(1 + SLACK)
    idle.thrift.tend()
    assert (idle.left, idle.plan.linger) == (5000, LINGER)


def test_what_few_requests_are_left_last_as_long_as_the_day(tmp_path: Path) -> None:
    assert Idle(tmp_path, 2).plan.linger > LINGER


def test_a_lane_is_built_so_that_it_lingers_by_the_quota_and_begins_each_day_anew(tmp_path: Path) -> None:
    """Its gauge, its plan and how long it may be asked to stay away; Yespo, who counts no days, has none."""
    yespo = {"type": "yespo", "url": "http://127.0.0.1:1", "api_key": "k"}
    both = {"metrica": METRICA, "yespo": yespo}
    settings, clock, meter = load(config(tmp_path, destinations=both), {}), FakeClock(), FakeMeter()
    SqliteDaily(tmp_path / "ledger.db", "metrica").spend(4990)
    schemas = registry(settings)
    lanes = {
        name: Assembly(settings, name, clock, meter, StageLog(), Unrecorded()).lane(schemas, embedded=True)
        for name in settings.destinations
    }
    try:
        parts, left = lanes["metrica"].lane.parts, "daily_quota_left_requests"
        assert meter.value(left, destination="metrica") == 10
        assert parts.plan.linger > LINGER
        clock.advance(day_left(clock.now()) + SLACK)
        for running in lanes.values():
            running.lane.parts.tend()
        assert meter.value(left, destination="metrica") == 5000
        assert parts.plan.linger == LINGER
        assert meter.value(left, destination="yespo") is None
    finally:
        for running in lanes.values():
            running.close()
