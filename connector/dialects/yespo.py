"""Yespo (eSputnik) as a destination: which of its resources an event goes to, and as what.

Orders go as live events, by Add orders, or as past events where they are history (`orders_via: past_events`,
or a snapshot of a topic with `on_snapshot: past_events`); custom events live or past; contacts by bulk
import; deleted contacts by erasure, or by unsubscribing their e-mail.
"""

from zoneinfo import ZoneInfo

from connector.core.claims import Grant
from connector.core.events import Contact, Event, Fact, Order, Requirement
from connector.core.fingerprint import digests
from connector.core.lots import Lot
from connector.core.model import CONTACT_UPSERTED, DELETE, Kind
from connector.core.talk import Batch, Conversation
from connector.dialects import (
    yespo_contacts,
    yespo_custom,
    yespo_events,
    yespo_orders,
    yespo_past_events,
    yespo_unsubscribe,
)
from connector.dialects.yespo_check import MAX_IDENTIFIER, contact_fault
from connector.dialects.yespo_contact_body import group_of
from connector.dialects.yespo_depth import deep_values
from connector.dialects.yespo_locator import (
    address,
    aliases,
    contact_of,
    id_of,
    requirement,
)
from connector.dialects.yespo_routes import PAST, OrderRoutes, YespoOptions, is_past

__all__ = ["PAST", "Yespo", "YespoOptions"]

ERASURES = Lot("erasures", "", 1, "resend")


class Yespo:
    """`ports.Destination` for Yespo. Pure; one instance serves a lane."""

    def __init__(self, options: YespoOptions) -> None:
        """Raises zoneinfo.ZoneInfoNotFoundError for an unknown time zone (settings check it before)."""
        self.name = options.name
        self._options = options
        self._form = yespo_events.Form(
            ZoneInfo(options.time_zone), options.string_items, options.cancel_by_key, options.locator
        )
        self._orders = OrderRoutes(options)
        self.patience = options.wait_seconds
        self._refreshes = options.ensure == "always"

    def check(self, event: Event) -> str | None:
        """Why Yespo would refuse or silently ignore it, or None."""
        body, zone = event.body, self._form.zone
        if isinstance(body, Order):
            return self._orders.fault(event, body, zone)
        if isinstance(body, Contact):
            return _contact_fault(event, body)
        return yespo_custom.fault(body, zone, past=is_past(event, self._options))

    def deep(self, event: Event) -> int:
        """How many values Yespo keeps as text, since they are nested too deep."""
        return deep_values(event)

    def requires(self, event: Event) -> Requirement | None:
        """The contact of an order or fact; of a contact with an id, whoever has its address.

        A delete needs none: it cancels what was accepted after its contact.
        """
        body = event.body
        if type(body) is Contact:
            return address(body) if event.kind is CONTACT_UPSERTED else None
        if event.op is DELETE:
            return None
        return requirement(body, fresh=self._refreshes, locator=self._form.locator)

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
        return Event("contact", CONTACT_UPSERTED, needed.key, body, digest, b"", None, None)

    def refine(self, event: Event, grant: Grant) -> Event:
        """What to send, by what the ledger knows (RULES 7)."""
        order = event.body
        return self._orders.refine(event, order, grant) if isinstance(order, Order) else event

    def lot(self, event: Event) -> Lot:
        """Where it may be batched."""
        if isinstance(event.body, Order):
            return self._orders.lot(event, event.body)
        if isinstance(event.body, Fact):
            return PAST if is_past(event, self._options) else yespo_custom.LOT
        if event.kind is not CONTACT_UPSERTED:
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
            case "orders":
                return yespo_orders.converse(batch, self._form, lot)
            case "past_events":
                return yespo_past_events.converse(batch, self._form)
            case "contacts":
                return yespo_contacts.converse(batch, self._options.import_seconds)
            case "erasures":
                return yespo_contacts.erase(batch)
            case "unsubscriptions":
                return yespo_unsubscribe.converse(batch)
        raise ValueError(f"no resource of Yespo: {lot.resource}")


def _contact_fault(event: Event, contact: Contact) -> str | None:
    if event.kind is Kind.CONTACT_UNSUBSCRIBED:
        return yespo_unsubscribe.fault(contact)
    if event.kind is not Kind.CONTACT_DELETED:
        return contact_fault(contact)
    customer = id_of(contact.external_customer_id) or event.key
    if not customer or len(customer) > MAX_IDENTIFIER or contact.external_customer_id is None:
        return f"externalCustomerId missing or longer than {MAX_IDENTIFIER} characters: nothing to erase by"
    return None
