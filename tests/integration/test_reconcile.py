"""`reconcile`: what a range of a topic says last of each order, against what the ledger has accepted."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.adapters.ledger_sqlite import SqliteLedger
from connector.cli import call
from connector.core.claims import Settlement, Want
from connector.settings import load
from tests.support.broker import Broker
from tests.support.changes import order as change
from tests.support.changes import version
from tests.support.orders import Orders, order
from tests.support.pipeline import Pipeline, pipeline
from tests.support.postgres import Database
from tests.support.topics import TopicFactory

Capture = pytest.CaptureFixture[str]
README = Path(__file__).parent.parent.parent / "README.md"
GOLDEN = Path(__file__).parent.parent / "data" / "cli"


class Shop(Orders):
    def __init__(self, line: Pipeline) -> None:
        super().__init__(line)
        self.configure(brake=1)

    def reconcile(self, *arguments: str) -> int:
        return self.call("reconcile", *arguments)

    def report(self, capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
        return self.told(capsys, "reconcile", *arguments)


def reasons(report: dict[str, Any]) -> dict[str | None, str]:
    return {one["key"]: one["why"] for one in report["found"]}


@pytest.fixture
def shop(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Shop]:
    with pipeline(broker, topic, tmp_path, conflict_seconds=0) as line:
        yield Shop(line)


def test_what_was_accepted_filtered_or_superseded_is_not_missing(shop: Shop, capsys: Capture) -> None:
    for number in range(30):
        shop.orders.write("c", order(str(number)))
        shop.orders.write("u", order(str(number), total="13.00"))
    shop.orders.write("d", order("7"))
    shop.orders.tombstone(order("7"))
    shop.work()
    ledger, sent = (shop.line.folder / "ledger.db").stat().st_size, len(shop.line.crm.requests)

    code, report = shop.report(capsys)
    assert (code, report["missing"], report["found"]) == (0, 0, [])
    assert (report["records"], report["filtered"]) == (62, 2)
    assert shop.reconcile() == 0
    assert capsys.readouterr().out.endswith("62 records looked at, 2 of them filtered\nnothing is missing\n")
    assert ((shop.line.folder / "ledger.db").stat().st_size, len(shop.line.crm.requests)) == (ledger, sent)


def test_a_ledger_that_was_restored_from_a_backup_lacks_what_came_since(shop: Shop, capsys: Capture) -> None:
    shop.orders.write("c", order("old"))
    shop.orders.write("c", order("fine"))
    shop.work()
    file = shop.line.folder / "ledger.db"
    backup = file.read_bytes()
    shop.orders.write("u", order("old", total="13.00"))
    shop.orders.write("c", order("new"))
    shop.orders.write("u", order("new", total="14.00"))
    shop.orders.write("c", order("bad", status="strange"))
    shop.work()
    file.write_bytes(backup)
    shop.orders.write("c", order("late"))
    capsys.readouterr()

    assert shop.reconcile() == 1
    out = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", capsys.readouterr().out)
    assert out.replace(shop.orders.topic, "orders") == (GOLDEN / "reconcile.txt").read_text(encoding="utf-8")
    assert "mail.example" not in out
    code, report = shop.report(capsys)
    assert (code, report["missing"]) == (1, 4)
    assert reasons(report) == {
        "old": "older_accepted", "new": "never_accepted", "bad": "dead_lettered", "late": "not_read_yet",
    }  # fmt: skip
    assert [(one["partition"], one["offset"]) for one in report["found"]] == [(0, 2), (0, 4), (0, 5), (0, 6)]


def test_the_range_is_as_of_a_replay_and_the_list_has_an_end(shop: Shop, capsys: Capture) -> None:
    shop.orders.write("c", order("first"))
    shop.work()
    for number in range(5):
        shop.orders.write("c", order(str(number)))
    assert shop.report(capsys, "--partition", "0", "--to", "1")[0] == 0
    code, report = shop.report(capsys, "--partition", "0", "--from", "2", "--limit", "2")
    assert (code, report["missing"], len(report["found"])) == (1, 4, 2)
    assert shop.report(capsys, "--from", "-1h", "--to", "-30m")[1]["records"] == 0
    assert shop.reconcile("--limit", "2") == 1
    assert capsys.readouterr().out.endswith("  and 3 more; --limit lists more of them\n")


def test_what_a_stopped_process_left_and_what_is_being_sent_are_told_apart(
    shop: Shop, capsys: Capture
) -> None:
    shop.orders.write("c", order("1"))
    shop.work()
    sender = SqliteLedger(shop.line.folder / "ledger.db", "yespo")
    place = version(2, topic=shop.orders.topic, offset=1)
    sender.turn([], [Want(change("1", place))])
    shop.orders.write("u", order("1", total="13.00"))
    assert reasons(shop.report(capsys)[1]) == {"1": "on_its_way"}
    sender.close()
    assert reasons(shop.report(capsys)[1]) == {"1": "in_doubt"}


def test_what_a_stopped_process_sent_after_another_had_taken_over_is_told_until_it_is_sent_again(
    shop: Shop, capsys: Capture
) -> None:
    shop.orders.write("c", order("1"))
    shop.orders.write("u", order("1", total="13.00"))
    shop.work()
    sleeper = SqliteLedger(shop.line.folder / "ledger.db", "yespo")
    old = version(1, clock="shop", topic=shop.orders.topic, offset=0)
    sleeper.turn([Settlement(change("1", old), "accepted")], [])
    sleeper.close()
    code, report = shop.report(capsys)
    assert (code, report["missing"], reasons(report)) == (1, 1, {"1": "sent_late"})
    assert (report["found"][0]["offset"], report["found"][0]["accepted"]) == (0, f"{shop.orders.topic}[0]@1")
    assert shop.reconcile() == 1
    assert "sent late, after another process had taken over" in capsys.readouterr().out
    assert shop.report(capsys, "--partition", "0", "--from", "1")[0] == 0

    assert shop.call("replay", "--from", "beginning", "--mode", "force", "--yes", "--key", "1") == 0
    assert shop.report(capsys)[0] == 0


@pytest.mark.postgres
def test_in_postgresql_the_same_is_asked(shop: Shop, database: Database, capsys: Capture) -> None:
    tree = yaml.safe_load(shop.line.file.read_text(encoding="utf-8"))
    tree["ledger"] = {"url": database.url}
    shop.line.file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    shop.settings = load(shop.line.file, {})
    assert call(["ledger", "migrate", "-c", str(shop.line.file)]) == 0
    for number in range(1200):
        shop.orders.write("c", order(str(number)))
    shop.work()
    assert shop.report(capsys)[0] == 0
    database.psql("DELETE FROM crm_connector.heads WHERE key IN ('7', '1100')")
    code, report = shop.report(capsys)
    assert (code, reasons(report)) == (1, {"7": "never_accepted", "1100": "never_accepted"})


def test_a_letter_that_was_discarded_is_missing_on_purpose(shop: Shop, capsys: Capture) -> None:
    shop.orders.write("c", order("bad", status="strange"))
    shop.work()
    assert reasons(shop.report(capsys)[1]) == {"bad": "dead_lettered"}
    drop = ["dead-letters", "discard", "-c", str(shop.line.file), "--reason", "a test order", "--yes"]
    assert call(drop) == 0
    code, report = shop.report(capsys)
    assert (code, report["missing"], report["discarded"]) == (0, 0, 1)


def test_a_record_that_costs_itself_is_missing_until_a_later_one_was_accepted(
    shop: Shop, capsys: Capture
) -> None:
    shop.orders.write("c", order("1", status="strange"))
    shop.line.produce(shop.orders.topic, b"key", b"no Avro", None)
    shop.work()
    assert reasons(shop.report(capsys)[1]) == {"1": "dead_lettered", None: "dead_lettered"}
    shop.orders.write("u", order("1"))
    shop.work()
    assert reasons(shop.report(capsys)[1]) == {None: "dead_lettered"}


def test_without_a_ledger_there_is_nothing_to_compare_with_and_none_is_made(
    shop: Shop, capsys: Capture
) -> None:
    shop.orders.write("c", order("1"))
    assert shop.reconcile() == 2
    file = shop.line.folder / "ledger.db"
    assert capsys.readouterr().err == f"ledger.url: {file} does not exist; nothing was sent yet\n"
    assert not file.exists()


def test_the_how_to_of_the_readme_finds_what_an_incident_lost_and_repairs_it(
    shop: Shop, capsys: Capture
) -> None:
    """Its commands as they stand there, but for what they name."""
    shop.orders.write("c", order("1"))
    shop.work()
    file = shop.line.folder / "ledger.db"
    backup = file.read_bytes()
    shop.orders.write("u", order("1", total="13.00"))
    shop.orders.write("c", order("2"))
    shop.work()
    file.write_bytes(backup)

    howto = README.read_text(encoding="utf-8").partition("### After an incident")[2].partition("```sh")[2]
    lines = [shlex.split(line, comments=True) for line in howto.partition("```")[0].splitlines()]
    ours = {"connector.yaml": str(shop.line.file), "crm.public.orders": shop.orders.topic, "-5m": "end"}
    commands = [[ours.get(word, word) for word in words[1:]] for words in lines if words]
    assert [words[0] for words in commands] == ["reconcile", "replay", "reconcile"]
    assert [call(words) for words in commands] == [1, 0, 0]
    assert capsys.readouterr().out.endswith("nothing is missing\n")
