"""The life of dead letters as an operator lives it: counted, looked at, repaired."""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from connector.cli import call
from connector.settings import Settings, load
from connector.wiring.redrive import Choice, Manner, redrive
from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, pipeline
from tests.support.topics import TopicFactory

Capture = pytest.CaptureFixture[str]
README = Path(__file__).parent.parent.parent / "README.md"
GOLDEN = Path(__file__).parent.parent / "data" / "cli"
COLUMNS = {"status": "string", "total": "string", "placed": "string", "customer": "string", "tel": "string"}
FIELDS = {
    "externalOrderId": "id", "externalCustomerId": "customer", "totalCost": "total", "date": "placed",
    "phone": "tel",
}  # fmt: skip


def order(number: str, **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "status": "DELIVERED", "total": "12.50", "placed": "2024-03-01T10:00:00Z",
        "customer": f"C{number}", "tel": "+380 50 123 45 67", **columns,
    }  # fmt: skip


class Shop:
    """Two topics of orders into one account, by a configuration that a deploy got wrong in three ways."""

    def __init__(self, line: Pipeline) -> None:
        self.line = line
        self.web, self.shop = line.table("web", **COLUMNS), line.table("shop", **COLUMNS)

    def settings(self, *, good: bool) -> Settings:
        values = {"status": {"paid": "IN_PROGRESS"}, "phone": {"-": ""}} if good else {}
        shop = FIELDS if good else FIELDS | {"totalCost": "sum"}
        topics = [
            {"name": self.web.topic, "entity": "order", "fields": FIELDS, "values": values},
            {"name": self.shop.topic, "entity": "order", "fields": shop, "values": values},
        ]
        return self.line.settings(topics, brake=1, orders_via="past_events")

    def order_wrongly(self, each: int) -> None:
        """Orders that meet the three mistakes, and some that meet none."""
        for number in range(each):
            self.web.write("c", order(f"s{number}", status="paid"))
            self.web.write("c", order(f"p{number}", tel="-"))
            self.shop.write("c", order(f"m{number}"))
        self.web.write("c", order("good"))

    def call(self, *arguments: str) -> int:
        return call([*arguments[:2], "-c", str(self.line.file), *arguments[2:]])

    def plain(self, text: str) -> str:
        """An output without what differs from run to run."""
        for table, name in ((self.web, "web"), (self.shop, "shop")):
            text = text.replace(table.topic, name)
        text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z(?=, )", "TIME", text)
        text = re.sub(r"(?<=/)[\w+/-]{22}(?=/)", "ID", text)
        return re.sub(r"\b\d+s\b", "0s", text)


@pytest.fixture
def shop(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Shop]:
    with pipeline(broker, topic, tmp_path) as line:
        yield Shop(line)


def told(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def golden(name: str, text: str) -> None:
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_letters_are_counted_by_cause_and_found_by_what_is_known_of_them(shop: Shop, capsys: Capture) -> None:
    settings = shop.settings(good=False)
    shop.order_wrongly(3)
    assert shop.line.run(settings) == {"dead_lettered": 9, "delivered": 1}
    capsys.readouterr()

    assert shop.call("dead-letters", "list") == 0
    golden("dead-letters-list.txt", shop.plain(capsys.readouterr().out))
    for chosen, counts in (
        (["--cause", "mapping"], [3]),
        (["--key", "s1", "--key", "p1"], [1, 1]),
        (["--topic", shop.web.topic], [3, 3]),
        (["--destination", "other"], []),
        (["--from", "-1h"], [3, 3, 3]),
        (["--to", "-1h"], []),
    ):
        assert shop.call("dead-letters", "list", "--json", *chosen) == 0
        assert [group["count"] for group in told(capsys)] == counts


@pytest.mark.reveals("--reveal")
def test_a_letter_is_shown_decoded_and_masked_unless_it_is_to_be_revealed(
    shop: Shop, capsys: Capture
) -> None:
    settings = shop.settings(good=False)
    shop.web.write("c", order("s1", status="paid"))
    shop.line.run(settings)
    capsys.readouterr()

    assert shop.call("dead-letters", "show") == 0
    shown = capsys.readouterr().out
    golden("dead-letters-show.txt", shop.plain(shown))
    assert "380" not in shown
    assert shop.call("dead-letters", "show", "--reveal", "--json") == 0
    (letter,) = told(capsys)
    assert letter["row"] == order("s1", status="paid")
    assert shop.call("dead-letters", "show", "--id", letter["id"]) == 0
    capsys.readouterr()
    assert shop.call("dead-letters", "show", "--cause", "none") == 1
    assert capsys.readouterr() == ("", "no such dead letters\n")


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_time_without_zone_is_a_mistake(shop: Shop, capsys: Capture, option: str) -> None:
    shop.settings(good=True)
    assert shop.call("dead-letters", "list", option, "2025-01-31T00:00") == 2
    assert capsys.readouterr().err == (
        f"{option}: is a time without zone; write a time with its zone, such as 2025-01-31T00:00:00Z, "
        "or -90m, -12h, -7d\n"
    )


def counts(capsys: Capture, shop: Shop) -> dict[str, int]:
    assert shop.call("dead-letters", "list", "--json") == 0
    return {group["cause"]: group["count"] for group in told(capsys)}


def redriven(capsys: Capture, shop: Shop, *arguments: str, code: int = 0) -> dict[str, int]:
    assert shop.call("dead-letters", "redrive", "--json", *arguments) == code
    outcomes: dict[str, int] = told(capsys)["outcomes"]
    return outcomes


@pytest.mark.slow
@pytest.mark.kafka
def test_a_deploy_went_wrong_and_is_repaired(shop: Shop, capsys: Capture) -> None:
    """A thousand letters of three causes: the configuration is fixed, all are sent, none overwrites."""
    each, newer = 334, 10
    shop.order_wrongly(each)
    assert shop.line.run(shop.settings(good=False)) == {"dead_lettered": 3 * each, "delivered": 1}
    fixed = shop.settings(good=True)
    for number in range(newer):
        shop.web.write("u", order(f"s{number}", total="99.99"))
    assert shop.line.run(fixed) == {"delivered": newer}
    capsys.readouterr()
    before = len(shop.line.crm.past_events)
    expected = {"delivered": 3 * each - newer, "superseded": newer}

    assert redriven(capsys, shop, "--dry-run") == expected
    assert shop.call("dead-letters", "redrive", "--dry-run") == 0
    golden(
        "dead-letters-redrive.txt", re.sub(r"(contacts|past_events) \d+", r"\1 N", capsys.readouterr().out)
    )
    assert len(shop.line.crm.past_events) == before
    assert counts(capsys, shop) == {"check": each, "invalid_value": each, "mapping": each}
    assert redriven(capsys, shop) == expected
    sent = [str(past.params["externalOrderId"]) for past in shop.line.crm.past_events]
    assert len(sent) == len(set(sent)) == 3 * each + 1
    totals = {
        str(past.params["externalOrderId"]): past.params["totalCost"] for past in shop.line.crm.past_events
    }
    assert {float(str(totals[f"s{number}"])) for number in range(newer)} == {99.99}
    assert counts(capsys, shop) == {}
    assert redriven(capsys, shop) == {}
    assert shop.line.run(fixed, replay=True).keys() == {"duplicate", "superseded"}
    assert len(shop.line.crm.past_events) == len(sent)


def test_what_is_still_wrong_stays_a_letter_with_its_new_cause(shop: Shop, capsys: Capture) -> None:
    shop.order_wrongly(2)
    shop.line.run(shop.settings(good=False))
    shop.settings(good=False)
    capsys.readouterr()
    before = counts(capsys, shop)
    assert redriven(capsys, shop, "--cause", "check", code=1) == {"dead_lettered": 2}
    assert counts(capsys, shop) == before
    shop.settings(good=True)
    assert redriven(capsys, shop, "--key", "s0", "--key", "m1") == {"delivered": 2}
    assert counts(capsys, shop) == {"check": 1, "invalid_value": 2, "mapping": 1}


def test_a_redrive_that_was_killed_before_its_tombstones_sends_nothing_again(
    shop: Shop, capsys: Capture
) -> None:
    shop.order_wrongly(1)
    shop.line.run(shop.settings(good=False))
    fixed = shop.settings(good=True)
    shop.line.run(fixed, replay=True)  # as a redrive does up to there
    capsys.readouterr()
    sent = len(shop.line.crm.past_events)
    assert redriven(capsys, shop) == {"duplicate": 3}
    assert len(shop.line.crm.past_events) == sent
    assert counts(capsys, shop) == {}


def test_the_how_to_of_the_readme_repairs_a_deploy(shop: Shop, capsys: Capture) -> None:
    """Its commands as they stand there; the configuration is corrected where it says so."""
    told_so = README.read_text(encoding="utf-8").partition("### A deploy went wrong")[2].partition("```sh")[2]
    lines = [shlex.split(line, comments=True) for line in told_so.partition("```")[0].splitlines()]
    commands = [words[1:] for words in lines if words[:1] == ["crm-connector"]]
    assert [words[1] for words in commands] == ["list", "show", "redrive", "redrive"]
    shop.order_wrongly(2)
    shop.line.run(shop.settings(good=False))
    for words in commands:
        if words[1] == "redrive":
            shop.settings(good=True)
        file = str(shop.line.file)
        assert call([file if word == "connector.yaml" else word for word in words]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["6 letters", "          6  delivered"]
    assert counts(capsys, shop) == {}


@pytest.mark.kafka
def test_a_value_that_was_too_large_for_a_letter_is_fetched_from_where_it_was(
    shop: Shop, topic: TopicFactory, capsys: Capture
) -> None:
    small = topic("small", config={"max.message.bytes": "2000"})

    def settings(*, good: bool) -> Settings:
        shop.settings(good=good)
        tree = yaml.safe_load(shop.line.file.read_text(encoding="utf-8"))
        tree["dead_letters"]["topic"] = small
        shop.line.file.write_text(yaml.safe_dump(tree), encoding="utf-8")
        return load(shop.line.file, {})

    shop.web.write("c", order("s1", status="paid", tel="+380 50 123 45 67" + " " * 5000))
    shop.line.run(settings(good=False))
    capsys.readouterr()
    assert shop.call("dead-letters", "show", "--json") == 0
    (letter,) = told(capsys)
    assert (letter["cause"], letter["row"]) == ("check", None)
    assert letter["bytes"] > 5000
    settings(good=True)
    assert redriven(capsys, shop) == {"delivered": 1}
    assert counts(capsys, shop) == {}


@pytest.mark.kafka
def test_a_tombstone_that_cannot_be_written_leaves_nothing_that_flies_in_doubt(
    shop: Shop, broker: Broker, capsys: Capture
) -> None:
    shop.web.write("c", order("s1", status="paid"))
    shop.web.write("c", order("s2", status="paid", tel="+380 50 123 45 68"))
    shop.line.run(shop.settings(good=False))
    shop.settings(good=True)
    tree = yaml.safe_load(shop.line.file.read_text(encoding="utf-8"))
    tree["delivery"] |= {"batch_events": 1, "drain_seconds": 30}
    shop.line.file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    late = {"path": "/v1/past_events", "body": "s2"}
    shop.line.sandbox.faults.add({"do": "delay", "delay": 3, "match": late})

    limit(broker, tree["dead_letters"]["topic"], 20)
    assert shop.call("dead-letters", "redrive") == 1
    assert "too large" in capsys.readouterr().err
    assert len(shop.line.crm.past_events) == 2
    limit(broker, tree["dead_letters"]["topic"], 1_000_000)
    assert redriven(capsys, shop) == {"duplicate": 2}
    assert counts(capsys, shop) == {}


def limit(broker: Broker, topic: str, most: int) -> None:
    """Let a topic take messages of so many bytes."""
    entry = ConfigEntry("max.message.bytes", str(most), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(60)


def test_what_is_discarded_is_recorded_and_never_comes_back(shop: Shop, capsys: Capture) -> None:
    shop.order_wrongly(2)
    settings = shop.settings(good=False)
    shop.line.run(settings)
    capsys.readouterr()
    some = ["--cause", "check", "--reason", "test orders"]
    assert shop.call("dead-letters", "discard", *some) == 2
    assert capsys.readouterr().err == (
        "dead-letters discard: asks before it drops, and has no terminal; add --yes\n"
    )
    assert shop.call("dead-letters", "discard", *some, "--dry-run", "--json") == 0
    assert told(capsys) == {"letters": 2, "discarded": 0, "dry_run": True}
    assert shop.call("dead-letters", "discard", *some, "--yes", "--json") == 0
    assert told(capsys) == {"letters": 2, "discarded": 2, "dry_run": False}
    assert counts(capsys, shop) == {"invalid_value": 2, "mapping": 2}
    assert shop.call("dead-letters", "list", "--discarded") == 0
    assert re.fullmatch(r" +2  check, \S+Z to \S+Z: test orders\n", capsys.readouterr().out)

    shop.line.run(settings, replay=True)
    capsys.readouterr()
    assert counts(capsys, shop) == {"invalid_value": 2, "mapping": 2}
    shop.settings(good=True)
    assert redriven(capsys, shop) == {"delivered": 4}


def test_a_discard_without_a_reason_is_a_mistake(shop: Shop, capsys: Capture) -> None:
    shop.settings(good=True)
    assert shop.call("dead-letters", "discard", "--reason", " ", "--yes") == 2
    assert capsys.readouterr().err == "--reason: is empty; say why, for whoever asks later\n"


def test_what_is_held_in_doubt_stays_held_until_its_range_was_deleted(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: Capture
) -> None:
    with pipeline(broker, topic, tmp_path, delete_range_enabled=True) as line:
        shop = Shop(line)
        settings = shop.settings(good=True)
        line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v1/past_events"}, "times": 1})
        shop.web.write("c", order("1"))
        assert line.run(settings) == {"in_doubt": 1}
        capsys.readouterr()
        assert redriven(capsys, shop, code=1) == {"in_doubt": 1}
        assert counts(capsys, shop) == {"in_doubt": 1}
        span = ["--from", "2024-03-01T00:00Z", "--to", "2024-03-01T23:00Z", "--yes"]
        assert call(["past-events", "delete", "-c", str(line.file), *span]) == 0
        assert line.crm.past_events == []
        capsys.readouterr()
        assert redriven(capsys, shop, "--cause", "in_doubt") == {"delivered": 1}
        assert len(line.crm.past_events) == 1


def test_what_is_held_in_doubt_goes_again_when_an_operator_says_so(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: Capture
) -> None:
    """It may arrive twice; an answer that is lost again leaves it in doubt."""
    with pipeline(broker, topic, tmp_path) as line:
        shop = Shop(line)
        settings = shop.settings(good=True)
        line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v1/past_events"}, "times": 2})
        shop.web.write("c", order("1"))
        assert line.run(settings) == {"in_doubt": 1}
        capsys.readouterr()
        assert shop.call("dead-letters", "redrive", "--resend-in-doubt") == 2
        assert capsys.readouterr().err == (
            "dead-letters redrive --resend-in-doubt: asks before it sends, and has no terminal; add --yes\n"
        )
        assert redriven(capsys, shop, "--resend-in-doubt", "--dry-run") == {"delivered": 1}
        assert len(line.crm.past_events) == 1
        assert redriven(capsys, shop, "--resend-in-doubt", "--yes", code=1) == {"in_doubt": 1}
        assert counts(capsys, shop) == {"in_doubt": 1}
        assert redriven(capsys, shop, "--resend-in-doubt", "--yes") == {"delivered": 1}
        assert len(line.crm.past_events) == 3
        assert redriven(capsys, shop, "--resend-in-doubt", "--yes") == {}
        assert line.run(settings, replay=True) == {"duplicate": 1}


def test_ctrl_c_at_the_question_ends_a_redrive_at_once(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    """While it sends, a signal lets what is in flight land; before that there is nothing to wait for."""

    def interrupted(_held: int) -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    with pipeline(broker, topic, tmp_path) as line:
        shop = Shop(line)
        settings = shop.settings(good=True)
        line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v1/past_events"}, "times": 1})
        shop.web.write("c", order("1"))
        assert line.run(settings) == {"in_doubt": 1}
        with pytest.raises(KeyboardInterrupt):
            redrive(settings, Choice(), Manner(resend=True), agreed=interrupted)
        assert len(line.crm.past_events) == 1


def test_the_share_of_a_redrive_is_a_part(shop: Shop, capsys: Capture) -> None:
    shop.settings(good=True)
    assert shop.call("dead-letters", "redrive", "--share", "20") == 2
    assert capsys.readouterr().err == (
        "--share: is a part of the whole; write one above 0 and up to 1, such as 0.2\n"
    )
