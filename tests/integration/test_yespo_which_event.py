"""RULES 7 from a user's configuration: which event a change becomes in the CRM."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

ORDER = {
    "external_order_id": "string", "status": "string", "total_cost": "string", "date": "string",
    "external_customer_id": "string", "note": "string",
}  # fmt: skip


@pytest.fixture
def line(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(broker, topic, tmp_path) as made:
        yield made


def order(number: str, status: str = "INITIALIZED", **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "external_order_id": number, "status": status, "total_cost": "12.50",
        "date": "2026-01-02T03:04:05Z", "external_customer_id": "C1", "note": "", **columns,
    }  # fmt: skip


def topics(table: Table, **more: Any) -> list[dict[str, Any]]:
    return [{"name": table.topic, "entity": "order", **more}]


def test_the_change_and_what_is_known_decide_which_event_is_sent(line: Pipeline) -> None:
    table = line.table("orders", **ORDER)
    changes = [
        ("c", order("created")), ("c", order("created", total_cost="13.00")),
        ("u", order("updated")), ("u", order("updated", note="an unmapped column")),
        ("c", order("delivered")), ("u", order("delivered", "DELIVERED", date="2026-01-03T03:04:05Z")),
        ("c", order("cancelled")), ("u", order("cancelled", "CANCELLED")),
        ("c", order("both")), ("u", order("both", "DELIVERED", total_cost="13.00")),
        ("c", order("paid")), ("u", order("paid", "IN_PROGRESS")),
        ("u", order("unknown", "DELIVERED")),
    ]  # fmt: skip
    for op, row in changes:
        table.write(op, row)
    assert line.run(line.settings(topics(table))) == {"delivered": 12, "unchanged": 1}
    assert {key: line.sent(key) for key in line.crm.orders} == {
        "created": ["orderCreated", "orderUpdated"],
        "updated": ["orderUpdated"],
        "delivered": ["orderCreated", "orderDelivered"],
        "cancelled": ["orderCreated", "orderCancelled"],
        "both": ["orderCreated", "orderUpdated"],
        "paid": ["orderCreated", "orderUpdated"],
        "unknown": ["orderUpdated"],
    }
    assert {key: one.status for key, one in line.crm.orders.items()} == {
        "created": "INITIALIZED", "updated": "INITIALIZED", "delivered": "DELIVERED", "paid": "IN_PROGRESS",
        "cancelled": "CANCELLED", "both": "DELIVERED", "unknown": "DELIVERED",
    }  # fmt: skip
    assert line.crm.ignored == []


@pytest.mark.parametrize(
    ("on_snapshot", "live", "past", "later"),
    [
        (None, ["orderUpdated"], [], "orderUpdated"),
        ("update", ["orderUpdated"], [], "orderUpdated"),
        ("create", ["orderCreated"], [], "orderUpdated"),
        ("past_events", [], ["orderCreated"], "orderCreated"),
        ("skip", [], [], "orderCreated"),
    ],
)
def test_a_snapshots_row_goes_as_configured_and_a_past_event_makes_no_order_known(
    line: Pipeline, on_snapshot: str | None, live: list[str], past: list[str], later: str
) -> None:
    table = line.table("orders", **ORDER)
    settings = line.settings(topics(table, **({"on_snapshot": on_snapshot} if on_snapshot else {})))
    table.write("r", order("1"))
    assert line.run(settings) == {"filtered" if on_snapshot == "skip" else "delivered": 1}
    assert [event.type_key for event in line.crm.events if event.source == "event"] == live
    assert [event.type_key for event in line.crm.past_events] == past
    table.write("c", order("1", total_cost="13.00"))
    assert line.run(settings) == {"delivered": 1}
    assert line.sent("1")[-1] == later
    assert line.crm.ignored == []
