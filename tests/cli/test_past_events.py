"""`past-events delete`: asks, counts by the ledger, deletes in the CRM, lets the ledger forget."""

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.cli import call
from connector.core.claims import Done, Grant, Settlement, Verdict, Want
from connector.core.events import Event
from connector.sandbox.server import SandboxServer
from tests.cli.configs import config
from tests.support.changes import fact, order, version
from tests.support.postgres import Database

Capture = pytest.CaptureFixture[str]
REMEDY = "write a time with its zone, such as 2025-01-31T00:00:00Z, or a day, such as 2025-01-31"
NOON = int(datetime(2024, 3, 1, 10, 0, tzinfo=UTC).timestamp())
DAY = ["--from", "2024-03-01", "--to", "2024-03-01"]
SENT = (
    (order("1", version(1)), NOON), (order("2", version(1)), NOON), (order("3", version(1)), NOON + 86_400),
    (fact("f"), NOON),
)  # fmt: skip


class Account:
    """A sandbox, a configuration for it, and a ledger that knows what was sent to it."""

    def __init__(self, folder: Path, sandbox: SandboxServer) -> None:
        self.sandbox, self.ledger = sandbox, SqliteLedger(folder / "ledger.db", "yespo")
        self.file = config(folder, crm=f"{sandbox.url}/api")
        self.ledger.turn([], [Want(event, past=at) for event, at in SENT])
        self.ledger.turn([Settlement(event, "accepted", live=False) for event, _ in SENT], [])

    def run(self, *arguments: str) -> int:
        return call(["past-events", "delete", "-c", str(self.file), *arguments])

    def ask(self, event: Event, at: int = NOON) -> Verdict:
        return self.ledger.turn([], [Want(event, past=at)])[0]

    def all_known(self) -> bool:
        return all(self.ask(event, at) == Done("duplicate") for event, at in SENT)

    @property
    def asked(self) -> list[tuple[str, int]]:
        return [(seen.method, seen.status) for seen in self.sandbox.crm.requests]


@pytest.fixture
def account(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Account]:
    options: dict[str, Any] = getattr(request, "param", {"delete_range_enabled": True})
    with SandboxServer(rate_per_second=0, **options) as sandbox:
        made = Account(tmp_path, sandbox)
        yield made
        made.ledger.close()


@pytest.mark.postgres
def test_a_ledger_in_postgresql_is_asked_and_marked_too(
    tmp_path: Path, migrated: Database, capsys: Capture
) -> None:
    ledger = PostgresLedger(lambda: migrated.url, "yespo")
    ledger.turn([], [Want(event, past=at) for event, at in SENT])
    ledger.turn([Settlement(event, "accepted", live=False) for event, _ in SENT], [])
    secret = tmp_path / "ledger-url"
    secret.write_text(migrated.url)
    with SandboxServer(rate_per_second=0, delete_range_enabled=True) as sandbox:
        file = config(tmp_path, crm=f"{sandbox.url}/api", ledger={"url_file": str(secret)})
        for more in ("--dry-run", "--yes"):
            assert call(["past-events", "delete", "-c", str(file), *DAY, more]) == 0
    assert capsys.readouterr().out.endswith("deleted; 3 may be sent again: read their topics once more\n")
    verdicts = ledger.turn([], [Want(event, past=at) for event, at in SENT])
    assert verdicts == [Grant(), Grant(), Done("duplicate"), Grant()]
    ledger.close()


def test_a_dry_run_counts_by_the_ledger_and_asks_nobody(account: Account, capsys: Capture) -> None:
    assert account.run(*DAY, "--dry-run") == 0
    assert capsys.readouterr().out == (
        "yespo: 2 orders and 1 custom event of 2024-03-01T00:00 to 2024-03-01T23:59, Europe/Kyiv, "
        "by the ledger\n  whatever else the account has of that time goes too\n"
    )
    assert account.asked == []
    assert account.all_known()


def test_what_was_deleted_may_be_sent_again_and_nothing_else(account: Account, capsys: Capture) -> None:
    assert account.run(*DAY, "--yes") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "deleted; 3 may be sent again: read their topics once more"
    assert account.asked == [("DELETE", 200)]
    verdicts = [account.ask(event, at) for event, at in SENT]
    assert verdicts == [Grant(), Grant(), Done("duplicate"), Grant()]


@pytest.mark.parametrize(
    ("since", "until", "body"),
    [
        ("2024-03-01", "2024-03-02", {"from": "2024-03-01T00:00", "to": "2024-03-02T23:59"}),
        (
            "2024-03-01T08:30:00Z",
            "2024-03-01T12:00+02:00",
            {"from": "2024-03-01T10:30", "to": "2024-03-01T12:00"},
        ),
        ("2024-07-01T00:00Z", "2024-07-01", {"from": "2024-07-01T03:00", "to": "2024-07-01T23:59"}),
    ],
)
def test_days_and_times_with_zone_go_as_minutes_of_the_account(
    account: Account, capsys: Capture, since: str, until: str, body: dict[str, str]
) -> None:
    assert account.run("--from", since, "--to", until, "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: told[name] for name in ("from", "to")} == body
    assert told["time_zone"] == "Europe/Kyiv"


def test_as_json_for_scripts(account: Account, capsys: Capture) -> None:
    assert account.run(*DAY, "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "destination": "yespo", "from": "2024-03-01T00:00", "to": "2024-03-01T23:59",
        "time_zone": "Europe/Kyiv", "orders": 2, "custom_events": 1, "in_doubt": 0, "being_sent": 0,
        "undated": 0, "deleted": True, "may_be_sent_again": 3, "sent_meanwhile": 0,
    }  # fmt: skip


def test_without_a_terminal_and_without_yes_it_refuses(account: Account, capsys: Capture) -> None:
    assert account.run(*DAY) == 2
    line = "past-events delete: asks before it deletes, and has no terminal; add --yes\n"
    assert capsys.readouterr().err == line
    assert account.asked == []


@pytest.mark.parametrize(
    ("answer", "code", "asked"), [("y", 0, [("DELETE", 200)]), ("n", 1, []), ("", 1, [])]
)
def test_on_a_terminal_it_asks_and_no_is_the_default(
    account: Account, answer: str, code: int, asked: list[tuple[str, int]]
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "connector", "past-events", "delete", "-c", str(account.file), *DAY]
    command.append("--json")
    with subprocess.Popen(command, stdin=theirs, stdout=-1, stderr=-1, text=True) as process:
        os.write(ours, f"{answer}\n".encode())
        told, errors = process.communicate(timeout=240)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code
    assert errors.startswith("Delete all past events of that time from yespo? [y/N]")
    assert told[:1] != " "  # the question is no part of the result, not even a blank of it
    assert errors.endswith("nothing was deleted\n") is (code == 1)
    assert account.asked == asked


@pytest.mark.parametrize(
    "account", [{}, {"delete_range_status": 403}, {"delete_range_status": 405}], indirect=True
)
def test_where_the_vendor_has_not_enabled_it_one_line_says_so_and_nothing_changes(
    account: Account, capsys: Capture
) -> None:
    assert account.run(*DAY, "--yes") == 1
    status = account.sandbox.crm.options.delete_range_status
    assert capsys.readouterr().err == (
        f"destinations.yespo: HTTP {status}: nothing was deleted; unless the vendor enables it, nobody may "
        "delete past events: ask Yespo's support to enable it for your organisation, then run it again\n"
    )
    assert account.all_known()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            {"do": "lost_answer"},
            "whether it was done is not known, and the ledger is as before; run it again",
        ),
        ({"do": "status", "status": 500}, "HTTP 500: whether it was done is not known"),
        ({"do": "status", "status": 503}, "HTTP 503: nothing was deleted; run it again later"),
        ({"do": "status", "status": 409}, "HTTP 409: called a repetition; run it again in a minute"),
        ({"do": "status", "status": 302}, "HTTP 302: nothing was deleted; check url"),
        ({"do": "refuse_auth"}, "HTTP 401: nothing was deleted; put a valid key into api_key"),
    ],
)
def test_what_was_not_surely_deleted_stays_in_the_ledger_and_can_be_deleted_again(
    account: Account, capsys: Capture, fault: dict[str, Any], says: str
) -> None:
    account.sandbox.faults.add(fault | {"times": 1})
    assert account.run(*DAY, "--yes") == 1
    errors = capsys.readouterr().err
    assert says in errors
    assert errors.count("\n") == 1
    assert account.all_known()
    assert account.run(*DAY, "--yes") == 0


def test_what_is_being_sent_has_to_be_settled_first(account: Account, capsys: Capture) -> None:
    assert account.ask(order("4", version(1))) == Grant()
    assert account.run(*DAY, "--yes") == 1
    assert capsys.readouterr().err == (
        "yespo: past events of that time are being sent (1); "
        "stop the connector, or wait until they are settled, and run it again\n"
    )
    assert account.asked == []


def test_what_is_sent_while_it_deletes_may_be_gone_or_not_and_is_told(
    account: Account, capsys: Capture
) -> None:
    account.sandbox.faults.add({"do": "delay", "delay": 5.0})
    with ThreadPoolExecutor(1) as other:
        running = other.submit(account.run, *DAY, "--yes")
        while not account.sandbox.faults.hits()[0][1]:
            assert not running.done()
            time.sleep(0.01)
        meanwhile = order("4", version(1))
        assert account.ask(meanwhile) == Grant()
        account.ledger.turn([Settlement(meanwhile, "accepted", live=False)], [])
        assert running.result() == 1
    told = "yespo: what was sent meanwhile may be gone or not (1); stop the connector and run it again\n"
    assert capsys.readouterr().err == told
    assert account.ask(meanwhile) == Done("duplicate")
    account.sandbox.faults.clear()
    assert account.run(*DAY, "--yes") == 0
    assert account.ask(meanwhile) == Grant()


def test_what_may_have_been_sent_is_told_and_is_in_doubt_no_longer(account: Account, capsys: Capture) -> None:
    held = order("4", version(1))
    assert account.ask(held) == Grant()
    account.ledger.turn([Settlement(held, "released", certain=False, live=False)], [])
    assert account.run(*DAY, "--yes") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1] == "  1 more may have been sent"
    assert out[-1].startswith("deleted; 4 may be sent again")
    assert account.ask(held) == Grant()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--from", "monday", "--to", "2024-03-01"], f"--from: is not a time; {REMEDY}"),
        (["--from", "2024-02-30", "--to", "2024-03-01"], f"--from: is not a time; {REMEDY}"),
        (["--from", "2024-03-01", "--to", "2024-03-01T12:00"], f"--to: is a time without zone; {REMEDY}"),
        (
            ["--from", "2024-03-01T10:00:01Z", "--to", "2024-03-02"],
            "--from: has seconds; past events are kept by the minute, name a whole one",
        ),
        (
            ["--from", "2024-03-01", "--to", "9999-12-31T23:59:00Z"],
            "--to: is no time of the account's calendar; name a day, such as 2025-01-31",
        ),
        (["--from", "2024-03-02", "--to", "2024-03-01"], "--to: is before --from; swap them"),
        ([*DAY, "--destination", "crm"], "crm: is not a destination of this configuration; choose yespo"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(account: Account, capsys: Capture, arguments: list[str], line: str) -> None:
    assert account.run(*arguments, "--yes") == 2
    assert capsys.readouterr().err == f"{line}\n"
    assert account.asked == []


def test_where_there_are_several_accounts_one_has_to_be_named(tmp_path: Path, capsys: Capture) -> None:
    one = {"type": "yespo", "api_key": "k"}
    file = config(tmp_path, destinations={"shop": one, "outlet": one})
    assert call(["past-events", "delete", "-c", str(file), *DAY, "--yes"]) == 2
    assert capsys.readouterr().err == "--destination: has to name the account; choose outlet, shop\n"


def test_without_a_ledger_nothing_is_made_or_asked(tmp_path: Path, capsys: Capture) -> None:
    assert call(["past-events", "delete", "-c", str(config(tmp_path)), *DAY, "--yes"]) == 2
    assert (
        capsys.readouterr().err == f"ledger.url: {tmp_path}/ledger.db does not exist; nothing was sent yet\n"
    )
    assert not (tmp_path / "ledger.db").exists()
