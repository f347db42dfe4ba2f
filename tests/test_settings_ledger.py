"""The ledger's address: whatever is in its password, no message and no log tells any of it."""

from pathlib import Path

import pytest

from connector.cli import call
from connector.errors import ConfigError
from connector.settings import load, secret_values
from tests.cli.configs import config

SAYS = "has a special character in user or password; write it as %XX: %40 for @, %2F for /"


@pytest.mark.parametrize("password", ["hunt/er2", "hunt@er2", "hunt?er2", "1234/er2"])
def test_a_password_that_would_be_taken_for_host_or_database_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], password: str
) -> None:
    """Which of them an outage's message names."""
    url = f"postgresql://me:{password}@db:5432/ledger?sslmode=require"
    file = config(tmp_path, ledger={"url": url})

    assert call(["check", "--offline", "--print", "-c", str(file)]) == 2
    assert capsys.readouterr() == ("", f"ledger.url: {SAYS}\n")
    there = tmp_path / "ledger"
    there.write_text(url)
    with pytest.raises(ConfigError) as caught:
        load(config(tmp_path, ledger={"url_file": str(there)}), {})
    assert caught.value.problems == (f"ledger.url_file: {there} {SAYS}",)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunt#er2@db/ledger",
        "postgresql://me:hunt%23er2@db:5432/ledger?sslmode=verify-full&sslrootcert=/etc/pg/ca.pem",
        "postgres://me:hunt#er2@[::1]:5432,db2:5432/ledger?user=me@tenant",
    ],
)
def test_a_password_that_is_understood_is_masked_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    file = config(tmp_path, ledger={"url": url})

    assert "hunt#er2" in secret_values(load(file, {}))
    assert call(["check", "--offline", "--print", "-c", str(file)]) == 0
    assert "er2" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "url", ["postgresql:///ledger?host=/run/postgresql", "postgresql://db", "postgresql://%2Frun/ledger?"]
)
def test_an_address_needs_no_password(tmp_path: Path, url: str) -> None:
    assert load(config(tmp_path, ledger={"url": url}), {}).ledger.passwords() == []
