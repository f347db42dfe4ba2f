"""Real changes, and our own contracts, through decoder and mapper."""

import io
import json
import struct
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import fastavro
import pytest
from msgspec import UNSET

from connector.core.change import Change
from connector.core.decode import Decoder
from connector.core.events import Contact, Event, Item, Order
from connector.core.mapping import Mapper
from connector.core.model import Kind, Op, Position, Record, Reject, Skip
from connector.core.rules import TopicRules
from connector.core.targets import targets
from tests.fakes.schemas import FakeSchemas
from tests.support import cdc
from tests.support.decoding import changes, record

VARIANTS: tuple[cdc.DecodedVariant, ...] = ("env_pa", "flat_pa", "flat_min")
SCHEMAS = Path(__file__).parents[2] / "schemas"
Entity = Literal["order", "contact"]


def captured(
    variant: cdc.DecodedVariant, table: str, entity: Entity, **settings: Any
) -> list[tuple[Any, ...]]:
    """(expectation, change, result) of each captured change of a table."""
    mapper = Mapper(TopicRules(f"cdc.{variant}.shop.{table}", entity, **settings))
    return [
        (cdc.expected(variant)[seen.position], change, mapper.map(change, record(seen), "tid"))
        for seen, change in changes(variant, f".{table}")
    ]


def orders(variant: cdc.DecodedVariant) -> list[tuple[Any, ...]]:
    """The captured orders."""
    return captured(variant, "orders", "order", fields={"date": "order_date"}, on_delete="cancel")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_captured_order_is_an_event_with_its_true_values_or_has_a_reason(
    variant: cdc.DecodedVariant,
) -> None:
    results = Counter(type(result) for _, _, result in orders(variant))
    assert results == {Event: 73, Reject: 1}
    for true, change, result in orders(variant):
        if change.op is Op.DELETE:
            assert result.kind is Kind.ORDER_CANCELLED
        elif isinstance(result, Reject):
            assert result.cause == "invalid_total"
            assert Decimal(str(true.row["total_cost"])) < 0
        else:
            assert result.key == true.row["external_order_id"]
            assert result.body.total_cost == Decimal(str(true.row["total_cost"]))
            assert (result.body.items is UNSET) == ("items" in true.unavailable_columns)
            assert result.body.email == true.row["email"]


def test_one_change_has_one_digest_in_every_form_of_the_capture() -> None:
    """Envelope or flattened, decimals as bytes or double, times as strings: the content is the same."""
    seen = [
        Counter(
            (result.key, result.digest, result.core_digest)
            for _, _, result in orders(v)
            if type(result) is Event
        )
        for v in VARIANTS
    ]
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_contacts_delete_knows_its_row_and_the_records_before_it_name_the_same(
    variant: cdc.DecodedVariant,
) -> None:
    found = captured(variant, "contacts", "contact", on_delete="erase")
    deleted = [r for _, _, r in found if isinstance(r, Event) and r.kind is Kind.CONTACT_DELETED]
    known = {r.row_key for _, _, r in found if isinstance(r, Event) and r.kind is Kind.CONTACT_UPSERTED}
    assert deleted
    assert {event.key for event in deleted} == {""}
    assert {event.row_key for event in deleted} <= known
    assert Counter(r.rule for _, _, r in found if isinstance(r, Skip)) == {"delete_moved": 3}


# --- Our own contracts ----------------------------------------------------------------------------


def contract(name: str) -> str:
    """The contract's text."""
    return (SCHEMAS / f"{name}_change.avsc").read_text()


def sent(entity: Entity, row: dict[str, Any], **settings: Any) -> Event:
    """A record of our own contract, decoded and mapped."""
    schema, body = contract(entity), io.BytesIO(struct.pack(">bI", 0, 1))
    body.seek(5)
    fastavro.schemaless_writer(body, fastavro.parse_schema(json.loads(schema)), row)
    rules = TopicRules("t", entity, **settings)
    kafka = Record(Position("t", 0, 0), 5, None, body.getvalue())
    change = Decoder(rules, FakeSchemas({1: schema})).decode(kafka)
    assert isinstance(change, Change)
    event = Mapper(rules).map(change, kafka, "tid")
    assert isinstance(event, Event), event
    return event


@pytest.mark.parametrize(("entity", "body"), [("order", Order), ("contact", Contact)])
def test_a_contract_has_every_field_and_a_document_for_each(entity: str, body: type[Order | Contact]) -> None:
    fields = json.loads(contract(entity))["fields"]
    assert {field["name"] for field in fields} == {*targets(body), "version"}
    assert all(field["doc"] for field in fields)


def test_an_order_of_our_contract_is_mapped_without_configuration() -> None:
    item = {
        "externalItemId": "7", "name": "Чайник", "quantity": Decimal("1.500"), "cost": Decimal("10.00"),
        "imageUrl": "https://shop.example/7.png",
    }  # fmt: skip
    row = {
        "externalOrderId": "1", "status": "NEW", "date": datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        "totalCost": Decimal("15.00"), "items": [item], "additionalInfo": {"gift": "yes"}, "version": 5,
    }  # fmt: skip
    event = sent("order", row, version="version", values={"status": {"NEW": "INITIALIZED"}})
    order = event.body
    assert isinstance(order, Order)
    assert (event.kind, event.key) == (Kind.ORDER_UPDATED, "1")
    assert (order.status, order.raw_status, order.date, order.total_cost) == (
        "INITIALIZED", "NEW", row["date"], Decimal("15.00"),
    )  # fmt: skip
    assert order.items == (
        Item(
            "7", "Чайник", None, Decimal("1.5"), Decimal("10.00"), None, "https://shop.example/7.png", None
        ),
    )  # fmt: skip
    assert (order.additional_info, order.email, order.params) == ({"gift": "yes"}, None, UNSET)
    assert event.version is not None
    assert event.version.declared == 5


def test_a_contact_of_our_contract_is_mapped_without_configuration() -> None:
    event = sent("contact", {"email": "Olena@Shop.Example", "birthDate": date(1990, 2, 3)})
    contact = event.body
    assert isinstance(contact, Contact)
    assert (event.key, contact.email, contact.birth_date, contact.phone) == (
        "email:olena@shop.example", "Olena@Shop.Example", date(1990, 2, 3), None,
    )  # fmt: skip
