"""A shop's database over time: what its tables orders and contacts hold, and every change of them.

Deterministic by seed. Two states of one order, or of one contact, never map to the same content, so that an
event seen twice is one that was sent twice.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from msgspec import Struct

from connector.sandbox.traffic_words import (
    CITIES,
    CURRENCIES,
    FIRST_NAMES,
    GOODS,
    LAST_NAMES,
    METHODS,
    PAYMENTS,
    STREETS,
)

Row = dict[str, Any]
Table = Literal["orders", "contacts"]

STEPS: Final = 50
"""Between two changes of one order lies such a part of the span, on average."""
_CENT: Final = Decimal("0.01")


class Change(Struct, frozen=True):
    """One committed change. row: the row after it. touch: only columns changed that no CRM is told of."""

    table: Table
    op: Literal["c", "u"]
    row: Row
    at: datetime
    touch: bool = False


class Shop:
    """The shop; `trade` lets it live for a while. orders, contacts: its rows as they are now, by number."""

    def __init__(self, seed: int, start: datetime) -> None:
        self._random = random.Random(seed)  # noqa: S311 - sample data, repeatable
        self.now, self._step = start, timedelta(minutes=1)
        self.orders: dict[str, Row] = {}
        self.contacts: dict[str, Row] = {}

    def trade(self, orders: int, span: timedelta) -> list[Change]:
        """So many new orders within the span, and what becomes of them; changes in order of commit."""
        start, self._step, changes = self.now, span / STEPS, list[Change]()
        for number in range(orders):
            at = start + span * ((number + self._random.random()) / orders) * 0.8
            changes += self._order(at)
        changes.sort(key=lambda change: change.at)
        self.now = max(start + span, changes[-1].at) if changes else start + span
        return changes

    # --- Contacts ---------------------------------------------------------------------------------

    def _order(self, at: datetime) -> Iterator[Change]:
        if self._odds(0.06):
            yield from self._life(self._person(guest=True), at)
        elif self._odds(0.5) or not self.contacts:
            person = self._person(guest=False)
            yield from self._arrival(person, at)
            yield from self._life(person, at)
        else:
            yield from self._life(self._random.choice(list(self.contacts.values())), at)

    def _person(self, *, guest: bool) -> Row:
        """Whom an order belongs to; a guest has no row of its own, and nothing but an e-mail."""
        pick, number = self._random.choice, len(self.contacts) + 1
        by_phone_alone = not guest and self._odds(0.1)
        mail = f"guest{len(self.orders) + 1}" if guest else f"customer{number}"
        return {
            "id": number,
            "customer_no": None if guest else f"C-{number:06}",
            "email": None if by_phone_alone else f"{mail}@example.com",
            "phone": None if guest else f"+38050{number:07}",
            "first_name": pick(FIRST_NAMES),
            "last_name": pick(LAST_NAMES),
            "city": pick(CITIES),
            "birth_date": None,
            "bonus_balance": Decimal("0.0000"),
            "subscribed": True,
        }

    def _arrival(self, person: Row, at: datetime) -> Iterator[Change]:
        """A contact's row, just before its first order; later it moves, or changes its phone."""
        row = dict(person, created_at=at, updated_at=at)
        yield self._put("contacts", "c", row, at)
        if self._odds(0.3):
            at, row = self._later(at), dict(row)
            row |= {"city": self._other(CITIES, row["city"]), "updated_at": at}
            yield self._put("contacts", "u", row, at)
        if row["email"] and self._odds(0.2):
            at, row = self._later(at), dict(row)
            row |= {"phone": row["phone"].replace("+38050", "+38067"), "updated_at": at}
            yield self._put("contacts", "u", row, at)
        if self._odds(0.25):
            at, row = self._later(at), dict(row)
            row |= {"bonus_balance": row["bonus_balance"] + Decimal("12.5000"), "updated_at": at}
            yield self._put("contacts", "u", row, at, touch=True)

    # --- Orders -----------------------------------------------------------------------------------

    def _life(self, person: Row, at: datetime) -> Iterator[Change]:
        """From the cart, or from the order, as far as it gets."""
        row = self._placed(person, at)
        if self._odds(0.12):
            row |= {"status": "cart", "cart_url": f"https://shop.example/cart/{row['order_no']}"}
        yield self._put("orders", "c", row, at)
        for row, later in self._steps(row, at):  # noqa: B020 - each step starts from the one before
            yield self._put("orders", "u", row, later)
            at = later
        if self._odds(0.3):
            at = self._later(at)
            yield self._put("orders", "u", row | {"viewed_at": at}, at, touch=True)

    def _steps(self, row: Row, at: datetime) -> Iterator[tuple[Row, datetime]]:
        if row["status"] == "cart":
            if self._odds(0.4):
                return
            at, row = self._later(at), row | {"status": "new"}
            yield row, at
        if self._odds(0.2):
            return
        if self._odds(0.15):
            yield row | {"status": "cancelled"}, self._later(at)
            return
        at, row = self._later(at), row | {"status": "paid", "payment_method": self._random.choice(PAYMENTS)}
        yield row, at
        if self._odds(0.4):
            return
        at, delivery = (
            self._later(at),
            row["delivery"] | {"tracking": f"2040{self._random.randrange(10**10):010}"},
        )
        row = row | {"status": "shipped", "delivery": delivery}
        yield row, at
        if self._odds(0.7):
            yield row | {"status": "delivered"}, self._later(at)

    def _placed(self, person: Row, at: datetime) -> Row:
        items = [self._item(*good) for good in self._random.sample(GOODS, self._random.randint(1, 4))]
        return {
            "order_no": f"SO-{len(self.orders) + 1:07}",
            **{name: person[name] for name in ("customer_no", "email", "phone", "first_name", "last_name")},
            "status": "new",
            "total": sum((item["price"] * item["qty"] for item in items), Decimal("0.00")),
            "shipping": Decimal(self._random.randint(0, 3)) * 45 + Decimal("0.00"),
            "currency": self._random.choice(CURRENCIES),
            "created_at": at.replace(microsecond=at.microsecond // 1000 * 1000),
            "viewed_at": None,
            "payment_method": None,
            "cart_url": None,
            "store_id": self._random.randint(1, 12),
            "items": items,
            "delivery": {
                "method": self._random.choice(METHODS),
                "city": person["city"],
                "address": f"{self._random.choice(STREETS)}, {self._random.randint(1, 120)}",
            },
        }

    def _item(self, name: str, category: str, price: str) -> Row:
        sku = f"SKU-{GOODS.index((name, category, price)) + 1:03}"
        discounted = (Decimal(price) * self._random.choice((100, 100, 95, 90)) / 100).quantize(_CENT)
        return {
            "sku": sku,
            "title": name,
            "category": category,
            "qty": self._random.randint(1, 3),
            "price": discounted,
            "url": f"https://shop.example/p/{sku}",
            "image": f"https://shop.example/p/{sku}.jpg",
        }

    # --- Both -------------------------------------------------------------------------------------

    def _put(
        self, table: Table, op: Literal["c", "u"], row: Row, at: datetime, *, touch: bool = False
    ) -> Change:
        rows, key = (self.orders, "order_no") if table == "orders" else (self.contacts, "customer_no")
        rows[row[key]] = row
        return Change(table, op, row, at, touch)

    def _odds(self, share: float) -> bool:
        return self._random.random() < share

    def _later(self, at: datetime) -> datetime:
        return at + self._step * self._random.uniform(0.2, 1.8)

    def _other(self, words: tuple[str, ...], but: str) -> str:
        return self._random.choice([word for word in words if word != but])


def epoch_ms(at: datetime) -> int:
    """Milliseconds since the epoch."""
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
