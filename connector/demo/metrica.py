"""Does Metrica's counter hold what the source holds? Nothing here uses the connector's own mapping."""

from collections import Counter as Tally
from collections.abc import Mapping
from decimal import Decimal
from hashlib import md5
from typing import Any, Final

from msgspec import Struct

from connector.sandbox.metrica.counter import Counter

STATUSES: Final = {
    "cart": "OTHER", "new": "IN_PROGRESS", "paid": "IN_PROGRESS", "shipped": "IN_PROGRESS",
    "delivered": "PAID", "cancelled": "CANCELLED",
}  # fmt: skip
"""What the shop's words mean to Metrica."""
Row = Mapping[str, Any]


class Uploaded(Struct, frozen=True):
    """What the counter has. mismatched: what differs, as "Metrica order SO-1: revenue"."""

    orders: int
    contacts: int
    equal_orders: int
    equal_contacts: int
    uploads: int
    ignored: int
    mismatched: list[str]


def compare(orders: Mapping[str, Row], contacts: Mapping[str, Row], counter: Counter) -> Uploaded:
    """Compare the source with the counter; of contacts those that the source has, beside its guests."""
    people, found = counter.contacts, counter.orders
    wrong_orders = {
        f"order {key}": _differing(_order(row), found[key].values if key in found else None)
        for key, row in orders.items()
    }
    wrong_contacts = {
        f"contact {key}": _differing(_contact(row), people[key].values if key in people else None)
        for key, row in contacts.items()
    }
    faults = wrong_orders | wrong_contacts
    return Uploaded(
        orders=len(found),
        contacts=len(people),
        equal_orders=sum(not wrong for wrong in wrong_orders.values()),
        equal_contacts=sum(not wrong for wrong in wrong_contacts.values()),
        uploads=len(counter.uploads),
        ignored=len(counter.ignored),
        mismatched=[f"Metrica {what}: {', '.join(wrong)}" for what, wrong in faults.items() if wrong],
    )


def _differing(wanted: Mapping[str, object], have: Mapping[str, object] | None) -> list[str]:
    if have is None:
        return ["missing"]
    return sorted(name for name, value in wanted.items() if have.get(name) != value)


def _order(row: Row) -> dict[str, object]:
    amounts: Tally[str] = Tally()
    for item in row["items"] or ():
        amounts[item["sku"]] += item["qty"]
    return {
        "client_uniq_id": row["customer_no"] or _guest(row["email"]),
        "order_status": row["status"],
        "revenue": row["total"],
        "products": {sku: Decimal(count) for sku, count in amounts.items()},
    }


def _contact(row: Row) -> dict[str, object]:
    return {
        "name": f"{row['first_name']} {row['last_name']}",
        "emails": (row["email"],) if row["email"] else (),
        "phones": (row["phone"].removeprefix("+"),) if row["phone"] else (),
    }


def _guest(email: str) -> str:
    return f"guest-{md5(f'email:{email}'.encode(), usedforsecurity=False).hexdigest()}"
