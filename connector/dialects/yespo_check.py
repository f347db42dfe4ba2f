"""What Yespo would refuse, or take with a 2xx and ignore, found before it is sent (promise 7).

A reason names fields, never values. Documented limits unless marked; inferred: that the limit of an
identifier holds for externalOrderId too, that blanks and the word null are no value, and that a total is not
negative. The required fields are required of orderCancelled too, although only orderCreated's description
lists them: what a delete's row lacks the ledger may have kept, and without that it is a dead letter, unless
the account is said to cancel by key alone.
Prices that do not add up to totalCost are not this module's affair (`totals`), nor is depth: what is nested
deeper than two levels is sent as a JSON string.
"""

from datetime import MAXYEAR, MINYEAR, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter

from msgspec import UNSET

from connector.core.events import Body, Item, Order
from connector.dialects.yespo_locator import (
    BLANK,
    LOCATOR_NAMES,
    LOCATORS,
    email_of,
    id_of,
    phone_of,
)

STATUSES = frozenset({"INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART"})
MAX_IDENTIFIER = 300
MAX_NAME = 100
MAX_POWER = 20
"""Powers of ten that a number may reach, up and down (inferred, far beyond any price)."""

_FORBIDDEN = frozenset("<;\u2019\\/|\"`'^?!,>")
_required = attrgetter("external_order_id", "total_cost", "status", "date")
_REQUIRED = ("externalOrderId", "totalCost", "status", "date")
_item_required = attrgetter("external_item_id", "name", "quantity", "cost", "url", "image_url")
_ITEM_REQUIRED = ("externalItemId", "name", "quantity", "cost", "url", "imageUrl")
_rare = attrgetter("shipping", "discount", "taxes", "params", "occurred")
_NOTHING_RARE = (UNSET,) * 5
OWN_NAMES = frozenset(
    name.lower()
    for name in (
        *_REQUIRED, "externalCustomerId", "email", "phone", "currency", "items", "firstName", "lastName",
        "shipping", "discount", "taxes", "restoreUrl", "statusDescription", "storeId", "deliveryMethod",
        "paymentMethod", "deliveryAddress", "source", "additionalInfo",
    )
)  # fmt: skip


def order_fault(order: Order, zone: tzinfo) -> str | None:
    """Why this order event would be refused or ignored, or None."""
    return _missing(order) or contact_fault(order) or _content_fault(order, zone)


def added_fault(order: Order, zone: tzinfo) -> str | None:
    """Why Add orders would fail this order, or None. Parameters are not its affair."""
    if _is_absent(order.currency):
        return "currency missing: Add orders would fail the order"
    numbers = (_total_fault(order) or _amounts_fault(order)) if order.total_cost else None
    faults = _status_fault(order) or numbers or _date_fault(order, zone)
    return _missing(order) or contact_fault(order) or faults or _added_items_fault(order)


def cancel_fault(order: Order, zone: tzinfo) -> str | None:
    """Why a deleted order could not be cancelled. Contact, total and date may come from the ledger later."""
    if not id_of(order.external_order_id):
        return "externalOrderId missing: Yespo would ignore the order"
    numbers = (_total_fault(order) or _amounts_fault(order)) if order.total_cost else None
    return _identifiers_fault(order) or numbers or _date_fault(order, zone)


def untold(order: Order) -> str | None:
    """What nobody knows of an order that is to be cancelled: neither its row nor the ledger."""
    if order.date and isinstance(order.total_cost, Decimal):
        return None
    lacking = _absent("", _REQUIRED, _required(order))
    return f"{lacking}; set replica_identity: full, or cancel_by_key"


def contact_fault(body: Body) -> str | None:
    """Why Yespo could not tell the contact."""
    fault = _identifiers_fault(body)
    if fault or id_of(body.external_customer_id) or email_of(body.email) or phone_of(body.phone):
        return fault
    return "externalCustomerId, email and phone missing: no contact can be found by any of them"


def event_key_fault(key: str) -> str | None:
    """Why this cannot be an eventTypeKey."""
    if not 0 < len(key) <= MAX_NAME:
        return f"eventTypeKey must have 1 to {MAX_NAME} characters"
    return "eventTypeKey has a forbidden character" if _FORBIDDEN.intersection(key) else None


@lru_cache(maxsize=1024)
def params_fault(names: tuple[str, ...], locator: str, own: frozenset[str] = OWN_NAMES) -> str | None:
    """Why extra parameters cannot go beside an event's own. `locator`: what Yespo is to find first."""
    lower = [name.lower() for name in names]
    if any(not 0 < len(name) <= MAX_NAME for name in names):
        return f"params: a parameter's name must have 1 to {MAX_NAME} characters"
    if len(set(lower)) < len(lower) or not own.isdisjoint(lower):
        return (
            "params: two parameters have one name (case does not count); map a field of its own under fields"
        )
    rank = LOCATORS.index(locator) if locator in LOCATOR_NAMES else len(LOCATORS)
    if not LOCATOR_NAMES.isdisjoint(lower) and min(map(_rank, lower)) < rank:
        return "params: a parameter's name would make Yespo look for another contact; rename it"
    return None


def rare_fault(order: Order) -> str | None:
    """What of it is wrong that few orders have: extra amounts and parameters, a time of its own."""
    if _rare(order) == _NOTHING_RARE:
        return None
    params = params_fault(tuple(order.params), first_locator(order)) if order.params else None
    if isinstance(order.occurred, datetime) and not MINYEAR < order.occurred.year < MAXYEAR:
        return "occurred may have no form in the account's time zone: its year is at the calendar's end"
    return _amounts_fault(order) or params


def _content_fault(order: Order, zone: tzinfo) -> str | None:
    return (
        _status_fault(order)
        or _total_fault(order)
        or _date_fault(order, zone)
        or _items_fault(order)
        or rare_fault(order)
    )


def _rank(name: str) -> int:
    return LOCATORS.index(name) if name in LOCATOR_NAMES else len(LOCATORS)


def first_locator(body: Body) -> str:
    """The parameter by which Yespo finds its contact."""
    return "email" if email_of(body.email) else "phone" if phone_of(body.phone) else "externalcustomerid"


def _missing(order: Order) -> str | None:
    if (
        id_of(order.external_order_id)
        and order.status
        and order.date
        and isinstance(order.total_cost, Decimal)
    ):
        return None
    return _absent("", _REQUIRED, _required(order))


def _absent(place: str, names: tuple[str, ...], values: tuple[object, ...]) -> str | None:
    absent = [name for name, value in zip(names, values, strict=True) if _is_absent(value)]
    return f"{place}{', '.join(absent)} missing: Yespo would ignore the order" if absent else None


def _is_absent(value: object) -> bool:
    return value is None or value is UNSET or (isinstance(value, str) and value.strip() in BLANK)


def _identifiers_fault(body: Body) -> str | None:
    customer, email = body.external_customer_id, body.email
    if (customer and len(customer) > MAX_IDENTIFIER) or (email and len(email) > MAX_IDENTIFIER):
        return f"externalCustomerId or email is longer than {MAX_IDENTIFIER} characters"
    if isinstance(body, Order) and len(body.external_order_id) > MAX_IDENTIFIER:
        return f"externalOrderId is longer than {MAX_IDENTIFIER} characters"
    if email and "@" not in email and email_of(email):
        return "email cannot be an e-mail address: it has no @"
    return None


def _status_fault(order: Order) -> str | None:
    if order.status in STATUSES:
        return None
    return f"status is none of {', '.join(sorted(STATUSES))}: map it under values.status"


def _date_fault(order: Order, zone: tzinfo) -> str | None:
    return time_fault("date", order.date, zone)


def time_fault(name: str, moment: object, zone: tzinfo) -> str | None:
    """Why this time cannot be written."""
    if not isinstance(moment, datetime) or MINYEAR < moment.year < MAXYEAR:
        return None
    try:
        moment.astimezone(zone)
    except OverflowError:
        return f"{name} has no form in the account's time zone: its year leaves 1..9999"
    return None


def _total_fault(order: Order) -> str | None:
    total = order.total_cost
    if not isinstance(total, Decimal) or not _is_number(total) or total < 0:
        return "totalCost is not a number of zero or more"
    return None


def _amounts_fault(order: Order) -> str | None:
    extra = [amount for amount in (order.shipping, order.discount, order.taxes) if amount]
    return None if all(map(_is_number, extra)) else "shipping, discount or taxes is not a number"


def _is_number(value: Decimal) -> bool:
    return value.is_finite() and (not value or -MAX_POWER <= value.adjusted() <= MAX_POWER)


def _items_fault(order: Order) -> str | None:
    for index, item in enumerate(order.items or ()):
        if fault := _item_fault(index, item):
            return fault
    return None


def _added_items_fault(order: Order) -> str | None:
    for index, item in enumerate(order.items or ()):
        if _is_absent(item.external_item_id) or _is_absent(item.quantity):
            return f"items[{index}]: externalItemId or quantity missing: Add orders would fail the order"
        numbers = [part for part in (item.quantity, item.cost) if isinstance(part, Decimal)]
        if not all(map(_is_number, numbers)):
            return f"items[{index}]: cost or quantity is not a number"
    return None


def _item_fault(index: int, item: Item) -> str | None:
    quantity, cost = item.quantity, item.cost
    texts = (item.external_item_id, item.name, item.url, item.image_url)
    if (
        not all(texts) or any(map(_is_absent, texts))
        or not isinstance(quantity, (int, Decimal)) or not isinstance(cost, Decimal)
    ):  # fmt: skip
        return _absent(f"items[{index}]: ", _ITEM_REQUIRED, _item_required(item))
    if _is_number(cost) and (isinstance(quantity, int) or _is_number(quantity)):
        return None
    return f"items[{index}]: cost or quantity is not a number"
