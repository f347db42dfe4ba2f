"""Add orders: `POST /v1/orders`, at most 1000 a request: a fixed list of fields, and the only call that can
give back the system's id of an order.

An upsert by externalOrderId that makes an event order<STATUS> each time. Its 200 lists the orders that
failed; the id is believed where the answer names it beside an externalOrderId, or where it stands alone and
one order was taken. That the answer may carry an asyncSessionId is documented, what it would be for is
not: it is not waited for. `params` have no place here: where orders go on as events, one follows with them at
once.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.conclude import Steps, ask, each, isolate
from connector.core.events import Item, Order
from connector.core.lots import Lot
from connector.core.model import Kind
from connector.core.talk import (
    Accepted,
    Batch,
    Conversation,
    Halt,
    InDoubt,
    Outcome,
    Refused,
    Request,
    Response,
    Retry,
    Sending,
)
from connector.dialects.yespo_answers import UNENCODABLE, judge, succeeded
from connector.dialects.yespo_events import JSON_HEADERS, Form, attempt, bounded, encode
from connector.dialects.yespo_failed import blamed_orders
from connector.dialects.yespo_locator import email_of, id_of, phone_of

MAX_ORDERS: Final = 1000
LOT: Final = Lot("orders", "", MAX_ORDERS, "resend")
LISTED: Final = Refused("refused", "listed in failedOrders")
_NOT_JSON: Final = Halt("contract", "the answer of orders is not a JSON object: check url")
_FIELDS: Final = (
    ("totalCost", "total_cost"), ("status", "status"), ("currency", "currency"), ("firstName", "first_name"),
    ("lastName", "last_name"), ("shipping", "shipping"), ("discount", "discount"), ("taxes", "taxes"),
    ("restoreUrl", "restore_url"), ("statusDescription", "status_description"), ("storeId", "store_id"),
    ("deliveryMethod", "delivery_method"), ("paymentMethod", "payment_method"),
    ("deliveryAddress", "delivery_address"), ("source", "source"),
)  # fmt: skip
_NAMES: Final = tuple(name for name, _ in _FIELDS)
_values = attrgetter(*(field for _, field in _FIELDS))
_ITEM: Final = tuple(
    (field, name)
    for field, name in zip(Item.__struct_fields__, Item.__struct_encode_fields__, strict=True)
    if field != "extra"
)


def creation(order: Order, live: Lot) -> Lot:
    """One order a request, so that its id is told. live: the lot of the event that follows with params."""
    return Lot("orders", "created", 1, live.in_doubt if order.params else "resend")


def converse(batch: Batch, form: Form, lot: Lot) -> Conversation:
    """Send a batch of one of the two lots."""
    return _create(batch, form) if lot.group else _add(batch, form)


def _add(batch: Batch, form: Form) -> Conversation:
    """Which of them failed is told by the answer, or found by halving."""

    def add(part: Batch) -> Steps[list[Outcome] | Refused]:
        try:
            body = encode({"orders": [_written(sending, form) for sending in part]})
        except (ValueError, RecursionError):
            return UNENCODABLE
        answer = yield from ask(Request("POST", "/v1/orders", "orders", body, JSON_HEADERS, part))
        if not isinstance(answer, Response) or not succeeded(answer):
            return judge(answer, part)
        return _read(answer, [sending.event.key for sending in part])

    return isolate(batch, add)


def _create(batch: Batch, form: Form) -> Conversation:
    """Add one order; an event follows with what Add orders has no place for."""

    def both(sending: Sending) -> Steps[Outcome]:
        outcome: Outcome = Accepted(sending.part or None)
        if sending.part is None:
            [outcome] = yield from _add([sending], form)
        order = sending.event.body
        if not isinstance(outcome, Accepted) or not isinstance(order, Order) or not order.params:
            return outcome
        event = replace(sending.event, kind=Kind.ORDER_UPDATED)
        told = yield from attempt(form, "events", replace(sending, event=event))
        if isinstance(told, Retry | InDoubt | Halt):
            return replace(told, part=outcome.remote_id or "")
        return outcome if isinstance(told, Accepted) else told

    return each(batch, both)


def _written(sending: Sending, form: Form) -> dict[str, object]:
    order = sending.event.body
    if not isinstance(order, Order):
        raise TypeError(f"{sending.event.kind} is no order")
    pairs = zip(_NAMES, _values(order), strict=True)
    written: dict[str, object] = {"externalOrderId": order.external_order_id}
    written |= {name: value for name, value in pairs if value is not UNSET and value is not None}
    if isinstance(order.date, datetime):
        written["date"] = order.date.astimezone(form.zone).isoformat(timespec="seconds")
    if customer := id_of(order.external_customer_id):
        written["externalCustomerId"] = customer
    if not sending.id_only and (email := email_of(order.email)):
        written["email"] = email
    if not sending.id_only and (phone := phone_of(order.phone)):
        written["phone"] = phone
    if order.additional_info:
        written["additionalInfo"] = bounded(order.additional_info)
    if order.items:
        written["items"] = [_item(item) for item in order.items]
    return written


def _item(item: Item) -> dict[str, object]:
    values = ((name, getattr(item, field)) for field, name in _ITEM)
    return {name: value for name, value in values if value is not UNSET and value is not None}


# --- The answer -----------------------------------------------------------------------------------


def _read(answer: Response, keys: list[str]) -> list[Outcome] | Refused:
    try:
        told = msgspec.json.decode(answer.body) if answer.body.strip() else {}
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return [_NOT_JSON] * len(keys)
    failed = blamed_orders(told.pop("failedOrders", None), keys)
    if failed is None:
        return LISTED
    ids, taken = dict(_ids(told)), [key for index, key in enumerate(keys) if index not in failed]
    if len(taken) == 1 and (alone := _id(told)):
        ids.setdefault(taken[0], alone)
    return [LISTED if index in failed else Accepted(ids.get(key)) for index, key in enumerate(keys)]


def _ids(told: object) -> Iterator[tuple[str, str]]:
    """Each externalOrderId and the system's id, wherever they stand side by side."""
    if isinstance(told, dict):
        key, found = told.get("externalOrderId"), _id(told)
        if key is not None and found:
            yield str(key), found
    for part in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _ids(part)


def _id(told: Mapping[str, object]) -> str | None:
    found = told.get("id", told.get("orderId"))
    return str(found) if isinstance(found, str | int) and found != "" else None
