"""Products that a counter was told of are kept in the ledger, or written down when it answers again."""

from pathlib import Path

from connector.settings import load
from connector.wiring.products import Shelf
from tests.cli.configs import config

METRICA = {"type": "metrica", "counter_id": 1, "token": "t", "statuses": {"new": "PAID"}}
PEAR, FIG = b"pear....", b"fig....."


def shelf(folder: Path, **options: str) -> Shelf:
    return Shelf(load(config(folder, destinations={"metrica": METRICA | options}), {}), "metrica")


def test_what_is_noted_is_known_to_the_next_process_once_it_was_tended(tmp_path: Path) -> None:
    one = shelf(tmp_path)
    one.note([PEAR])
    assert shelf(tmp_path).known() == set()
    one.tend()
    one.tend()
    assert shelf(tmp_path).known() == {PEAR}
    assert shelf(tmp_path, products="off").known() == set()


def test_while_the_ledger_is_away_it_waits_and_nothing_is_lost(tmp_path: Path) -> None:
    ledger, one = tmp_path / "ledger.db", shelf(tmp_path)
    ledger.mkdir()
    assert one.known() == set()
    one.note([PEAR])
    one.tend()
    ledger.rmdir()
    one.note([FIG])
    one.tend()
    assert one.known() == {PEAR, FIG}
