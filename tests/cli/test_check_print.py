"""`check --print`: the configuration as it is in force, to be shown to anybody."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.cli import call
from connector.settings import load
from tests.cli.configs import config

SECRET = "planted-secret"
OPTIONS: dict[str, Any] = {
    "kafka": {
        "bootstrap_servers": "broker:9093",
        "properties": {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "connector",
            "sasl.password": SECRET,
            "sasl.oauthbearer.assertion.private.key.passphrase": SECRET,
            "ssl.key.password_file": "/run/secrets/key",
        },
    },
    "schema_registry": {"url": "https://registry", "user": "connector", "password": SECRET},
    "destinations": {
        "yespo": {"type": "yespo", "api_key": SECRET},
        "metrica": {"type": "metrica", "counter_id": 1, "token": SECRET},
    },
    "ledger": {"url": f"postgresql://me:{SECRET}@db/ledger?sslmode=verify-full&sslpassword={SECRET}"},
}


def printed(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, Any]]:
    assert call(["check", "-c", str(file), "--print"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return told.out, yaml.safe_load(told.out)


def test_what_is_in_force_is_printed_and_every_secret_masked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_CONNECTOR__DESTINATIONS__YESPO__API_KEY", f"{SECRET}-too")
    monkeypatch.setenv("CRM_CONNECTOR__DELIVERY__LINGER_MS", "7")
    text, tree = printed(config(tmp_path, **OPTIONS), capsys)

    assert SECRET not in text
    assert tree["delivery"]["linger_ms"] == 7
    assert tree["delivery"]["batch_events"] == 500
    assert tree["destinations"]["yespo"]["api_key"] == tree["destinations"]["metrica"]["token"] == "***"
    assert tree["schema_registry"]["password"] == tree["kafka"]["properties"]["sasl.password"] == "***"
    assert tree["kafka"]["properties"]["ssl.key.password_file"] == "/run/secrets/key"
    assert tree["kafka"]["properties"]["sasl.username"] == "connector"
    assert tree["ledger"]["url"] == "postgresql://me:***@db/ledger?sslmode=verify-full&sslpassword=***"


def test_what_is_printed_of_files_can_be_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files: dict[str, Any] = {
        "destinations": {"yespo": {"type": "yespo", "api_key_file": "/run/secrets/yespo"}},
        "ledger": {"url_file": "/run/secrets/ledger"},
    }
    file = config(tmp_path, **files)
    text, _ = printed(file, capsys)
    again = tmp_path / "again.yaml"
    again.write_text(text)

    assert load(again, {}, secrets=False) == load(file, {}, secrets=False)
