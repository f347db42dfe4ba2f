"""Which way an order goes to Yespo, and as which event: by the configuration and by what the ledger knows."""

from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.core.claims import Grant
from connector.core.events import Event, Order
from connector.core.lots import Lot
from connector.core.model import DELETE, ORDER_CANCELLED, ORDER_CREATED, ORDER_UPDATED, UPDATE, Kind
from connector.dialects import yespo_events, yespo_orders
from connector.dialects.yespo_check import added_fault, cancel_fault, order_fault, rare_fault
from connector.dialects.yespo_common import is_common
from connector.dialects.yespo_locator import Locator, fields_of_key, requirement

PAST: Final = Lot("past_events", "", 500, "hold", live=False)
_FINAL: Final = {"DELIVERED": Kind.ORDER_DELIVERED, "CANCELLED": ORDER_CANCELLED}


class YespoOptions(Struct, frozen=True):
    """How one account is to be served (README, Configuration).

    orders_via, events_via: of orders, of custom events.
    time_zone: of the account's user, an IANA name. in_doubt: of live order events. past_snapshots: topics
    with `on_snapshot: past_events`. string_items: topics with `items_as: string`. ensure: which contacts are
    made from orders (always: also known ones, as long as no change of their own was seen); wait_seconds: how
    long an order waits for a contact that is not made. import_seconds: how long an import is waited for.
    cancel_by_key: the account takes an orderCancelled without totalCost and date (the documents can be read
    both ways), so a deleted order of which neither is known can be cancelled. locator: of the account's own.
    """

    name: str = "yespo"
    orders_via: Literal["events", "past_events", "add_orders", "add_orders_then_events"] = "events"
    events_via: Literal["events", "past_events"] = "events"
    time_zone: str = "UTC"
    in_doubt: Literal["resend", "hold"] = "resend"
    past_snapshots: frozenset[str] = frozenset()
    string_items: frozenset[str] = frozenset()
    ensure: Literal["always", "unknown", "never"] = "unknown"
    wait_seconds: float = 60.0
    import_seconds: float = 600.0
    cancel_by_key: bool = False
    locator: Locator | None = None


class OrderRoutes:
    """The orders of one account."""

    def __init__(self, options: YespoOptions) -> None:
        self._options, self._via = options, options.orders_via
        self._live = Lot("events", "", 1, options.in_doubt)

    def fault(self, event: Event, order: Order, zone: tzinfo) -> str | None:
        """Why Yespo would refuse or ignore it. Where the ledger decides its way, it must be fit for both."""
        if event.op is DELETE:
            return cancel_fault(order, zone)
        if self._via not in _ADDING or is_past(event, self._options):
            return rare_fault(order) if is_common(order) else order_fault(order, zone)
        added = added_fault(order, zone)
        return order_fault(order, zone) if added is None and self._via != "add_orders" else added

    def refine(self, event: Event, order: Order, grant: Grant) -> Event:
        """The kind to send (RULES 7).

        A delete cancels a known order only: known, it becomes an update that cancels, with the contact, total
        and date that the order was last accepted with where its row tells none; unknown, it stays a delete,
        which `converse` refuses without sending (Yespo would ignore it).
        """
        if event.op is DELETE:
            return _cancelled(event, order, grant) if grant.known else event
        if self._via in _ADDING and not is_past(event, self._options):
            if self._via == "add_orders":
                return event
            if self._creates(event, grant):
                return replace(event, kind=ORDER_CREATED)
        return _by_status(event, order, grant)

    def _creates(self, event: Event, grant: Grant) -> bool:
        """An order that Yespo does not have is added, so that its id is told; not each of a snapshot, though:
        Add orders makes an event of it (RULES 7)."""
        return not grant.known and (event.kind is ORDER_CREATED or not event.snapshot)

    def lot(self, event: Event, order: Order) -> Lot:
        """Where it may be batched. A deleted order is cancelled by an event, however it was sent before."""
        if is_past(event, self._options):
            return PAST
        if self._via not in _ADDING or event.op is DELETE or event.kind is ORDER_CANCELLED:
            return self._live
        if self._via == "add_orders":
            return yespo_orders.LOT
        return yespo_orders.creation(order, self._live) if event.kind is ORDER_CREATED else self._live


_ADDING: Final = ("add_orders", "add_orders_then_events")


def is_past(event: Event, options: YespoOptions) -> bool:
    """Whether an order or fact goes as history."""
    if (options.events_via if event.entity == "event" else options.orders_via) == "past_events":
        return True
    return event.snapshot and event.position is not None and event.position.topic in options.past_snapshots


def _by_status(event: Event, order: Order, grant: Grant) -> Event:
    status = yespo_events.STATUS_OF.get(event.kind) or order.status
    if grant.known and (grant.status_only or event.kind in yespo_events.STATUS_OF):
        kind = _FINAL.get(status or "", ORDER_UPDATED)
    elif grant.known or event.kind is not ORDER_CREATED:
        kind = ORDER_UPDATED
    else:
        return event
    if kind is event.kind and status == order.status:
        return event
    body = order if status == order.status else replace(order, status=status)
    return replace(event, kind=kind, body=body)


def _cancelled(event: Event, order: Order, grant: Grant) -> Event:
    body = replace(order, status="CANCELLED")
    if requirement(order) is None and grant.contact_key:
        body = replace(body, **fields_of_key(grant.contact_key))
    if grant.kept is not None and not isinstance(order.total_cost, Decimal):
        body = replace(body, total_cost=Decimal(grant.kept.total_cost))
    if grant.kept is not None and not order.date:
        body = replace(body, date=datetime.fromisoformat(grant.kept.date))
    return replace(event, kind=ORDER_CANCELLED, op=UPDATE, body=body)
