"""Orders and contacts as map makes them, and a Yespo to ask."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from connector.core.events import Contact, Event, Item, Order
from connector.core.model import Kind, Op, Position
from connector.core.talk import Sending
from connector.dialects.yespo import Yespo, YespoOptions

YESPO = Yespo(YespoOptions(time_zone="Europe/Kyiv"))
PAST = Yespo(YespoOptions(time_zone="Europe/Kyiv", orders_via="past_events"))
ITEM = Item(
    external_item_id="200600",
    name="Super Device",
    category="devices",
    quantity=1,
    cost=Decimal("990.10"),
    url="http://example.com/item/200600",
    image_url="http://example.com/item/200600/image.png",
    description="High quality",
)
ORDER = Order(
    "12345679",
    status="INITIALIZED",
    date=datetime(2020, 5, 14, 10, 11, tzinfo=UTC),
    total_cost=Decimal("990.10"),
    currency="UAH",
    external_customer_id="AV13760",
    email="John@Example.com",
    phone="380501234567",
    items=(ITEM,),
)


def order_event(kind: Kind = Kind.ORDER_UPDATED, op: Op = Op.UPDATE, /, **changes: Any) -> Event:
    """An order's event; changes are fields of the order."""
    body = replace(ORDER, **changes)
    return Event("order", kind, body.external_order_id, body, b"d", b"c", None, Position("orders", 0, 1), op)


def contact_event(kind: Kind = Kind.CONTACT_UPSERTED, /, **fields: Any) -> Event:
    """A contact's event."""
    body = Contact(**fields)
    key = str(body.external_customer_id or "key")
    return Event("contact", kind, key, body, b"d", b"", None, Position("contacts", 0, 1))


def sendings(count: int) -> list[Sending]:
    """Orders with keys of their own."""
    return [Sending(order_event(external_order_id=f"o{n}")) for n in range(count)]


def contacts(count: int, **fields: Any) -> list[Sending]:
    """Contacts of one group, c0 and so on."""
    return [
        Sending(
            contact_event(
                external_customer_id=f"c{n}", email=f"c{n}@example.com", phone=f"3805000000{n:02}", **fields
            )
        )
        for n in range(count)
    ]


def ensured(event: Event, *, shared: bool = False) -> Event:
    """The contact that is made for an order."""
    made = YESPO.ensure(event, shared=shared)
    assert made is not None
    return made
