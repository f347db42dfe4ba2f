"""RULES 8 from a user's configuration: what a deleted row becomes in the CRM."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

ORDER = {
    "external_order_id": "string", "status": "string", "total_cost": "string", "date": "string",
    "external_customer_id": ["null", "string"], "email": ["null", "string"],
}  # fmt: skip
CONTACT = {"external_customer_id": "string", "email": ["null", "string"], "first_name": ["null", "string"]}
BY_NUMBER = {name: kind for name, kind in ORDER.items() if name != "external_order_id"}
FULL = {"replica_identity": "full"}
Make = Callable[..., AbstractContextManager[Pipeline]]


@pytest.fixture
def make(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Make:
    return lambda **crm: pipeline(broker, topic, tmp_path, **crm)


@pytest.fixture
def line(make: Make) -> Iterator[Pipeline]:
    with make() as made:
        yield made


def order(number: str, **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "external_order_id": f"ORD-{number}", "status": "INITIALIZED", "total_cost": "12.50",
        "date": "2026-01-02T03:04:05Z", "external_customer_id": f"C{number}", "email": None, **columns,
    }  # fmt: skip


def contact(number: str, **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "external_customer_id": f"C{number}", "email": f"c{number}@shop.example",
        "first_name": "Ann", **columns,
    }  # fmt: skip


def topic_of(table: Table, entity: str, on_delete: str, **more: Any) -> dict[str, Any]:
    return {"name": table.topic, "entity": entity, "on_delete": on_delete} | more


@pytest.mark.parametrize(
    ("on_delete", "outcomes", "letters"),
    [
        ("ignore", {"delivered": 1, "filtered": 2}, {}),
        ("dead-letter", {"dead_lettered": 1, "delivered": 1, "filtered": 1}, {(None, "delete"): 1}),
    ],
)
def test_a_delete_is_ignored_or_a_dead_letter_as_configured(
    line: Pipeline, on_delete: str, outcomes: dict[str, int], letters: dict[tuple[None, str], int]
) -> None:
    orders = line.table("orders", **ORDER)
    orders.write("u", order("1"))
    orders.write("d", order("1"))
    orders.tombstone(order("1"))
    assert line.run(line.settings([topic_of(orders, "order", on_delete)])) == outcomes
    assert line.letters() == letters if letters else True
    assert line.crm.orders["ORD-1"].status == "INITIALIZED"


def test_a_deleted_order_is_cancelled_though_its_row_tells_no_more_than_its_primary_key(
    line: Pipeline,
) -> None:
    """The ledger has kept key, contact, total and date. Later and repeated older states change nothing."""
    orders = line.table("orders", **ORDER)
    settings = line.settings([topic_of(orders, "order", "cancel")])
    orders.write("u", order("1"), lsn=10)
    line.run(settings)
    orders.write("d", order("1"), lsn=20)
    orders.tombstone(order("1"))
    orders.write("u", order("1"), lsn=10)
    orders.write("c", order("1"), lsn=9)
    assert line.run(settings) == {"delivered": 1, "filtered": 1, "superseded": 2}
    assert line.sent("ORD-1") == ["orderUpdated", "orderCancelled"]
    cancelled = line.crm.orders["ORD-1"]
    assert (cancelled.status, cancelled.params["totalCost"]) == ("CANCELLED", "12.50")
    assert line.crm.ignored == []
    assert line.run(settings, replay=True)["duplicate"] == 1
    assert line.crm.counts()["triggers"] == 2


def test_a_row_the_ledger_never_saw_and_an_order_yespo_never_had_are_dead_letters(line: Pipeline) -> None:
    orders = line.table("orders", **ORDER)
    numbered = line.table("numbered", "external_order_id", **BY_NUMBER)
    settings = line.settings([topic_of(table, "order", "cancel") for table in (orders, numbered)])
    orders.write("d", order("1"))
    numbered.write("d", {k: v for k, v in order("2").items() if k != "id"})
    assert line.run(settings) == {"dead_lettered": 2}
    assert line.letters() == {(None, "unknown_row"): 1, ("ORD-2", "unknown_order"): 1}
    assert line.crm.events == []


def test_under_replica_identity_full_a_guests_order_is_cancelled_by_its_own_e_mail(line: Pipeline) -> None:
    """The ledger keeps no e-mail, so without the row nobody could tell the contact."""
    orders = line.table("orders", **ORDER)
    for number, more in (("1", FULL), ("2", {})):
        guest = order(number, external_customer_id=None, email="guest@shop.example")
        orders.write("u", guest)
        orders.write("d", guest, full=True)
        line.run(line.settings([topic_of(orders, "order", "cancel", **more)]))
    assert line.sent("ORD-1") == ["orderUpdated", "orderCancelled"]
    assert line.sent("ORD-2") == ["orderUpdated"]
    assert line.letters() == {("ORD-2", "no_usable_locator"): 1}
    assert line.crm.ignored == []


def test_a_deleted_contact_is_erased_and_its_later_orders_do_not_bring_it_back(line: Pipeline) -> None:
    contacts, orders = line.table("contacts", **CONTACT), line.table("orders", **ORDER)
    topics = [topic_of(contacts, "contact", "erase"), topic_of(orders, "order", "ignore")]
    settings = line.settings(topics)
    contacts.write("c", contact("1"))
    contacts.write("c", contact("2"))
    line.run(settings)
    contacts.write("d", contact("1"))
    contacts.tombstone(contact("1"))
    line.run(settings)
    orders.write("u", order("1"))
    orders.write("u", order("2"))
    assert line.run(settings) == {"dead_lettered": 1, "delivered": 1}
    assert line.letters() == {("ORD-1", "erased_contact"): 1}
    assert set(line.crm.contacts) == {"C2"}
    assert line.crm.contact_book.deleted == {}
    assert line.crm.ignored == []


def test_a_deleted_contact_is_unsubscribed_and_keeps_its_orders(line: Pipeline) -> None:
    contacts, orders = line.table("contacts", **CONTACT), line.table("orders", **ORDER)
    topics = [topic_of(contacts, "contact", "unsubscribe", **FULL), topic_of(orders, "order", "ignore")]
    settings = line.settings(topics)
    contacts.write("c", contact("1"), lsn=1)
    line.run(settings)
    contacts.write("d", contact("1"), lsn=2, full=True)
    contacts.write("u", contact("1"), lsn=1)
    line.run(settings)
    orders.write("u", order("1"))
    assert line.run(settings) == {"delivered": 1}
    assert line.crm.contact_book.unsubscribed == {"c1@shop.example"}
    assert line.crm.answers["unsubscribed", 200] == 1
    assert line.crm.ignored == []


def test_without_replica_identity_full_nobody_knows_the_e_mail_to_unsubscribe(line: Pipeline) -> None:
    contacts = line.table("contacts", **CONTACT)
    settings = line.settings([topic_of(contacts, "contact", "unsubscribe")])
    contacts.write("c", contact("1"))
    line.run(settings)
    contacts.write("d", contact("1"), full=True)
    assert line.run(settings) == {"dead_lettered": 1}
    assert line.letters() == {("C1", "check"): 1}


def test_a_changed_primary_key_deletes_nothing(line: Pipeline) -> None:
    orders = line.table("orders", **ORDER)
    settings = line.settings([topic_of(orders, "order", "cancel")])
    orders.write("c", order("1"))
    orders.write("d", order("1"), headers={"__debezium.newkey": b"{}"})
    orders.tombstone(order("1"))
    orders.write("c", order("1", id="7", total_cost="13.00"), headers={"__debezium.oldkey": b"{}"})
    assert line.run(settings) == {"delivered": 2, "filtered": 2}
    assert line.sent("ORD-1") == ["orderCreated", "orderUpdated"]


@pytest.mark.parametrize("takes", [True, False])
def test_an_account_that_cancels_by_key_alone_needs_no_total(make: Make, *, takes: bool) -> None:
    """Where total and date were never kept (the order was sent before deletes counted)."""
    with make(cancel_by_key=takes) as line:
        orders = line.table("orders", "external_order_id", **BY_NUMBER)
        row = {k: v for k, v in order("1").items() if k != "id"}
        orders.write("c", row)
        line.run(line.settings([topic_of(orders, "order", "ignore")]))
        orders.write("d", row)
        outcomes = line.run(line.settings([topic_of(orders, "order", "cancel")], cancel_by_key=takes))
        assert outcomes == {"dead_lettered": 1}
        cause = "no_usable_locator" if takes else "check"
        assert line.letters() == {("ORD-1", cause): 1}
        assert line.crm.ignored == []
