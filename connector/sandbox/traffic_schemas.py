"""The Avro schemas of the demo's topics, in the shapes that Debezium 3 gives PostgreSQL's columns."""

import json
from typing import Any, Final

ORDERS: Final = "shop.public.orders"
CONTACTS: Final = "shop.public.contacts"

Avro = dict[str, Any] | list[Any] | str
Field = dict[str, Any]


def _null(name: str, kind: Avro) -> Field:
    return {"name": name, "type": ["null", kind], "default": None}


def _decimal(precision: int, scale: int) -> Avro:
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


def _column(name: str, kind: Avro) -> Field:
    return {"name": name, "type": kind}


_JSON: Final = _debezium("string", "io.debezium.data.Json")
_ZONED: Final = _debezium("string", "io.debezium.time.ZonedTimestamp")
_MICROS: Final = _debezium("long", "io.debezium.time.MicroTimestamp")
_DATE: Final = _debezium("int", "io.debezium.time.Date")
_STATUS: Final = _debezium(
    "string",
    "io.debezium.data.Enum",
    **{"connect.parameters": {"allowed": "cart,new,paid,shipped,delivered,cancelled"}},
)
_ORDER: Final = (
    _column("order_no", "string"),
    _null("customer_no", "string"),
    _null("email", "string"),
    _null("phone", "string"),
    _null("first_name", "string"),
    _null("last_name", "string"),
    _column("status", _STATUS),
    _null("total", _decimal(12, 2)),
    _null("shipping", _decimal(8, 2)),
    {"name": "currency", "type": {"type": "string", "connect.default": "UAH"}, "default": "UAH"},
    _column("created_at", _ZONED),
    _null("viewed_at", _MICROS),
    _null("payment_method", "string"),
    _null("cart_url", "string"),
    _null("store_id", {"type": "int", "connect.type": "int16"}),
    _null("items", _JSON),
    _null("delivery", _JSON),
)
_CONTACT: Final = (
    {"name": "id", "type": {"type": "long", "connect.default": 0}, "default": 0},
    _column("customer_no", "string"),
    _null("email", "string"),
    _null("phone", "string"),
    _null("first_name", "string"),
    _null("last_name", "string"),
    _null("city", "string"),
    _null("birth_date", _DATE),
    _column("bonus_balance", _decimal(14, 4)),
    {"name": "subscribed", "type": {"type": "boolean", "connect.default": True}, "default": True},
    _column("created_at", _ZONED),
    _null("updated_at", _MICROS),
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
        *(_column(name, "string") for name in ("version", "connector", "name")),
        _column("ts_ms", "long"),
        {"name": "snapshot", "type": [_SNAPSHOT, "null"], "default": "false"},
        _column("db", "string"),
        _null("sequence", "string"),
        *(_null(name, "long") for name in ("ts_us", "ts_ns")),
        *(_column(name, "string") for name in ("schema", "table")),
        *(_null(name, "long") for name in ("txId", "lsn", "xmin")),
    ],
}
_BLOCK: Final = {
    "type": "record",
    "name": "block",
    "namespace": "event",
    "connect.version": 1,
    "connect.name": "event.block",
    "fields": [
        _column("id", "string"),
        _column("total_order", "long"),
        _column("data_collection_order", "long"),
    ],
}


def _envelope(topic: str, columns: tuple[Field, ...]) -> str:
    row = {"type": "record", "name": "Value", "fields": list(columns), "connect.name": f"{topic}.Value"}
    fields = [
        _null("before", row),
        _null("after", "Value"),
        _column("source", _SOURCE),
        _null("transaction", _BLOCK),
        _column("op", "string"),
        *(_null(name, "long") for name in ("ts_ms", "ts_us", "ts_ns")),
    ]
    whole = {"type": "record", "name": "Envelope", "namespace": topic, "fields": fields, "connect.version": 2}
    return json.dumps(whole | {"connect.name": f"{topic}.Envelope"}, ensure_ascii=False)


def _key(topic: str, column: Field) -> str:
    whole = {"type": "record", "name": "Key", "namespace": topic, "fields": [column]}
    return json.dumps(whole | {"connect.name": f"{topic}.Key"})


KEYS: Final = {ORDERS: _key(ORDERS, _ORDER[0]), CONTACTS: _key(CONTACTS, _CONTACT[0])}
"""The key's schema by topic: the primary key of the table."""
VALUES: Final = {ORDERS: _envelope(ORDERS, _ORDER), CONTACTS: _envelope(CONTACTS, _CONTACT)}
"""The value's schema by topic."""
EVOLVED: Final = _envelope(ORDERS, (*_ORDER, _null("promo_code", "string")))
"""The value's schema of orders after an ALTER TABLE … ADD COLUMN."""
