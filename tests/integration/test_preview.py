"""`preview`: what records would become, rendered by the lane and the dialects; nothing is sent or changed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.cli import call
from tests.support.broker import Broker
from tests.support.orders import FIELDS, Orders, order
from tests.support.pipeline import pipeline
from tests.support.topics import TopicFactory

Capture = pytest.CaptureFixture[str]
GOLDEN = Path(__file__).parent.parent / "data" / "cli"


class Shop(Orders):
    def plan(self, **topic: Any) -> None:
        self.configure(topic=topic, delivery={"rate_per_second": 10})

    def other(self, **topic: Any) -> str:
        """Another configuration, beside the first."""
        tree = yaml.safe_load(self.line.file.read_text(encoding="utf-8"))
        tree["topics"][0] |= topic
        file = self.line.folder / "other.yaml"
        file.write_text(yaml.safe_dump(tree), encoding="utf-8")
        return str(file)

    def preview(self, *arguments: str) -> int:
        return self.call("preview", *arguments)


@pytest.fixture
def shop(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Shop]:
    with pipeline(broker, topic, tmp_path) as line:
        yield Shop(line)


def golden(name: str, text: str) -> None:
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_requests_are_rendered_exactly_and_masked_and_nothing_happens(shop: Shop, capsys: Capture) -> None:
    shop.plan()
    shop.orders.write("c", order("1"))
    shop.orders.write("c", order("2", status="paid"))

    assert shop.preview() == 0
    out = capsys.readouterr().out
    golden("preview.txt", out.replace(shop.orders.topic, "orders"))
    assert "mail.example" not in out
    assert shop.line.crm.requests == []
    assert not (shop.line.folder / "ledger.db").exists()


@pytest.mark.reveals("--reveal")
def test_what_is_revealed_is_what_the_connector_then_sends(shop: Shop, capsys: Capture) -> None:
    shop.plan()
    shop.orders.write("c", order("1"))
    assert shop.preview("--reveal", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["outcomes"] == {"delivered": 1}
    assert shop.line.run(shop.settings) == {"delivered": 1}
    (event,) = shop.line.crm.history("1")
    (sent,) = [one for one in found["requests"] if one["resource"] == "events"]
    assert {p["name"]: p["value"] for p in sent["body"]["params"]} == event.params
    capsys.readouterr()

    assert shop.preview("--by-ledger", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["outcomes"], found["requests"]) == ({"duplicate": 1}, [])


def test_another_configuration_is_compared_field_by_field(shop: Shop, capsys: Capture) -> None:
    shop.plan()
    shop.orders.write("c", order("1"))
    shop.orders.write("c", order("2", status="paid"))
    shop.orders.write("c", order("3", total=""))
    other = shop.other(
        fields=FIELDS | {"storeId": "status"},
        values={"status": {"paid": "IN_PROGRESS"}},
        params={"mail": "email"},
    )

    assert shop.preview("--diff", other) == 0
    out = capsys.readouterr().out
    golden("preview-diff.txt", out)
    assert "mail.example" not in out
    assert shop.preview("--diff", str(shop.line.file)) == 0
    assert capsys.readouterr().out == "yespo: 3 records, 0 payloads differ\n"


def test_a_ledger_that_is_not_there_is_told_of_once_though_two_configurations_name_it(
    shop: Shop, capsys: Capture
) -> None:
    shop.plan()
    shop.orders.write("c", order("1"))
    missing = (
        f"ledger.url: {shop.line.folder / 'ledger.db'} does not exist; told as if nothing had been sent yet\n"
    )
    assert shop.preview("--diff", shop.other(), "--by-ledger") == 0
    assert capsys.readouterr().err == missing


def test_a_window_is_the_newest_records_or_those_from_a_time_on(shop: Shop, capsys: Capture) -> None:
    shop.plan()
    for number in range(5):
        shop.orders.write("c", order(str(number)))
    for chosen, keys in ((["--limit", "2"], ["3", "4"]), (["--limit", "2", "--from", "-1h"], ["0", "1"])):
        assert shop.preview("--json", *chosen) == 0
        (found,) = json.loads(capsys.readouterr().out)
        sent = [key for one in found["requests"] if one["resource"] == "events" for key in one["events"]]
        assert sent == keys
        assert found["topic_records"] == 5
    assert shop.preview("--limit", "2") == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "requests: 3 (contacts 1, events 2); 0.3 s at 10/s",
        "all 5 records of the topic: about 8 requests; 0.8 s at 10/s",
    ]


def test_uploads_to_metrica_are_rendered_with_what_goes_before_them(shop: Shop, capsys: Capture) -> None:
    topic = {"name": shop.orders.topic, "entity": "order", "fields": FIELDS}
    statuses = {"DELIVERED": "PAID"}
    shop.line.settings([topic], metrica={"statuses": statuses})
    shop.orders.write("r", order("1"))
    shop.orders.write("c", order("2", status="strange"))
    assert shop.preview("--destination", "metrica", "--json") == 0
    out = capsys.readouterr().out
    (found,) = json.loads(out)
    assert found["outcomes"] == {"dead_lettered": 1, "delivered": 1}
    assert [one["resource"] for one in found["requests"]] == ["contacts", "orders"]
    assert [row["order_status"] for row in found["requests"][1]["body"]] == ["DELIVERED"]
    assert "mail.example" not in out
    assert found["per_day"] == 5000


def test_a_topic_that_feeds_nothing_is_a_mistake(shop: Shop, capsys: Capture) -> None:
    shop.plan()
    assert call(["preview", "-c", str(shop.line.file), "--topic", "none"]) == 2
    assert capsys.readouterr().err.startswith(
        "--topic: none feeds no destination of this configuration; choose "
    )
