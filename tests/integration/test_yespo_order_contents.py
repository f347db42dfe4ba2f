"""What Yespo's pages say of an order's contents and of its contact, a test for each sentence.

From a user's configuration to the sandbox, through the real pipeline; in none of them is anything ignored.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.avro import record
from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

LINE = {"sku": "string", "title": "string", "qty": "int", "price": "string", "size": ["null", "string"]}
ITEMS = {
    "records": {"type": "array", "items": record("Line", **LINE)},
    "text": "string",
    "jsonb": {"type": "string", "connect.name": "io.debezium.data.Json"},
    "texts": {"type": "array", "items": {"type": "string", "connect.name": "io.debezium.data.Json"}},
}
NULL = {name: ["null", "string"] for name in ("email", "phone", "customer_no", "status", "total", "note")}
COLUMNS = {"placed": ["null", "string"], **NULL}
FIELDS = {
    "externalOrderId": "id", "externalCustomerId": "customer_no", "totalCost": "total", "date": "placed",
    "items": "lines", "items.externalItemId": "sku", "items.name": "title", "items.quantity": "qty",
    "items.cost": "price",
}  # fmt: skip
DEFAULTS = {"items.url": "https://shop.example/item", "items.imageUrl": "https://shop.example/none.png"}


@pytest.fixture
def line(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(broker, topic, tmp_path) as made:
        yield made


def table_of(line: Pipeline, items: str = "records") -> Table:
    return line.table("orders", **COLUMNS, lines=["null", ITEMS[items]])


def settings_of(table: Table, line: Pipeline, destination: Any = None, **more: Any) -> Any:
    topic = {"name": table.topic, "entity": "order", "fields": FIELDS, "defaults": DEFAULTS} | more
    return line.settings([topic], **(destination or {}))


def order(number: str, **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "customer_no": f"C{number}", "email": f"c{number}@shop.example", "phone": None,
        "status": "INITIALIZED", "total": "990.00", "placed": "2020-05-14T10:11:00+03:00", "note": None,
        "lines": None, **columns,
    }  # fmt: skip


def goods(price: str = "990.00", qty: int = 1, **more: Any) -> dict[str, Any]:
    return {"sku": f"s{price}", "title": "Super Device", "qty": qty, "price": price, "size": None, **more}


# --- The contact ----------------------------------------------------------------------------------


def test_an_order_can_be_sent_only_for_a_contact_that_exists_so_it_is_imported_first(line: Pipeline) -> None:
    table = table_of(line)
    table.write("c", order("1"))
    assert line.run(settings_of(table, line)) == {"delivered": 1}
    asked = [(seen.method, seen.path.split("/")[2]) for seen in line.crm.requests]
    assert asked[0] == ("POST", "contacts")
    assert asked[-1] == ("POST", "event")
    assert line.crm.orders["1"].contact_id == line.crm.contacts["C1"].id


def test_the_contact_is_looked_for_by_the_first_parameter_of_the_list_that_is_sent(line: Pipeline) -> None:
    table = table_of(line)
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "1": ({"phone": "050 123 45 61"}, "c1@shop.example"),
        "2": ({"phone": "050 123 45 62", "email": None}, "380501234562"),
        "3": ({"email": None}, "C3"),
        "4": ({"customer_no": None}, "c4@shop.example"),
    }
    for number, (columns, _) in cases.items():
        table.write("c", order(number, **columns))
    assert line.run(settings_of(table, line, phone_region="UA")) == {"delivered": 4}
    found = {str(event.params["externalOrderId"]): event for event in line.crm.events}
    assert {number: event.key_value for number, event in found.items()} == {
        number: key for number, (_, key) in cases.items()
    }
    assert len({event.contact_id for event in found.values()}) == len(line.crm.all_contacts) == 4


def test_a_parameter_of_the_accounts_own_can_tie_an_event_to_its_contact(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    locators = {"customerCode": "externalCustomerId"}
    with pipeline(broker, topic, tmp_path, custom_locators=locators) as line:
        table = table_of(line)
        for number in "12":
            table.write("c", order(number, email="family@shop.example"))
        settings = settings_of(table, line, {"locator": {"parameter": "customerCode"}})
        assert line.run(settings) == {"delivered": 2}
        owners = {key: found.contact_id for key, found in line.crm.orders.items()}
        assert owners == {key: line.crm.contacts[f"C{key}"].id for key in "12"}


def test_names_of_parameters_are_compared_without_case_so_none_hijacks_the_contact(line: Pipeline) -> None:
    table = table_of(line)
    table.write("c", order("1", note="somebody@else.example"))
    assert line.run(settings_of(table, line, params={"CONTACTID": "note"})) == {"dead_lettered": 1}
    assert dict(line.letters()) == {("1", "check"): 1}


def test_all_values_but_the_email_are_compared_with_case(line: Pipeline) -> None:
    table = table_of(line)
    table.write("c", order("1", customer_no="c", email="Ann@Shop.Example"))
    table.write("c", order("2", customer_no="C", email="ann@shop.example"))
    assert line.run(settings_of(table, line)) == {"delivered": 2}
    assert set(line.crm.contacts) == {"c", "C"}
    assert len({found.contact_id for found in line.crm.orders.values()}) == 2


def test_a_value_that_cannot_be_a_phone_is_a_dead_letter(line: Pipeline) -> None:
    table = table_of(line)
    table.write("c", order("1", phone="12345"))
    table.write("c", order("2", phone="050 123 45 67"))
    assert line.run(settings_of(table, line, phone_region="UA")) == {"dead_lettered": 1, "delivered": 1}
    assert dict(line.letters()) == {("1", "invalid_value"): 1}
    assert line.crm.contacts["C2"].phone == "380501234567"


# --- What an order must have ----------------------------------------------------------------------


def test_an_order_without_a_required_parameter_would_be_ignored_so_it_is_not_sent(line: Pipeline) -> None:
    table = table_of(line)
    lacking: list[dict[str, Any]] = [
        {"total": None},
        {"status": None},
        {"placed": None},
        {"customer_no": None, "email": None},
        {"status": "SHIPPED"},
    ]
    for number, columns in enumerate(lacking):
        table.write("c", order(str(number), **columns))
    table.write("c", order("whole"))
    assert line.run(settings_of(table, line)) == {"dead_lettered": 5, "delivered": 1}
    assert dict(line.letters()) == {(str(number), "check"): 1 for number in range(5)}
    assert set(line.crm.orders) == {"whole"}


def test_an_item_without_one_of_its_six_fields_is_not_sent(line: Pipeline) -> None:
    table = table_of(line, "text")
    whole = {**goods(), "url": "https://shop.example/1", "imageUrl": "https://shop.example/1.png"}
    required = ("sku", "title", "qty", "price", "url", "imageUrl")
    for without in required:
        item = {name: value for name, value in whole.items() if name != without}
        table.write("c", order(without, lines=json.dumps([whole, item])))
    table.write("c", order("whole", lines=json.dumps([whole])))
    assert line.run(settings_of(table, line, defaults={})) == {"dead_lettered": 6, "delivered": 1}
    assert dict(line.letters()) == {(without, "check"): 1 for without in required}


def test_the_date_is_sent_in_the_documented_form_in_the_accounts_zone(line: Pipeline) -> None:
    table = table_of(line)
    table.write("c", order("1", placed="2020-05-14T23:30:00.123+00:00"))
    assert line.run(settings_of(table, line)) == {"delivered": 1}
    assert line.crm.orders["1"].params["date"] == "2020-05-15T02:30:00"


# --- Items ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "items_as"), [*((form, "array") for form in ITEMS), ("records", "string")]
)  # fmt: skip
def test_items_come_in_any_form_and_go_as_an_array_or_as_its_escaped_string(
    line: Pipeline, form: str, items_as: str
) -> None:
    table = table_of(line, form)
    item = goods(size="S")
    made: Any = {"records": [item], "texts": [json.dumps(item)]}.get(form, json.dumps([item]))
    table.write("c", order("1", lines=made))
    assert line.run(settings_of(table, line, items_as=items_as)) == {"delivered": 1}
    sent = line.crm.orders["1"].params["items"]
    assert isinstance(sent, str) is (items_as == "string")
    assert line.crm.orders["1"].items == [
        {
            "externalItemId": "s990.00", "name": "Super Device", "quantity": 1, "cost": 990.0,
            "url": "https://shop.example/item", "imageUrl": "https://shop.example/none.png",
        }
    ]  # fmt: skip


def test_the_items_prices_add_up_to_the_total_with_the_discount_in_each_items_cost(line: Pipeline) -> None:
    table = table_of(line)
    table.write("c", order("1", total="100.00", lines=[goods("60.00"), goods("30.00", 2)]))
    table.write("c", order("2", total="258.0", lines=[goods()]))
    table.write("c", order("3", total="10.00", lines=[goods("4.00", 3)]))
    assert line.run(settings_of(table, line, totals="distribute")) == {"delivered": 3}
    lines = {
        key: [(str(item["cost"]), item["quantity"]) for item in found.items]
        for key, found in line.crm.orders.items()
    }
    assert lines == {
        "1": [("50.0", 1), ("25.0", 2)], "2": [("258.0", 1)], "3": [("3.34", 1), ("3.33", 2)],
    }  # fmt: skip
    for found in line.crm.orders.values():
        amounts = (Decimal(str(item["cost"])) * item["quantity"] for item in found.items)
        assert sum(amounts) == Decimal(found.params["totalCost"])


def test_nesting_is_kept_to_the_second_level_and_what_is_deeper_is_sent_as_text(line: Pipeline) -> None:
    table = table_of(line, "jsonb")
    lines = [goods(size="S", tags=["new", "red"])]
    gift = {"json1": {"innerField1": "innerValue1", "deep": {"a": 1}}}
    table.write("c", order("1", lines=json.dumps(lines), note=json.dumps({"gift": gift})))
    fields = {**FIELDS, "items.tags": "tags"}
    settings = settings_of(table, line, fields=fields, params={"gift": "note.gift"})
    assert line.run(settings) == {"delivered": 1}
    params = line.crm.orders["1"].params
    assert params["items"][0]["tags"] == '["new","red"]'
    assert params["gift"] == {"json1": {"innerField1": "innerValue1", "deep": '{"a":1}'}}


def test_only_delivered_orders_count_for_rfm(line: Pipeline) -> None:
    table = table_of(line)
    table.write("c", order("1"))
    table.write("c", order("2", customer_no="C1", email="c1@shop.example", status="DELIVERED"))
    assert line.run(settings_of(table, line)) == {"delivered": 2}
    (row,) = line.crm.revenue().values()
    assert (row.orders, row.total) == (1, 990.0)
