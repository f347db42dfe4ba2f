"""The Discards port: what an operator dropped, in the ledger's store. Runs in SQLite and in PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.adapters.ledger_discards import PostgresDiscards, SqliteDiscards
from connector.core.letters import Discarded
from connector.ports.archive import Discards


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def discards(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Discards]:
    if request.param == "sqlite":
        store: Discards = SqliteDiscards(tmp_path / "ledger.db")
    else:
        url = request.getfixturevalue("migrated").url
        store = PostgresDiscards(lambda: url)
    yield store
    store.close()


def test_what_was_discarded_is_known_with_its_cause_and_reason(discards: Discards) -> None:
    assert discards.known(["a"]) == set()
    discards.add([("a", "mapping"), ("b", "mapping"), ("c", "check")], "test data", 100)
    assert discards.known(["a", "x", "c"]) == {"a", "c"}
    assert discards.sums() == [
        Discarded("check", "test data", 1, 100, 100), Discarded("mapping", "test data", 2, 100, 100),
    ]  # fmt: skip


def test_the_first_word_about_a_letter_stays(discards: Discards) -> None:
    discards.add([("a", "mapping")], "test data", 100)
    discards.add([("a", "check"), ("b", "check")], "again", 200)
    assert discards.sums() == [
        Discarded("mapping", "test data", 1, 100, 100), Discarded("check", "again", 1, 200, 200),
    ]  # fmt: skip
