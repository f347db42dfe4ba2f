"""Does the CRM hold what the source holds? Every mapped field of every order and contact is compared.

Nothing here uses the connector's own mapping.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from connector.sandbox.contacts import Contact
from connector.sandbox.crm import Crm
from connector.sandbox.orders import Order

ZONE: Final = "Europe/Kyiv"
"""Of the CRM account's user: dates are kept in it."""
STATUSES: Final = {
    "cart": "ABANDONED_SHOPPING_CART",
    "new": "INITIALIZED",
    "paid": "IN_PROGRESS",
    "shipped": "IN_PROGRESS",
    "delivered": "DELIVERED",
    "cancelled": "CANCELLED",
}
"""What the shop's words mean to the CRM."""
_ITEM: Final = {
    "externalItemId": "sku",
    "name": "title",
    "category": "category",
    "quantity": "qty",
    "cost": "price",
    "url": "url",
    "imageUrl": "image",
}
_NUMBERS: Final = frozenset({"quantity", "cost"})
Row = Mapping[str, Any]


class Verdict(Struct, frozen=True):
    """mismatched: what differs, as "order SO-1: items"; explained: orders that a dead letter names."""

    equal_orders: int
    equal_contacts: int
    explained: list[str]
    mismatched: list[str]


def judge(
    orders: Mapping[str, Row], contacts: Mapping[str, Row], crm: Crm, lettered: Iterable[str]
) -> Verdict:
    """Compare the source with the CRM. lettered: keys of orders that have a dead letter.

    An order without a total cannot be sent: it has to be in the dead letters, and not in the CRM.
    """
    people = {contact.id: contact for contact in crm.all_contacts}
    found, letters = crm.orders, frozenset(lettered)
    explained = [
        key for key, row in orders.items() if row["total"] is None and key in letters and key not in found
    ]
    faults = {f"order {key}": _order(row, found.get(key), people) for key, row in orders.items()}
    for key in explained:
        del faults[f"order {key}"]
    equal_orders = sum(not wrong for wrong in faults.values())
    by_number = {contact.external_id: contact for contact in people.values() if contact.external_id}
    wrong_contacts = {f"contact {key}": _contact(row, by_number.get(key)) for key, row in contacts.items()}
    guests = {row["email"] for row in orders.values() if not row["customer_no"] and row["total"] is not None}
    faults |= wrong_contacts
    faults |= {f"order {key}": ["not at the source"] for key in found.keys() - orders.keys()}
    for person in people.values():
        if person.external_id not in contacts and not (person.external_id is None and person.email in guests):
            faults[f"contact {person.external_id or person.id}"] = ["not at the source"]
    return Verdict(
        equal_orders,
        sum(not wrong for wrong in wrong_contacts.values()),
        explained,
        [f"{what}: {', '.join(wrong)}" for what, wrong in faults.items() if wrong],
    )


def sent_twice(crm: Crm) -> int:
    """Order events beyond the first with the same type and content: each may be a message sent twice.

    The source never writes one content of an order twice, so none of them has a reason.
    """
    seen = Counter(
        (event.type_key, msgspec.json.encode(event.params, order="deterministic"))
        for event in crm.events
        if event.source == "event"
    )
    return sum(count - 1 for count in seen.values())


# --- One order, one contact -----------------------------------------------------------------------


def _order(row: Row, order: Order | None, people: Mapping[int, Contact]) -> list[str]:
    if order is None:
        return ["missing"]
    want, have = _expected(row), dict(order.params) | {"status": order.status}
    have |= {name: Decimal(str(have[name])) for name in ("totalCost", "shipping") if name in have}
    del have["items"]
    wrong = [name for name in want.keys() | have.keys() if want.get(name) != have.get(name)]
    if [_sent_item(item) for item in order.items] != [_item(item) for item in row["items"]]:
        wrong.append("items")
    if not _belongs(row, people.get(order.contact_id)):
        wrong.append("contact")
    return sorted(wrong)


def _expected(row: Row) -> dict[str, object]:
    """All parameters but the items, as the CRM keeps them; what is null at the source is not there."""
    delivery = row["delivery"]
    wanted = {
        "externalOrderId": row["order_no"],
        "externalCustomerId": row["customer_no"],
        "email": row["email"],
        "phone": row["phone"] and row["phone"].removeprefix("+"),
        "firstName": row["first_name"],
        "lastName": row["last_name"],
        "status": STATUSES[row["status"]],
        "totalCost": row["total"],
        "shipping": row["shipping"],
        "currency": row["currency"],
        "date": row["created_at"].astimezone(ZoneInfo(ZONE)).strftime("%Y-%m-%dT%H:%M:%S"),
        "paymentMethod": row["payment_method"],
        "restoreUrl": row["cart_url"],
        "storeId": str(row["store_id"]),
        "deliveryMethod": delivery["method"],
        "deliveryAddress": delivery["address"],
        "city": delivery["city"],
        "tracking": delivery.get("tracking"),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _item(item: Row) -> dict[str, object]:
    return {name: Decimal(item[at]) if name in _NUMBERS else item[at] for name, at in _ITEM.items()}


def _sent_item(item: Row) -> dict[str, object]:
    return {name: Decimal(str(value)) if name in _NUMBERS else value for name, value in item.items()}


def _belongs(row: Row, contact: Contact | None) -> bool:
    if contact is None:
        return False
    if row["customer_no"]:
        return bool(contact.external_id == row["customer_no"])
    names = ("email", contact.email), ("first_name", contact.values.get("firstName"))
    return all(row[name] == value for name, value in names)


def _contact(row: Row, contact: Contact | None) -> list[str]:
    if contact is None:
        return ["missing"]
    wanted = {
        "externalCustomerId": row["customer_no"],
        "email": row["email"],
        "sms": row["phone"] and row["phone"].removeprefix("+"),
        "firstName": row["first_name"],
        "lastName": row["last_name"],
        "town": row["city"],
    }
    have = contact.values
    return sorted(name for name in wanted.keys() | have.keys() if wanted.get(name) != have.get(name))
