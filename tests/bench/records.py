"""Orders of three items, as a shop's service writes them: the same for the pipeline and for its parts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import fastavro
from confluent_kafka import Producer

Ids = Literal["sequential", "uuid"]
SCHEMA_FILE = Path(__file__).parent / "order.avsc"
CUSTOMERS = 1000
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_GOLDEN = 0x9E3779B97F4A7C15F39CC0605CEDC835


def order_id(number: int, ids: Ids) -> str:
    """The n-th order's id; a UUID by a fixed permutation, so that runs are alike."""
    if ids == "sequential":
        return f"ORD-{number:09d}"
    return str(UUID(int=(number * _GOLDEN) & ((1 << 128) - 1)))


def order(number: int, ids: Ids) -> dict[str, Any]:
    """One row."""
    customer = number % CUSTOMERS
    items = [_item(number * 3 + line) for line in range(3)]
    return {
        "externalOrderId": order_id(number, ids),
        "externalCustomerId": f"cust-{customer:05d}",
        "email": f"customer{customer}@example.com",
        "phone": f"+38050{customer:07d}",
        "status": "INITIALIZED",
        "date": _EPOCH + timedelta(seconds=number % 10_000_000),
        "totalCost": sum((item["cost"] for item in items), Decimal(0)),
        "currency": "UAH",
        "items": items,
    }


def _item(number: int) -> dict[str, Any]:
    return {
        "externalItemId": f"SKU-{number % 5000:05d}",
        "name": f"Thing number {number % 5000}",
        "category": "devices",
        "quantity": 1,
        "cost": Decimal(number % 100_000 + 1) / 100,
        "url": f"https://shop.example/p/{number % 5000}",
        "imageUrl": f"https://shop.example/i/{number % 5000}.png",
    }


def messages(count: int, ids: Ids) -> Iterator[tuple[bytes, bytes]]:
    """(key, Avro value in Confluent's framing with id 1)."""
    schema = fastavro.parse_schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    for number in range(count):
        out = BytesIO(b"\x00\x00\x00\x00\x01")
        out.seek(5)
        row = order(number, ids)
        fastavro.schemaless_writer(out, schema, row)
        yield row["externalOrderId"].encode(), out.getvalue()


def produce(bootstrap: str, topic: str, count: int, ids: Ids) -> None:
    """Fill a topic."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "batch.size": 1_000_000})
    for number, (key, value) in enumerate(messages(count, ids)):
        producer.produce(topic, key=key, value=value)
        if number % 1000 == 0:
            producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("the broker did not take all records")
