"""The Avro schemas of the demo's topics, in the shapes that Debezium 3 gives PostgreSQL's columns."""

import json
from typing import Any, Final

ORDERS: Final = "shop.public.orders"
CONTACTS: Final = "shop.public.contacts"

Avro = dict[str, Any] | list[Any] | str
Field = dict[str, Any]


def null(name: str, kind: Avro) -> Field:
    """A column that may be null."""
    return {"name": name, "type": ["null", kind], "default": None}


def decimal(precision: int, scale: int) -> Avro:
    """PostgreSQL's numeric."""
    return {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": precision,
        "scale": scale,
        "connect.version": 1,
        "connect.name": "org.apache.kafka.connect.data.Decimal",
        "connect.parameters": {"scale": str(scale), "connect.decimal.precision": str(precision)},
    }


def _debezium(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "connect.version": 1, "connect.name": name, **more}


def column(name: str, kind: Avro) -> Field:
    """A column."""
    return {"name": name, "type": kind}


JSON: Final = _debezium("string", "io.debezium.data.Json")
ZONED: Final = _debezium("string", "io.debezium.time.ZonedTimestamp")
_MICROS: Final = _debezium("long", "io.debezium.time.MicroTimestamp")
_DATE: Final = _debezium("int", "io.debezium.time.Date")
_STATUS: Final = _debezium(
    "string",
    "io.debezium.data.Enum",
    **{"connect.parameters": {"allowed": "cart,new,paid,shipped,delivered,cancelled"}},
)
_ORDER: Final = (
    column("order_no", "string"),
    null("customer_no", "string"),
    null("email", "string"),
    null("phone", "string"),
    null("first_name", "string"),
    null("last_name", "string"),
    column("status", _STATUS),
    null("total", decimal(12, 2)),
    null("shipping", decimal(8, 2)),
    {"name": "currency", "type": {"type": "string", "connect.default": "UAH"}, "default": "UAH"},
    column("created_at", ZONED),
    null("viewed_at", _MICROS),
    null("payment_method", "string"),
    null("cart_url", "string"),
    null("store_id", {"type": "int", "connect.type": "int16"}),
    null("items", JSON),
    null("delivery", JSON),
)
_CONTACT: Final = (
    {"name": "id", "type": {"type": "long", "connect.default": 0}, "default": 0},
    column("customer_no", "string"),
    null("email", "string"),
    null("phone", "string"),
    null("first_name", "string"),
    null("last_name", "string"),
    null("city", "string"),
    null("birth_date", _DATE),
    column("bonus_balance", decimal(14, 4)),
    {"name": "subscribed", "type": {"type": "boolean", "connect.default": True}, "default": True},
    column("created_at", ZONED),
    null("updated_at", _MICROS),
)
_SNAPSHOT: Final = _debezium(
    "string",
    "io.debezium.data.Enum",
    **{"connect.parameters": {"allowed": "true,first,last,false,incremental"}},
)
_SOURCE: Final = {
    "type": "record",
    "name": "Source",
    "namespace": "io.debezium.connector.postgresql",
    "connect.version": 1,
    "connect.name": "io.debezium.connector.postgresql.Source",
    "fields": [
        *(column(name, "string") for name in ("version", "connector", "name")),
        column("ts_ms", "long"),
        {"name": "snapshot", "type": [_SNAPSHOT, "null"], "default": "false"},
        column("db", "string"),
        null("sequence", "string"),
        *(null(name, "long") for name in ("ts_us", "ts_ns")),
        *(column(name, "string") for name in ("schema", "table")),
        *(null(name, "long") for name in ("txId", "lsn", "xmin")),
    ],
}
_BLOCK: Final = {
    "type": "record",
    "name": "block",
    "namespace": "event",
    "connect.version": 1,
    "connect.name": "event.block",
    "fields": [
        column("id", "string"),
        column("total_order", "long"),
        column("data_collection_order", "long"),
    ],
}


def envelope(topic: str, columns: tuple[Field, ...]) -> str:
    """The value's schema of a topic."""
    row = {"type": "record", "name": "Value", "fields": list(columns), "connect.name": f"{topic}.Value"}
    fields = [
        null("before", row),
        null("after", "Value"),
        column("source", _SOURCE),
        null("transaction", _BLOCK),
        column("op", "string"),
        *(null(name, "long") for name in ("ts_ms", "ts_us", "ts_ns")),
    ]
    whole = {"type": "record", "name": "Envelope", "namespace": topic, "fields": fields, "connect.version": 2}
    return json.dumps(whole | {"connect.name": f"{topic}.Envelope"}, ensure_ascii=False)


def key(topic: str, primary: Field) -> str:
    """The key's schema of a topic."""
    whole = {"type": "record", "name": "Key", "namespace": topic, "fields": [primary]}
    return json.dumps(whole | {"connect.name": f"{topic}.Key"})


KEYS: Final = {ORDERS: key(ORDERS, _ORDER[0]), CONTACTS: key(CONTACTS, _CONTACT[0])}
"""The key's schema by topic: the primary key of the table."""
VALUES: Final = {ORDERS: envelope(ORDERS, _ORDER), CONTACTS: envelope(CONTACTS, _CONTACT)}
"""The value's schema by topic."""
EVOLVED: Final = envelope(ORDERS, (*_ORDER, null("promo_code", "string")))
"""The value's schema of orders after an ALTER TABLE … ADD COLUMN."""
