"""The captured shop as the CRM must hold it: each mapped field of each row, from PostgreSQL's own audit log.

Nothing here uses the connector's decoding or mapping. What a record cannot tell is allowed, and only there.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from connector.sandbox.contacts import Contact
from connector.sandbox.crm import Crm
from connector.sandbox.orders import Order
from tests.support import cdc

ZONE = ZoneInfo("Europe/Kyiv")
NO_URL, NO_IMAGE = "https://shop.example/", "https://shop.example/none.png"
CONFIG = """
kafka:
  bootstrap_servers: {bootstrap}
  group_id: {group}
schema_registry: {{url: {registry}}}
topics:
  - name: {orders}
    entity: order
    phone_region: UA
    fields:
      date: order_date
      restoreUrl: restored_url{more}
    values: {{status: {{RETURNED: CANCELLED}}}}
    defaults: {{items.url: "https://shop.example/", items.imageUrl: "https://shop.example/none.png"}}
    params: {{rate: exchange_rate, gift: additional_info.gift}}
  - name: {contacts}
    entity: contact
    phone_region: UA
    fields: {{town: city, languageCode: attributes.lang}}
destinations:
  yespo: {{type: yespo, url: "{crm}/api", api_key: sandbox-key, time_zone: Europe/Kyiv}}
ledger: {{url: "sqlite://{ledger}"}}
dead_letters: {{topic: {letters}}}
delivery: {{rate_per_second: 180, drain_seconds: 10}}
log: {{level: warning}}
"""
"""As its users would write it; the shop's own items have no picture and some have no page. more: fields."""
RENAMED = "\n      paymentMethod: payment_type"
"""A column that was called payment_method before the workload renamed it."""

_DEFAULTS: Mapping[str, str] = {"discount": "0.00", "city": "Київ", "phone": "380000000000"}
"""What a NULL of these columns arrives as (cdc 16); the phone in digits."""
Fields = dict[str, Any]


def differences(
    variant: cdc.DecodedVariant, crm: Crm, *, renamed: bool = False
) -> dict[tuple[str, str], list[str]]:
    """(entity, key) → the fields in which the CRM differs from the source; empty lists are left out.

    renamed: `payment_type` is mapped; otherwise the field is fed only until its column has that name.
    """
    people = {contact.id: contact for contact in crm.all_contacts}
    found: dict[tuple[str, str], list[str]] = {}
    for row in _final("orders"):
        key = row["external_order_id"]
        order = crm.orders.get(key)
        found["order", key] = ["missing"] if order is None else _order(variant, row, order, people)
        if not renamed:
            found["order", key] = [name for name in found["order", key] if name != "paymentMethod"]
    for row in _final("contacts"):
        key = row["external_customer_id"]
        contact = crm.contacts.get(key)
        found["contact", key] = ["missing"] if contact is None else _contact(variant, row, contact)
    return {where: fields for where, fields in found.items() if fields}


def extras(crm: Crm) -> dict[str, set[str]]:
    """What the CRM holds and the source does not (any more), by entity."""
    return {
        "order": crm.orders.keys() - {row["external_order_id"] for row in _final("orders")},
        "contact": {contact.external_id or f"#{contact.id}" for contact in crm.all_contacts}
        - {row["external_customer_id"] for row in _final("contacts")},
    }


@cache
def gone() -> dict[str, set[str]]:
    """Business keys that the source had and deleted or renamed, by entity."""
    names = {"orders": "external_order_id", "contacts": "external_customer_id"}
    lost: dict[str, set[str]] = {"order": set(), "contact": set()}
    for entry in cdc.oracle():
        name, before, after = names.get(entry["tbl"]), entry["old_row"], entry["new_row"]
        if name and before and before[name] != (after or {}).get(name):
            lost[entry["tbl"].removesuffix("s")].add(before[name])
    return lost


def earlier(variant: cdc.DecodedVariant, key: str, column: str) -> set[object]:
    """What a column of an order ever held."""
    rows = [seen.row or {} for seen in cdc.expected(variant).values() if seen.table == "orders"]
    return {
        row[column] for row in rows if row.get("external_order_id") == key and row.get(column) is not None
    }


def deleted(variant: cdc.DecodedVariant) -> set[cdc.Position]:
    """The records that are deletes, or tombstones."""
    return {at for at, seen in cdc.expected(variant).items() if seen.op not in "cur"}


# --- One order, one contact -----------------------------------------------------------------------


def _order(
    variant: cdc.DecodedVariant, row: cdc.Row, order: Order, people: Mapping[int, Contact]
) -> list[str]:
    names = {
        "externalOrderId": "external_order_id", "externalCustomerId": "external_customer_id",
        "email": "email", "phone": "phone", "firstName": "first_name", "lastName": "last_name",
        "currency": "currency", "paymentMethod": "payment_type", "restoreUrl": "restored_url",
        "storeId": "store_id", "deliveryMethod": "delivery_method", "deliveryAddress": "delivery_address",
        "totalCost": "total_cost", "shipping": "shipping", "discount": "discount",
        "taxes": "taxes", "rate": "exchange_rate",
    }  # fmt: skip
    numbers = {"totalCost", "shipping", "discount", "taxes", "rate"}
    want: Fields = {name: row[column] for name, column in names.items()}
    want |= {
        "phone": _digits(row["phone"]),
        "status": "CANCELLED" if row["status"] == "RETURNED" else row["status"],
        "date": datetime.fromisoformat(row["order_date"]).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S"),
        "additionalInfo": row["additional_info"],
        "gift": (row["additional_info"] or {}).get("gift"),
        "items": row["items"] and [_item(item) for item in row["items"]],
    }
    want["storeId"] = None if want["storeId"] is None else str(want["storeId"])
    have: Fields = dict(order.params) | {"status": order.status}
    for name in numbers & have.keys():
        have[name] = _number(have[name])
    if want["rate"] is not None:
        want["rate"] = _number(float(want["rate"]))  # the sandbox reads JSON's numbers as doubles
    have["items"] = [_number_in(item) for item in order.items] or None
    have["additionalInfo"] = _parsed(have.get("additionalInfo"))
    wrong = _compare(variant, "orders", row, names, want, have)
    owner = people[order.contact_id]
    named = {"externalCustomerId": owner.external_id, "email": owner.email, "phone": owner.phone}
    if not any(want[name] and want[name] == value for name, value in named.items()):
        wrong.append("contact")
    return wrong


def _item(item: cdc.Row) -> Fields:
    return {"url": NO_URL, "imageUrl": NO_IMAGE} | {
        n: v for n, v in _number_in(item).items() if v is not None
    }


def _present(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _contact(variant: cdc.DecodedVariant, row: cdc.Row, contact: Contact) -> list[str]:
    names = {
        "externalCustomerId": "external_customer_id", "email": "email", "firstName": "first_name",
        "lastName": "last_name", "town": "city", "sms": "phone", "languageCode": "attributes",
    }  # fmt: skip
    attributes = row["attributes"]
    want: Fields = {name: row[column] for name, column in names.items()}
    want["sms"] = _digits(row["phone"])
    want["languageCode"] = attributes.get("lang") if isinstance(attributes, dict) else None
    return _compare(variant, "contacts", row, names, want, dict(contact.values))


def _compare(
    variant: cdc.DecodedVariant,
    table: str,
    row: cdc.Row,
    names: Mapping[str, str],
    want: Fields,
    have: Fields,
) -> list[str]:
    """The names whose values differ; a null is not there. Nothing that is not wanted may be there."""
    last = newest(variant, table, row)
    assert last.row is not None
    for name, column in names.items():
        if row[column] is None and column in last.null_became_default:
            want[name] = _as_kind(want, name, _DEFAULTS[column])
    return sorted(name for name in want.keys() | have.keys() if want.get(name) != have.get(name))


def _as_kind(want: Fields, name: str, text: str) -> object:
    return Decimal(text) if name == "discount" else text


def newest(variant: cdc.DecodedVariant, table: str, row: cdc.Row) -> cdc.ExpectedRow:
    """The record that tells a row's last state: of one primary key, in one partition, repeats left out."""
    key = "id" if table == "contacts" else "external_order_id"
    states = [
        seen
        for seen in cdc.expected(variant).values()
        if seen.table == table
        and seen.op in "cur"
        and not seen.duplicate
        and seen.row
        and seen.row[key] == row[key]
    ]
    assert len({seen.position[1] for seen in states}) == 1
    return max(states, key=lambda seen: seen.position)


def _final(table: str) -> Iterator[cdc.Row]:
    return (final.row for final in cdc.final_state() if final.table == table)


def _digits(phone: str | None) -> str | None:
    """One of them is a national number."""
    digits = "".join(filter(str.isdigit, phone or ""))
    return f"38{digits}" if digits.startswith("0") else digits or None


def _number(value: object) -> Decimal:
    return Decimal(str(value))


def _number_in(item: Mapping[str, Any]) -> Fields:
    return {n: _number(v) if n in ("quantity", "cost") and v is not None else v for n, v in item.items()}


def _parsed(value: object) -> object:
    """What stands deeper than the CRM parses is JSON text there."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        return _parsed(json.loads(value))
    if isinstance(value, dict):
        return {name: _parsed(part) for name, part in value.items()}
    return value
