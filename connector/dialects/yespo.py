"""Yespo (eSputnik) as a destination: which of its resources an event goes to, and as what.

Orders go as live events, or as past events where they are history (`orders_via: past_events`, or a snapshot
of a topic with `on_snapshot: past_events`), and so do custom events; contacts by bulk import; deleted
contacts by erasure, or by unsubscribing their e-mail.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from connector.core.claims import Grant
from connector.core.events import Contact, Event, Fact, Order, Requirement
from connector.core.fingerprint import digests
from connector.core.lots import Lot
from connector.core.model import Kind, Op
from connector.core.talk import Batch, Conversation
from connector.dialects import (
    yespo_contacts,
    yespo_custom,
    yespo_events,
    yespo_past_events,
    yespo_unsubscribe,
)
from connector.dialects.yespo_check import (
    MAX_IDENTIFIER,
    cancel_fault,
    contact_fault,
    order_fault,
    rare_fault,
)
from connector.dialects.yespo_common import is_common
from connector.dialects.yespo_contact_body import group_of
from connector.dialects.yespo_depth import deep_values
from connector.dialects.yespo_locator import (
    Locator,
    address,
    aliases,
    contact_of,
    fields_of_key,
    id_of,
    requirement,
)

PAST = Lot("past_events", "", 500, "hold", live=False)
ERASURES = Lot("erasures", "", 1, "resend")
_FINAL = {"DELIVERED": Kind.ORDER_DELIVERED, "CANCELLED": Kind.ORDER_CANCELLED}


class YespoOptions(Struct, frozen=True):
    """How one account is to be served (DESIGN, Configuration).

    orders_via, events_via: of orders, of custom events.
    time_zone: of the account's user, an IANA name. in_doubt: of live order events. past_snapshots: topics
    with `on_snapshot: past_events`. string_items: topics with `items_as: string`. ensure: which contacts are
    made from orders (always: also known ones, as long as no change of their own was seen); wait_seconds: how
    long an order waits for a contact that is not made. import_seconds: how long an import is waited for.
    cancel_by_key: the account takes an orderCancelled without totalCost and date (the documents can be read
    both ways), so a deleted order of which neither is known can be cancelled. locator: of the account's own.
    """

    name: str = "yespo"
    orders_via: Literal["events", "past_events"] = "events"
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


class Yespo:
    """`ports.Destination` for Yespo. Pure; one instance serves a lane."""

    def __init__(self, options: YespoOptions) -> None:
        """Raises zoneinfo.ZoneInfoNotFoundError for an unknown time zone (settings check it before)."""
        self.name = options.name
        self._options = options
        self._form = yespo_events.Form(
            ZoneInfo(options.time_zone), options.string_items, options.cancel_by_key, options.locator
        )
        self._live = Lot("events", "", 1, options.in_doubt)
        self.patience = options.wait_seconds
        self._refreshes = options.ensure == "always"

    def check(self, event: Event) -> str | None:
        """Why Yespo would refuse or silently ignore it, or None."""
        body, zone = event.body, self._form.zone
        if isinstance(body, Order):
            if event.op is Op.DELETE:
                return cancel_fault(body, zone)
            return rare_fault(body) if is_common(body) else order_fault(body, zone)
        if isinstance(body, Contact):
            return _contact_fault(event, body)
        return yespo_custom.fault(body, zone, past=self._is_past(event))

    def deep(self, event: Event) -> int:
        """How many values Yespo keeps as text, since they are nested too deep."""
        return deep_values(event)

    def requires(self, event: Event) -> Requirement | None:
        """The contact of an order or fact; of a contact with an id, whoever has its address.

        A delete needs none: it cancels what was accepted after its contact.
        """
        if not isinstance(event.body, Contact):
            return (
                None
                if event.op is Op.DELETE
                else requirement(event.body, fresh=self._refreshes, locator=self._form.locator)
            )
        return address(event.body) if event.kind is Kind.CONTACT_UPSERTED else None

    def ensure(self, event: Event, *, shared: bool) -> Event | None:
        """The required contact from the event's own fields (RULES 5: older than any real change).

        An address that is another contact's stays with that: this one is made without.
        """
        needed = self.requires(event)
        if needed is None or isinstance(event.body, Contact):
            raise ValueError(f"{event.kind} requires no contact")
        if self._options.ensure == "never":
            return None
        body = contact_of(event.body, addressed=not shared)
        digest = digests(body)[0] if self._refreshes else b""
        return Event("contact", Kind.CONTACT_UPSERTED, needed.key, body, digest, b"", None, None)

    def refine(self, event: Event, grant: Grant) -> Event:
        """The kind to send (RULES 7).

        A delete cancels a known order only: known, it becomes an update that cancels, with the contact, total
        and date that the order was last accepted with where its row tells none; unknown, it stays a delete,
        which `converse` refuses without sending (Yespo would ignore it).
        """
        order = event.body
        if not isinstance(order, Order):
            return event
        if event.op is Op.DELETE:
            return _cancelled(event, order, grant) if grant.known else event
        status = yespo_events.STATUS_OF.get(event.kind) or order.status
        if grant.known and (grant.status_only or event.kind in yespo_events.STATUS_OF):
            kind = _FINAL.get(status or "", Kind.ORDER_UPDATED)
        elif grant.known or event.kind is not Kind.ORDER_CREATED:
            kind = Kind.ORDER_UPDATED
        else:
            return event
        if kind is event.kind and status == order.status:
            return event
        body = order if status == order.status else replace(order, status=status)
        return replace(event, kind=kind, body=body)

    def lot(self, event: Event) -> Lot:
        """Where it may be batched."""
        if isinstance(event.body, Order):
            return PAST if self._is_past(event) else self._live
        if isinstance(event.body, Fact):
            return PAST if self._is_past(event) else yespo_custom.LOT
        if event.kind is not Kind.CONTACT_UPSERTED:
            return ERASURES if event.kind is Kind.CONTACT_DELETED else yespo_unsubscribe.LOT
        group = group_of(event.body)
        return Lot("contacts", group, yespo_contacts.MAX_CONTACTS, "resend")

    def aliases(self, event: Event) -> tuple[str, ...]:
        """What leads to this contact once it is accepted."""
        if not isinstance(event.body, Contact) or event.kind is Kind.CONTACT_UNSUBSCRIBED:
            return ()
        return aliases(event.body)

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """Send a batch of one lot."""
        match lot.resource:
            case "events" | "custom_events":
                return yespo_events.converse(batch, self._form, lot.resource)
            case "past_events":
                return yespo_past_events.converse(batch, self._form)
            case "contacts":
                return yespo_contacts.converse(batch, self._options.import_seconds)
            case "erasures":
                return yespo_contacts.erase(batch)
            case "unsubscriptions":
                return yespo_unsubscribe.converse(batch)
        raise ValueError(f"no resource of Yespo: {lot.resource}")

    def _is_past(self, event: Event) -> bool:
        options = self._options
        if (options.events_via if event.entity == "event" else options.orders_via) == "past_events":
            return True
        topic = event.position.topic if event.position else ""
        return event.snapshot and topic in options.past_snapshots


def _cancelled(event: Event, order: Order, grant: Grant) -> Event:
    body = replace(order, status="CANCELLED")
    if requirement(order) is None and grant.contact_key:
        body = replace(body, **fields_of_key(grant.contact_key))
    if grant.kept is not None and not isinstance(order.total_cost, Decimal):
        body = replace(body, total_cost=Decimal(grant.kept.total_cost))
    if grant.kept is not None and not order.date:
        body = replace(body, date=datetime.fromisoformat(grant.kept.date))
    return replace(event, kind=Kind.ORDER_CANCELLED, op=Op.UPDATE, body=body)


def _contact_fault(event: Event, contact: Contact) -> str | None:
    if event.kind is Kind.CONTACT_UNSUBSCRIBED:
        return yespo_unsubscribe.fault(contact)
    if event.kind is not Kind.CONTACT_DELETED:
        return contact_fault(contact)
    customer = id_of(contact.external_customer_id) or event.key
    if not customer or len(customer) > MAX_IDENTIFIER or contact.external_customer_id is None:
        return f"externalCustomerId missing or longer than {MAX_IDENTIFIER} characters: nothing to erase by"
    return None
