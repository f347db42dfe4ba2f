"""The tour's traffic: few changes of a small shop, in Debezium's shapes, each to show one thing.

A snapshot of three years' orders; then an order with a discount on the whole of it, which is paid and
delivered; one that is cancelled; a review.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from connector.sandbox.broker import Outgoing
from connector.sandbox.traffic import Registry, Writer, debezium, json_text
from connector.sandbox.traffic_schemas import JSON, ZONED, column, decimal, envelope, key, null

ORDERS: Final = "tour.public.orders"
REVIEWS: Final = "tour.public.reviews"
DISCOUNTED, CANCELLED = "T-1", "T-2"
YEARS: Final = (2021, 2022, 2023)
PLACES: Final = (("Київ", "Україна"), ("Львів", "Україна"), ("Kraków", "Polska"), ("Berlin", "Deutschland"))
CART: Final = (("Bio Honig & Nüsse", 2, "4.99"), ("Кава в зернах", 1, "7.49"))
"""Title, quantity and price: 17.47 in all."""
PAID: Final = "15.00"
"""What is asked for that cart."""
_COLUMNS: Final = {
    ORDERS: (
        column("order_no", "string"), column("customer_no", "string"), null("email", "string"),
        column("status", "string"), column("total", decimal(12, 2)), column("placed_at", ZONED),
        null("city", "string"), null("country", "string"), null("items", JSON),
    ),
    REVIEWS: (
        column("id", "string"), column("customer_no", "string"), null("email", "string"),
        column("stars", "int"), column("product", "string"), column("created_at", ZONED),
    ),
}  # fmt: skip
Row = dict[str, Any]


def records(registry: Registry) -> Iterator[Outgoing]:
    """All of it, in the order of the source's log."""
    writers = {topic: _writers(registry, topic) for topic in _COLUMNS}
    for number, (topic, op, row) in enumerate(_changes()):
        keys, values, primary = writers[topic]
        change = debezium(topic.rpartition(".")[2], op, row, 1000 + 8 * number, datetime.now(UTC))
        yield Outgoing(topic, keys.write({primary: row[primary]}), values.write(change))


def _writers(registry: Registry, topic: str) -> tuple[Writer, Writer, str]:
    columns = _COLUMNS[topic]
    keys, values = key(topic, columns[0]), envelope(topic, columns)
    ids = registry.register(f"{topic}-key", keys), registry.register(f"{topic}-value", values)
    return Writer(keys, ids[0]), Writer(values, ids[1]), columns[0]["name"]


def _changes() -> Iterator[tuple[str, str, Row]]:
    for year in YEARS:
        for month, place in zip((2, 5, 8, 11), PLACES, strict=True):
            yield ORDERS, "r", _order(f"H-{year}-{month:02}", "delivered", f"{year}-{month:02}-14", place)
    for op, status in (("c", "new"), ("u", "paid"), ("u", "delivered")):
        yield ORDERS, op, _order(DISCOUNTED, status, "2026-01-15", total=PAID)
    for op, status in (("c", "new"), ("u", "cancelled")):
        yield ORDERS, op, _order(CANCELLED, status, "2026-01-16", total="17.47")
    yield REVIEWS, "c", {
        "id": "1", **_customer(DISCOUNTED), "stars": 5, "product": CART[0][0],
        "created_at": "2026-01-17T18:30:00Z",
    }  # fmt: skip


def _order(
    number: str, status: str, day: str, place: tuple[str, str] = PLACES[0], total: str = "17.47"
) -> Row:
    return {
        "order_no": number, **_customer(number), "status": status, "total": Decimal(total),
        "placed_at": f"{day}T09:30:00Z", "city": place[0], "country": place[1],
        "items": json_text([_item(*one) for one in CART]),
    }  # fmt: skip


def _customer(number: str) -> Row:
    return {"customer_no": f"C-{number}", "email": f"{number.lower()}@tour.example"}


def _item(title: str, quantity: int, price: str) -> Mapping[str, object]:
    sku = f"SKU-{len(title)}"
    page = f"https://shop.example/p/{sku}"
    return {
        "sku": sku, "title": title, "qty": quantity, "price": Decimal(price), "url": page,
        "image": f"{page}.jpg",
    }  # fmt: skip
