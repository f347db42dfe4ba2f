"""Changes built by hand, and what map makes of them."""

from collections.abc import Mapping
from typing import Any, Literal

from connector.core.change import Change, Column, Shape, Value
from connector.core.events import Contact, Event, Order
from connector.core.mapping import Mapper
from connector.core.model import Op, Origin, Position, Record, Reject, Skip
from connector.core.rules import TopicRules

TOPIC = "crm.public.orders"
DEBEZIUM = Origin(clock="shop", table="orders", lsn=100, ts_ms=1_700_000_000_000)


def same(raw: object) -> Value:
    """A reader of values that are as they should be."""
    return raw  # type: ignore[return-value]  # built as Values


def shape_of(row: Mapping[str, Value], **columns: Column) -> Shape:
    """A shape of plain columns, less those given."""
    return Shape({name: columns.get(name, Column(name, same)) for name in row})


def change(
    row: Mapping[str, Value],
    op: Op = Op.UPDATE,
    origin: Origin = DEBEZIUM,
    key: Mapping[str, Value] | None = None,
    shape: Shape | None = None,
) -> Change:
    """One change of one row."""
    return Change(op, row, shape or shape_of(row), origin, key)


def record(offset: int = 7, timestamp_ms: int = 1_700_000_000_500, key: bytes = b"k") -> Record:
    """Its record."""
    return Record(Position(TOPIC, 0, offset), timestamp_ms, key, b"value")


def rules(entity: Literal["order", "contact", "event"] = "order", **settings: Any) -> TopicRules:
    """The rules of one topic."""
    return TopicRules(TOPIC, entity, **settings)


def mapped(what: Change, of: TopicRules | None = None) -> Event | Skip | Reject:
    """What a fresh mapper makes of it."""
    return Mapper(of or rules()).map(what, record(), "tid")


def event(what: Change, of: TopicRules | None = None) -> Event:
    """The event it makes."""
    result = mapped(what, of)
    assert isinstance(result, Event), result
    return result


def order(row: Mapping[str, Value], shape: Shape | None = None, **settings: Any) -> Order:
    """The order that a row becomes; externalOrderId is added."""
    full = {"external_order_id": "1", **row}
    columns = {"external_order_id": Column("external_order_id", same), **(shape.columns if shape else {})}
    body = event(change(full, shape=Shape(columns) if shape else None), rules(**settings)).body
    assert isinstance(body, Order)
    return body


def contact(row: Mapping[str, Value], **settings: Any) -> Contact:
    """The contact that a row becomes."""
    body = event(change(row), rules("contact", **settings)).body
    assert isinstance(body, Contact)
    return body


def rejected(row: Mapping[str, Value], **settings: Any) -> Reject:
    """Why an order's row is a dead letter; externalOrderId is added."""
    result = mapped(change({"external_order_id": "1", **row}), rules(**settings))
    assert isinstance(result, Reject), result
    return result
