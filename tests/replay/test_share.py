"""A lane beside the live one has a part of what the destination takes, whichever ledger."""

from pathlib import Path

import pytest

from connector import wiring
from connector.adapters import metrics
from connector.recording import Unrecorded
from connector.settings import load
from connector.wiring.part import PartAssembly
from connector.wiring.redrive import Say
from tests.cli.configs import config


@pytest.mark.parametrize(
    ("delivery", "share", "in_flight", "rate"),
    [
        ({"in_flight": 40, "rate_per_second": 100}, 0.25, 10, 25.0),
        ({"in_flight": 40, "rate_per_second": 0}, 0.25, 10, 0.0),
        ({"in_flight": 2, "rate_per_second": 100}, 0.2, 1, 20.0),
        ({"in_flight": 40, "rate_per_second": 100}, 1.0, 40, 100.0),
    ],
)
def test_a_share_is_of_the_rate_and_of_what_flies(
    tmp_path: Path, delivery: dict[str, float], share: float, in_flight: int, rate: float
) -> None:
    settings = load(config(tmp_path, delivery=delivery), {})
    part = PartAssembly(settings, "yespo", wiring.SystemClock(), metrics.meter(), Say(), Unrecorded(), share)
    options = part.courier_options()
    assert (options.in_flight, options.rate_per_second) == (in_flight, rate)
    assert part.minutes(600) == (600 / rate / 60 if rate else None)
