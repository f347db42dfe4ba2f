"""Add orders from a user's configuration to the CRM, and where an order is afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.cli import call
from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

ORDER = {
    "status": "string", "total_cost": "string", "date": "string", "currency": ["null", "string"],
    "external_customer_id": "string", "city": "string",
}  # fmt: skip


@pytest.fixture
def line(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(broker, topic, tmp_path, conflict_seconds=0) as made:
        yield made


def orders(line: Pipeline) -> Table:
    return line.table("orders", "external_order_id", **ORDER)


def order(number: str, status: str = "INITIALIZED", **columns: Any) -> dict[str, Any]:
    return {
        "external_order_id": number, "status": status, "total_cost": "12.50", "currency": "UAH",
        "date": "2026-01-02T03:04:05Z", "external_customer_id": "C1", "city": "Київ", **columns,
    }  # fmt: skip


def topics(table: Table, **more: Any) -> list[dict[str, Any]]:
    return [{"name": table.topic, "entity": "order", **more}]


def looked_up(line: Pipeline, key: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()  # the log of the run before
    assert call(["order", key, "-c", str(line.file), "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    return dict(found)


def test_orders_go_many_a_request_and_only_the_failed_ones_are_dead_letters(
    line: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    table = orders(line)
    settings = line.settings(topics(table, on_delete="cancel"), orders_via="add_orders")
    line.crm.failing.add("7")
    for number in range(20):
        table.write("u", order(f"{number}", currency=None if number == 3 else "UAH"))
    assert line.run(settings) == {"dead_lettered": 2, "delivered": 18}
    assert line.letters() == {("7", "refused"): 1, ("3", "check"): 1}
    assert line.crm.answers["orders", 200] < 5
    assert len(line.crm.orders) == 18
    table.write("u", order("1", "DELIVERED"))
    table.write("d", order("2"))
    assert line.run(settings) == {"delivered": 2}
    assert [event.type_key for event in line.crm.history("1")] == ["orderINITIALIZED", "orderDELIVERED"]
    assert line.sent("2") == ["orderINITIALIZED", "orderCancelled"]
    assert looked_up(line, "1", capsys)["remote_id"] == str(line.crm.orders["1"].id)
    assert line.crm.ignored == []
    triggers = line.crm.counts()["triggers"]
    assert "delivered" not in line.run(settings, replay=True)
    assert line.crm.counts()["triggers"] == triggers


def test_an_order_is_created_by_add_orders_and_goes_on_by_events_with_its_parameters(
    line: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the vendor advises for those who need the system's id of an order."""
    table = orders(line)
    settings = line.settings(
        topics(table, params={"city": "city"}, on_delete="cancel"), orders_via="add_orders_then_events"
    )
    table.write("r", order("old"))
    table.write("c", order("1"))
    table.write("u", order("1", "DELIVERED"))
    table.write("u", order("2", city="Львів"))
    table.write("d", order("2"))
    assert line.run(settings) == {"delivered": 5}
    assert {key: line.sent(key) for key in line.crm.orders} == {
        "old": ["orderUpdated"],
        "1": ["orderINITIALIZED", "orderUpdated", "orderDelivered"],
        "2": ["orderINITIALIZED", "orderUpdated", "orderCancelled"],
    }
    assert [line.crm.orders[key].params["city"] for key in ("old", "1", "2")] == ["Київ", "Київ", "Львів"]
    found = looked_up(line, "1", capsys)
    assert (found["remote_id"], found["live"]) == (str(line.crm.orders["1"].id), True)
    assert "remote_id" not in looked_up(line, "old", capsys)
    assert line.crm.ignored == []


def test_add_orders_has_a_fixed_list_of_fields_so_parameters_stay_behind(line: Pipeline) -> None:
    """`check` warns of it; the event that may follow carries them."""
    table = orders(line)
    settings = line.settings(topics(table, params={"city": "city"}), orders_via="add_orders")
    table.write("c", order("1"))
    assert line.run(settings) == {"delivered": 1}
    assert "city" not in line.crm.orders["1"].params


def test_a_lost_answer_is_sent_again_and_the_order_stays_one(line: Pipeline) -> None:
    table = orders(line)
    settings = line.settings(topics(table), orders_via="add_orders")
    line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v1/orders"}, "times": 1})
    table.write("c", order("1"))
    table.write("c", order("2"))
    assert line.run(settings) == {"delivered": 2}
    assert set(line.crm.orders) == {"1", "2"}
    assert line.run(settings, replay=True) == {"duplicate": 2}
