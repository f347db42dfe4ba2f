"""Live events: `POST /v2/event`, one a request; and the form of an event, of orders and custom ones alike,
shared with past events.

A null is not sent: a parameter needs a value and no null is documented, so an order's field, once set, is
not cleared by a later null (the limit of this API). Numbers go as decimals, never through binary floats:
money of the order as strings ("990.0", with its own scale), an item's cost and quantity as JSON numbers.
"""

from datetime import datetime, tzinfo
from decimal import Decimal
from functools import partial
from operator import attrgetter

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Encoder

from connector.core.conclude import Steps, ask, each
from connector.core.events import Fact, Item, Order
from connector.core.model import DELETE, ORDER_CANCELLED, Json, Kind
from connector.core.talk import (
    Batch,
    Conversation,
    Outcome,
    Refused,
    Request,
    Sending,
)
from connector.dialects.yespo_answers import UNENCODABLE, judge
from connector.dialects.yespo_check import untold
from connector.dialects.yespo_locator import LOCATOR_NAMES, Locator, email_of, id_of, phone_of

EVENT_KEYS = {
    Kind.ORDER_CREATED: "orderCreated",
    Kind.ORDER_UPDATED: "orderUpdated",
    Kind.ORDER_DELIVERED: "orderDelivered",
    Kind.ORDER_CANCELLED: "orderCancelled",
}
STATUS_OF = {Kind.ORDER_DELIVERED: "DELIVERED", Kind.ORDER_CANCELLED: "CANCELLED"}
UNKNOWN_ORDER = Refused("unknown_order", "a delete of an order that Yespo does not have: nothing to cancel")
NO_LOCATOR = Refused("no_usable_locator", "it has nothing to find its contact by")
JSON_HEADERS = {"content-type": "application/json"}

encode = Encoder(decimal_format="number").encode
_optional = attrgetter(
    "first_name", "last_name", "restore_url", "status_description", "store_id", "delivery_method",
    "payment_method", "delivery_address", "source", "shipping", "discount", "taxes",
)  # fmt: skip
_OPTIONAL = (
    "firstName", "lastName", "restoreUrl", "statusDescription", "storeId", "deliveryMethod",
    "paymentMethod", "deliveryAddress", "source", "shipping", "discount", "taxes",
)  # fmt: skip


_NOTHING = (UNSET,) * len(_OPTIONAL)


class Param(Struct, gc=False):
    """One parameter of an event."""

    name: str
    value: object


class EventBody(Struct, rename="camel", omit_defaults=True, gc=False):
    """The body of a live event; `occurred` only in past events."""

    event_type_key: str
    key_value: str
    params: list[Param]
    occurred: str | UnsetType = UNSET


class Form(Struct, frozen=True):
    """How events are written: the account's zone, and the topics whose items go as an escaped string.

    cancel_by_key: an orderCancelled may go without totalCost and date. locator: of the account's own.
    """

    zone: tzinfo
    string_items: frozenset[str] = frozenset()
    cancel_by_key: bool = False
    locator: Locator | None = None


def converse(batch: Batch, form: Form, resource: str) -> Conversation:
    """Send live events, one request each. resource: its name in metrics."""
    return each(batch, partial(attempt, form, resource))


def attempt(form: Form, resource: str, sending: Sending) -> Steps[Outcome]:
    """Send one live event."""
    try:
        event = render(sending, form)
        if type(event) is Refused:
            return event
        body = encode(event)
    except (ValueError, RecursionError):
        return UNENCODABLE
    part = (sending,)
    request = Request("POST", "/v2/event", resource, body, JSON_HEADERS, part)
    verdict = judge((yield from ask(request)), part)
    return verdict if type(verdict) is Refused else verdict[0]


def render(sending: Sending, form: Form, *, occurred: bool = False) -> EventBody | Refused:
    """The event as its JSON will be, or what the ledger's answer made unsendable though `check` passed it."""
    event = sending.event
    order, status = event.body, STATUS_OF.get(event.kind)
    if type(order) is not Order:
        return _custom(sending, form, occurred=occurred)
    if event.op is DELETE:
        return UNKNOWN_ORDER
    if event.kind is ORDER_CANCELLED and not form.cancel_by_key and (reason := untold(order)):
        return Refused("check", reason)
    key, params = _locate(order, form.locator, id_only=sending.id_only)
    if key is None:
        return NO_LOCATOR
    date = written(order.date.astimezone(form.zone)) if isinstance(order.date, datetime) else ""
    params.append(Param("externalOrderId", order.external_order_id))
    if isinstance(order.total_cost, Decimal):
        params.append(Param("totalCost", _plain(order.total_cost)))
    params.append(Param("status", status or order.status))
    if date:
        params.append(Param("date", date))
    _add_optional(params, order)
    if order.items is not None and order.items is not UNSET:
        as_string = event.position is not None and event.position.topic in form.string_items
        params.append(Param("items", _items(order.items, as_string=as_string)))
    if order.params:
        _add_extra(params, order.params, id_only=sending.id_only)
    minute: str | UnsetType = UNSET
    if occurred:
        minute = _minute(order.occurred, form) if order.occurred else date[:16]
    return EventBody(EVENT_KEYS[event.kind], key, params, minute)


def _custom(sending: Sending, form: Form, *, occurred: bool) -> EventBody | Refused:
    fact = sending.event.body
    if not isinstance(fact, Fact):
        raise TypeError(f"{sending.event.kind} is no event")
    key, params = _locate(fact, form.locator, id_only=sending.id_only)
    if key is None:
        return NO_LOCATOR
    if fact.params:
        _add_extra(params, fact.params, id_only=sending.id_only)
    return EventBody(str(fact.event_type), key, params, _minute(fact.occurred if occurred else UNSET, form))


def _minute(when: datetime | UnsetType | None, form: Form) -> str | UnsetType:
    """As past events have it: to the minute, in the account's zone."""
    return when.astimezone(form.zone).isoformat()[:16] if isinstance(when, datetime) else UNSET


def bounded(value: Json, levels: int = 2) -> Json:
    """A value nested at most so many levels deep: what is deeper becomes its JSON text, on purpose."""
    if not isinstance(value, (list, dict)):
        return value
    if levels == 0:
        return encode(value).decode()
    if isinstance(value, list):
        return [bounded(part, levels - 1) for part in value]
    return {name: bounded(part, levels - 1) for name, part in value.items()}


def written(moment: datetime) -> str:
    """To the second, as isoformat() writes it, in a third of its time."""
    return encode(moment)[1:20].decode()


def _plain(amount: Decimal) -> str:
    """A decimal in its own scale, never with an exponent."""
    text = str(amount)
    return format(amount, "f") if "E" in text else text


def _locate(order: Order | Fact, locator: Locator | None, *, id_only: bool) -> tuple[str | None, list[Param]]:
    """keyValue, and the parameters that name the contact."""
    customer = id_of(order.external_customer_id)
    email = None if id_only else email_of(order.email)
    phone = None if id_only else phone_of(order.phone)
    params: list[Param] = []
    if email:
        params.append(Param("email", email))
    if phone:
        params.append(Param("phone", phone))
    if customer:
        params.append(Param("externalCustomerId", customer))
    if locator is not None and not (id_only and locator.field != "externalCustomerId"):
        value = locator.value(order)
        if value and locator.parameter.lower() != locator.field.lower():
            params.insert(0, Param(locator.parameter, value))
        return value or email or phone or customer, params
    return email or phone or customer, params


def _add_optional(params: list[Param], order: Order) -> None:
    if order.currency is not UNSET and order.currency is not None:
        params.append(Param("currency", order.currency))
    values = _optional(order)
    if values != _NOTHING:
        params += [
            Param(name, value if type(value) is str else _plain(value))
            for name, value in zip(_OPTIONAL, values, strict=True)
            if value is not UNSET and value is not None
        ]
    if order.additional_info is not UNSET and order.additional_info is not None:
        params.append(Param("additionalInfo", bounded(order.additional_info)))


def _add_extra(params: list[Param], extra: dict[str, Json], *, id_only: bool) -> None:
    for name, value in extra.items():
        if value is None or (id_only and name.lower() in LOCATOR_NAMES):
            continue
        params.append(Param(name, bounded(value)))


def _items(items: tuple[Item, ...], *, as_string: bool) -> object:
    """Items that have neither nulls nor extra fields are encoded as they are."""
    written: object = items
    for item in items:
        if item.extra is not UNSET or item.category is None or item.description is None:
            written = [_item(each_item) for each_item in items]
            break
    return encode(written).decode() if as_string else written


def _item(item: Item) -> dict[str, object]:
    """An item with what has no name of its own, without nulls. Its own fields win over extra ones."""
    fields = {name: bounded(value, 0) for name, value in (item.extra or {}).items()}
    own = {name: getattr(item, field) for field, name in _ITEM_FIELDS}
    return {n: v for n, v in {**fields, **own}.items() if v is not None and v is not UNSET}


_ITEM_FIELDS = tuple(
    (field, name)
    for field, name in zip(Item.__struct_fields__, Item.__struct_encode_fields__, strict=True)
    if field != "extra"
)
