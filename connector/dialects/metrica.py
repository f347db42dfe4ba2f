"""Yandex Metrica (CRM data) as a destination: contacts, then their orders, as JSON or CSV; or simple orders.

Metrica has no delete: a deleted order is uploaded once more as cancelled, a deleted contact is a dead letter.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from connector.core.claims import Grant
from connector.core.events import Contact, Event, Order, Requirement
from connector.core.lots import Lot
from connector.core.model import CONTACT_UPSERTED, DELETE, UPDATE, Kind
from connector.core.talk import Batch, Conversation
from connector.dialects.metrica_options import MAX_ROWS, MetricaOptions
from connector.dialects.metrica_products import Products
from connector.dialects.metrica_rows import Rows, client_fields, order_in
from connector.dialects.metrica_uploads import CSV, Uploads
from connector.dialects.metrica_values import MAX_ID, Row, client_key, email_of, is_taken, word

__all__ = ["Metrica", "MetricaOptions"]

_IDENTIFIERS = ("client_ids", "user_ids", "emails", "phones", "emails_md5", "phones_md5")


class Metrica:
    """`ports.Destination` for Metrica. One instance serves a lane; pure but for the products it has seen."""

    def __init__(
        self,
        options: MetricaOptions,
        unlisted: Callable[[int, str], None] = lambda _count, _why: None,
        products: Products | None = None,
    ) -> None:
        """unlisted: told of product lists that were refused: how many products, and Metrica's own words.
        products: those that the counter has been told of.

        Raises zoneinfo.ZoneInfoNotFoundError for an unknown time zone (settings check it before).
        """
        self.name, self.patience = options.name, options.wait_seconds
        self._options, self._rows = options, Rows(options)
        self._uploads = Uploads(options, products or Products(options.counter_id), unlisted)
        self._simple = options.orders_via == "simple_orders"
        self._hashed = options.identifiers == "md5"

    def check(self, event: Event) -> str | None:
        """Why Metrica would refuse or ignore it, or None."""
        if event.kind in (Kind.CONTACT_DELETED, Kind.CONTACT_UNSUBSCRIBED):
            return "Metrica's API erases no contact; remove it in Metrica, and discard this letter"
        if not isinstance(event.body, Order | Contact):
            return "Metrica takes orders and contacts, no custom events"
        if len(event.key) > MAX_ID:
            return f"its id is longer than {MAX_ID} characters"
        try:
            if event.op is DELETE:
                self._rows.status(event)
                return None
            return _fault(self._row(_dated(event)))
        except ValueError as error:
            return str(error)

    def deep(self, event: Event) -> int:  # noqa: ARG002 - the port's
        """Nothing is nested where Metrica looks."""
        return 0

    def requires(self, event: Event) -> Requirement | None:
        """An order's client, by its id; who has none is a contact of their own, under their address."""
        if isinstance(event.body, Order) and not self._simple and event.op is not DELETE:
            key = client_key(event.body)
            return Requirement(key, None) if key else None
        return None

    def ensure(self, event: Event, *, shared: bool) -> Event | None:  # noqa: ARG002 - the port's
        """The client as the order tells it and Metrica takes it (RULES 12); None: nobody is found by it."""
        order, needed = order_in(event), self.requires(event)
        if needed is None:
            raise ValueError(f"{event.kind} requires no contact")
        email = email_of(order.email)
        body = Contact(
            external_customer_id=word(order.external_customer_id) or UNSET,
            email=email if email and is_taken(email, hashed=self._hashed) else UNSET,
            phone=word(order.phone) or UNSET,
            first_name=order.first_name or UNSET,
            last_name=order.last_name or UNSET,
            fields=client_fields(order) or UNSET,
        )
        made = Event("contact", CONTACT_UPSERTED, needed.key, body, b"", b"", None, None)
        return None if self._options.ensure == "never" or _fault(self._row(made)) else made

    def refine(self, event: Event, grant: Grant) -> Event:
        """Its create date is the one it was accepted with first; a known order's delete cancels it."""
        order = event.body
        if not isinstance(order, Order) or not grant.known:
            return event
        if grant.kept is not None:
            order = replace(order, date=datetime.fromisoformat(grant.kept.date))
        if event.op is DELETE:
            if client_key(order) is None and grant.contact_key:
                order = replace(order, external_customer_id=grant.contact_key)
            return replace(event, op=UPDATE, body=order)
        return event if order is event.body else replace(event, body=order)

    def lot(self, event: Event) -> Lot:
        """Where it may be batched: a CSV file's rows have the same columns."""
        options = self._options
        contact = event.entity == "contact"
        resource = "contacts" if contact else options.orders_via
        group = ""
        if (row := self._as_csv(event)) is not None:
            group = ",".join([CSV, *row])
        newest = options.merge_mode != "APPEND"
        return Lot(
            resource, group, MAX_ROWS, options.in_doubt,
            keeps=not contact, newest=newest, counts=resource == "orders",
        )  # fmt: skip

    def aliases(self, event: Event) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        """None: orders name their client by its id."""
        return ()

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """Upload a batch of one lot."""
        if lot.resource not in ("contacts", "orders", "simple_orders"):
            raise ValueError(f"no resource of Metrica: {lot.resource}")
        return self._uploads.converse(lot.resource, batch, self._row, as_csv=lot.group.startswith(CSV))

    def _as_csv(self, event: Event) -> Row | None:
        """The row of what goes as CSV; None: it goes as JSON, as does a change that clears a field."""
        options, contact = self._options, event.entity == "contact"
        attributes = options.contact_attributes if contact else options.order_attributes
        must = attributes or (self._simple and not contact)
        if not (must or options.upload == "csv" or (options.upload is None and event.snapshot)):
            return None
        try:
            row = self._row(_dated(event))
        except ValueError:
            return {}
        clears = not event.snapshot and any(value is None or value == [] for value in row.values())
        return None if clears and not must else row

    def _row(self, event: Event) -> Row:
        return self._rows.contact(event) if isinstance(event.body, Contact) else self._rows.order(event)


def _dated(event: Event) -> Event:
    """With any create date where the row told none: the ledger may know it."""
    order = event.body
    if not isinstance(order, Order) or order.date is not UNSET:
        return event
    return replace(event, body=replace(order, date=_ANY_DATE))


_ANY_DATE = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def _fault(row: Row) -> str | None:
    if "client_uniq_id" in row or any(row.get(name) for name in _IDENTIFIERS):
        return None
    return "ClientID, e-mail and phone missing: Metrica finds nobody by its id alone"
