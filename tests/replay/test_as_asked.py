"""A replay's configuration: how a backfill goes to a destination, where nobody chose."""

from pathlib import Path
from typing import Any

import pytest

from connector.core.checkpoint import Job
from connector.errors import ConfigError
from connector.settings import load
from connector.wiring.destinations import dialect
from connector.wiring.replay import as_asked
from connector.wiring.replays import Replay
from tests.cli.configs import config
from tests.dialects.metrica_samples import order_event

METRICA = {"type": "metrica", "counter_id": 1, "token": "t", "statuses": {"new": "IN_PROGRESS"}}


def goes(folder: Path, via: Any = None, **options: str) -> str:
    """As what a live change of an order is uploaded in a replay."""
    settings = load(config(folder, destinations={"metrica": METRICA | options}), {})
    job = Job("metrica", "orders", "beginning", "end", 0, "ledger", via=via)
    asked = as_asked(settings, Replay("id", "group", job, {}, {}))
    return dialect(asked, "metrica").lot(order_event()).group.partition(",")[0] or "json"


def test_a_backfill_of_metrica_is_uploaded_as_csv_unless_the_configuration_chooses(tmp_path: Path) -> None:
    assert goes(tmp_path) == "csv"
    assert goes(tmp_path, upload="json") == "json"


def test_a_way_of_yespos_is_refused_for_metrica(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--via: past_events is a way of Yespo's"):
        goes(tmp_path, via="past_events")
