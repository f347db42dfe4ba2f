"""Orders, and what an event or an Add orders request does to them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from connector.sandbox.events import Incoming, is_blank
from connector.sandbox.values import is_number, nested, two_levels

STATUSES = frozenset({"INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"})
ORDER_EVENTS = frozenset({"orderCreated", "orderUpdated", "orderDelivered", "orderCancelled"})
CONTACT = ("externalCustomerId", "email", "phone")
ADD_ORDERS_FIELDS = frozenset(
    {
        *(
            "externalOrderId",
            "externalCustomerId",
            "totalCost",
            "status",
            "date",
            "currency",
            "email",
            "phone",
        ),
        *(
            "firstName",
            "lastName",
            "shipping",
            "discount",
            "taxes",
            "restoreUrl",
            "statusDescription",
            "storeId",
        ),
        *("deliveryMethod", "paymentMethod", "deliveryAddress", "source", "additionalInfo", "items"),
    }
)
_REQUIRED = ("externalOrderId", "totalCost", "status", "date")
_EVENT_ITEM = ("externalItemId", "name", "quantity", "cost", "url", "imageUrl")
_ADDED_ITEM = ("externalItemId", "quantity")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?")
_ONLY_STATUS = {"orderDelivered": "DELIVERED", "orderCancelled": "CANCELLED"}


class Order(Struct, frozen=True):
    """An order. params: all it was given, as received; events: their ids in the event log."""

    id: int
    external_id: str
    status: str
    params: Mapping[str, Any]
    contact_id: int
    events: tuple[int, ...] = ()

    @property
    def items(self) -> list[dict[str, Any]]:
        """The lines, as far as the CRM parses them."""
        found = two_levels(self.params.get("items"))
        return found if isinstance(found, list) else []

    @property
    def total(self) -> float:
        """What it costs: the parameter totalCost."""
        return float(self.params["totalCost"])

    @property
    def items_total(self) -> float:
        """What the lines add up to."""
        return sum(float(item.get("cost") or 0) * float(item.get("quantity") or 0) for item in self.items)


class OrderBook:
    """All orders by externalOrderId. Not thread-safe. cancel_by_key: see Options."""

    def __init__(self, *, cancel_by_key: bool = False) -> None:
        self._cancel_by_key = cancel_by_key
        self.by_key: dict[str, Order] = {}

    def apply(self, incoming: Incoming, contact_id: int, event_id: int) -> str | None:
        """One of the four order events; returns why it is ignored, or None."""
        params = incoming.params
        bare = self._cancel_by_key and incoming.type_key in _ONLY_STATUS
        if reason := None if bare and params.get("externalOrderId") else event_flaw(params):
            return reason
        key = str(params["externalOrderId"])
        known = self.by_key.get(key)
        if status := _ONLY_STATUS.get(incoming.type_key):
            if known is None:
                return "unknown order"
            self.by_key[key] = replace(known, status=status, events=(*known.events, event_id))
        else:
            self._put(key, params, contact_id, event_id)
        return None

    def add(self, order: Mapping[str, Any], contact_id: int, event_id: int) -> Order:
        """Add orders: an upsert, of the fixed list of fields."""
        params = {name: value for name, value in order.items() if name in ADD_ORDERS_FIELDS}
        return self._put(str(order["externalOrderId"]), params, contact_id, event_id)

    def _put(self, key: str, params: Mapping[str, Any], contact_id: int, event_id: int) -> Order:
        known = self.by_key.get(key)
        if known is None:
            order = Order(len(self.by_key) + 1, key, params["status"], params, contact_id, (event_id,))
        else:
            order = Order(
                known.id,
                key,
                params["status"],
                {**known.params, **params},
                contact_id,
                (*known.events, event_id),
            )
        self.by_key[key] = order
        return order


def event_flaw(params: Mapping[str, Any]) -> str | None:
    """Why an order event is ignored: a required field missing or unusable."""
    missing = [
        name for name in ("externalOrderId", "totalCost", "status", "date") if is_blank(params.get(name))
    ]
    if missing:
        return f"missing {', '.join(missing)}"
    if all(is_blank(params.get(name)) for name in CONTACT):
        return "missing one of externalCustomerId, email, phone"
    if not _is_date(params["date"]):
        return "date is not YYYY-MM-ddTHH:mm:ss"
    return _value_flaw(params) or _items_flaw(params.get("items"), _EVENT_ITEM)


def added_flaw(order: object) -> str | None:
    """Why Add orders fails an order."""
    if not isinstance(order, dict):
        return "an order must be an object"
    if missing := [name for name in (*_REQUIRED, "currency") if is_blank(order.get(name))]:
        return f"missing {', '.join(missing)}"
    if all(is_blank(order.get(name)) for name in CONTACT):
        return "missing one of externalCustomerId, email, phone"
    if not _is_iso(order["date"]):
        return "date is not an ISO date with time"
    return _value_flaw(order) or _items_flaw(order.get("items"), _ADDED_ITEM)


def _value_flaw(order: Mapping[str, Any]) -> str | None:
    if order["status"] not in STATUSES:
        return "unknown status"
    return None if is_number(order["totalCost"]) else "totalCost is not a number"


def _items_flaw(raw: Any, required: tuple[str, ...]) -> str | None:
    """Items are optional; when sent, each has its required fields."""
    if raw is None:
        return None
    items = nested(raw)
    if not isinstance(items, list):
        return "items is not an array"
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            return f"items[{place}] is not an object"
        for name in required:
            if is_blank(item.get(name)):
                return f"items[{place}]: missing {name}"
            if name in {"quantity", "cost"} and not is_number(item[name]):
                return f"items[{place}]: {name} is not a number"
    return None


def _is_date(value: object) -> bool:
    return isinstance(value, str) and _DATE.fullmatch(value) is not None and _is_iso(value)


def _is_iso(value: object) -> bool:
    """Python reads up to six digits of a fraction's ten; the rest is of no meaning."""
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value)))
    except ValueError:
        return False
