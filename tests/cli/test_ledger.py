"""`ledger`: migrate, prune, and a start on what was not migrated."""

import sqlite3
from pathlib import Path

import pytest

from connector import wiring
from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_postgres_schema import STEPS as POSTGRES_STEPS
from connector.adapters.ledger_sqlite_schema import STEPS as SQLITE_STEPS
from connector.cli import call
from connector.core.claims import Done, Settlement, Want
from connector.core.horizon import OLDER
from connector.errors import ConfigError
from connector.settings import load, secret_values
from tests.cli.configs import config
from tests.support.changes import order, version
from tests.support.postgres import Database

Capture = pytest.CaptureFixture[str]


def _migrated(steps: int) -> tuple[str, str]:
    """What migrate says, first and afterwards."""
    return f"migrated from version 0 to {steps}", f"up to date (version {steps})"


def shared(folder: Path, database: Database) -> Path:
    """A configuration whose ledger's address is in a file."""
    secret = folder / "ledger-url"
    secret.write_text(database.url)
    return config(folder, ledger={"url_file": str(secret)})


@pytest.mark.postgres
class TestPostgres:
    def test_migrate_makes_the_tables_once(self, tmp_path: Path, database: Database, capsys: Capture) -> None:
        file = shared(tmp_path, database)
        place = database.url.rpartition("@")[2]
        for done in _migrated(len(POSTGRES_STEPS)):
            assert call(["ledger", "migrate", "-c", str(file)]) == 0
            assert capsys.readouterr().out == f"ledger {place}: {done}\n"

    @pytest.mark.parametrize(
        "command", ["resume --accept seen", "ledger prune --before 2020-01-01T00:00:00Z"]
    )
    def test_a_database_without_tables_is_refused_with_the_remedy(
        self, tmp_path: Path, database: Database, capsys: Capture, command: str
    ) -> None:
        assert call([*command.split(), "-c", str(shared(tmp_path, database))]) == 1
        place = database.url.rpartition("@")[2]
        remedy = "has no tables yet; run crm-connector ledger migrate -c FILE"
        assert capsys.readouterr().err == f"ledger {place}: {remedy}\n"

    def test_prune_removes_what_is_older(self, tmp_path: Path, migrated: Database, capsys: Capture) -> None:
        ledger = PostgresLedger(lambda: migrated.url, "yespo")
        events = [order(f"o{at}", version(None, at)) for at in (1, 1_700_000_000_000)]
        ledger.turn([], list(map(Want, events)))
        ledger.turn([Settlement(event, "accepted") for event in events], [])
        ledger.close()
        file = shared(tmp_path, migrated)
        assert call(["ledger", "prune", "-c", str(file), "--before", "2020-01-01T00:00:00Z"]) == 0
        assert capsys.readouterr().out == "yespo: 1 removed\n"
        assert migrated.psql("SELECT key FROM crm_connector.heads") == [("o1700000000000",)]

    def test_wired_its_lease_outlasts_a_request_and_its_password_is_masked(
        self, tmp_path: Path, migrated: Database
    ) -> None:
        settings = load(shared(tmp_path, migrated), {})
        ledger = wiring.ledger(settings, "yespo")
        assert isinstance(ledger, PostgresLedger)
        try:
            assert ledger.lease_left() > settings.delivery_of("yespo").request_timeout_seconds
        finally:
            ledger.close()
        assert {"kept%20secret", "kept secret"} <= set(secret_values(settings))


def test_an_sqlite_ledger_is_made_brought_up_to_date_and_pruned(tmp_path: Path, capsys: Capture) -> None:
    file, path = config(tmp_path), tmp_path / "ledger.db"
    for done in _migrated(len(SQLITE_STEPS)):
        assert call(["ledger", "migrate", "-c", str(file)]) == 0
        assert capsys.readouterr().out == f"ledger {path}: {done}\n"
    ledger = wiring.ledger(load(file, {}), "yespo")
    events = [order(f"o{at}", version(None, at)) for at in (1, 1_700_000_000_000)]
    ledger.turn([], list(map(Want, events)))
    ledger.turn([Settlement(event, "accepted") for event in events], [])
    assert call(["ledger", "prune", "-c", str(file), "--before", "2020-01-01T00:00:00Z"]) == 0
    assert capsys.readouterr().out == "yespo: 1 removed\n"
    assert ledger.turn([], list(map(Want, events))) == [OLDER, Done("duplicate")]
    ledger.close()


def test_an_sqlite_ledger_of_a_newer_version_is_refused_by_migrate(tmp_path: Path, capsys: Capture) -> None:
    file = config(tmp_path)
    assert call(["ledger", "migrate", "-c", str(file)]) == 0
    database = sqlite3.connect(tmp_path / "ledger.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert call(["ledger", "migrate", "-c", str(file)]) == 1
    known = len(SQLITE_STEPS)
    wanted = f"written by a newer crm-connector (version 99, known {known}); install that one"
    assert wanted in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("monday", "--before: is not a time; write a time with its zone, such as 2025-01-31T00:00:00Z"),
        ("2999-01-01T00:00:00Z", "--before: is still to come; name a time that has passed"),
    ],
)
def test_a_time_that_is_none_is_refused(tmp_path: Path, capsys: Capture, before: str, line: str) -> None:
    assert call(["ledger", "prune", "-c", str(config(tmp_path)), "--before", before]) == 2
    assert capsys.readouterr().err == f"{line}\n"


@pytest.mark.parametrize("text", ["mysql://me:zzord@x/y", "me:zzord", ""])
def test_an_address_in_a_file_that_is_none_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    secret = tmp_path / "ledger-url"
    secret.write_text(text)
    with pytest.raises(ConfigError, match=r"^ledger\.url_file: ") as caught:
        load(config(tmp_path, ledger={"url_file": str(secret)}), {})
    assert "zzord" not in str(caught.value)


def test_an_address_that_libpq_does_not_take_is_refused_without_showing_it(tmp_path: Path) -> None:
    settings = load(config(tmp_path, ledger={"url": "postgresql://me:w%zzord@x/y"}), {})
    with pytest.raises(ConfigError, match=r"^ledger\.url: is not a PostgreSQL address; write") as caught:
        wiring.ledger(settings, "yespo")
    assert "zzord" not in str(caught.value)
