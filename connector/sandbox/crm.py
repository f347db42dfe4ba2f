"""The CRM's state: contacts, orders, the event log, and what was ignored and why. No I/O.

Every public method takes the lock, so tests and the demo read while requests are served. What accessors
return are copies of frozen values: they do not change under the reader.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.contacts import FIELDS, Contact, ContactBook, Sent
from connector.sandbox.events import Incoming, locate, occurred_of
from connector.sandbox.imports import Import
from connector.sandbox.options import Options
from connector.sandbox.orders import ORDER_EVENTS, Order, OrderBook
from connector.sandbox.records import Ignored, PastEvent, Revenue, Seen, StoredEvent, Trigger

LAST_REQUESTS = 200


class Crm:
    """One account."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        self.options = options
        self.clock = clock
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """An empty account."""
        with self.lock:
            self.contact_book = ContactBook(keep_dedupe_field=self.options.keep_dedupe_field)
            self.order_book = OrderBook()
            self.imports: dict[str, Import] = {}
            self._waiting: list[Import] = []
            self._events: list[StoredEvent] = []
            self._past: list[PastEvent] = []
            self._ignored: list[Ignored] = []
            self._triggers: list[Trigger] = []
            self._seen: deque[Seen] = deque(maxlen=LAST_REQUESTS)
            self._answers: Counter[tuple[str, int]] = Counter()
            self.failing: set[str] = set()
            self.broken_imports = 0

    # --- what tests and the demo read ---

    @property
    def contacts(self) -> dict[str, Contact]:
        """Contacts by externalCustomerId (those without one: `all_contacts`)."""
        return {contact.external_id: contact for contact in self.all_contacts if contact.external_id}

    @property
    def all_contacts(self) -> list[Contact]:
        """Every contact, oldest first."""
        with self.lock:
            self.settle()
            return list(self.contact_book.by_id.values())

    @property
    def orders(self) -> dict[str, Order]:
        """Orders by externalOrderId."""
        with self.lock:
            return dict(self.order_book.by_key)

    @property
    def events(self) -> list[StoredEvent]:
        """Accepted live events, in order."""
        with self.lock:
            return list(self._events)

    @property
    def past_events(self) -> list[PastEvent]:
        """Accepted past events, in order."""
        with self.lock:
            return list(self._past)

    @property
    def ignored(self) -> list[Ignored]:
        """What was answered with a 2xx and dropped."""
        with self.lock:
            return list(self._ignored)

    @property
    def triggers(self) -> list[Trigger]:
        """Workflows started, in order."""
        with self.lock:
            return list(self._triggers)

    @property
    def requests(self) -> list[Seen]:
        """The last requests, newest last."""
        with self.lock:
            return list(self._seen)

    @property
    def answers(self) -> Counter[tuple[str, int]]:
        """How many answers by (resource, status), e.g. ("event", 200)."""
        with self.lock:
            return Counter(self._answers)

    def contact(self, field: str, value: object) -> Contact | None:
        """A contact by externalCustomerId, email, sms or id."""
        with self.lock:
            self.settle()
            return self.contact_book.find(field, value)

    def history(self, external_order_id: str) -> list[StoredEvent]:
        """All events of an order, in order."""
        with self.lock:
            order = self.order_book.by_key.get(external_order_id)
            return [] if order is None else [self._events[number - 1] for number in order.events]

    def revenue(self) -> dict[int, Revenue]:
        """The RFM table by contact id: DELIVERED orders only."""
        table: dict[int, Revenue] = {}
        for order in self.orders.values():
            if order.status == "DELIVERED":
                row = table.get(order.contact_id, Revenue(0, 0.0, ""))
                recent = max(row.recent, str(order.params["date"]))
                table[order.contact_id] = Revenue(row.orders + 1, row.total + order.total, recent)
        return table

    def counts(self) -> dict[str, int]:
        """How much of everything there is."""
        with self.lock:
            self.settle()
            return {
                "contacts": len(self.contact_book.by_id),
                "orders": len(self.order_book.by_key),
                "events": len(self._events),
                "past_events": len(self._past),
                "ignored": len(self._ignored),
                "triggers": len(self._triggers),
                "requests": sum(self._answers.values()),
            }

    # --- what requests do; the caller holds the lock ---

    def settle(self) -> None:
        """Finish the imports whose time has come, in the order they were accepted."""
        if self._waiting:
            now = self.clock()
            due = [each for each in self._waiting if each.status(now) in {"FINISHED", "ERROR"}]
            self._waiting = [each for each in self._waiting if each not in due]
            for each in due:
                self._finish(each)

    def start(self, session: Import) -> None:
        """Accept an import; it is seen once FINISHED."""
        session.seconds = self.options.import_seconds
        session.broken = self.broken_imports > 0
        self.broken_imports = max(0, self.broken_imports - 1)
        self.imports[session.id] = session
        self._waiting.append(session)
        self.settle()

    def live(self, incoming: Incoming) -> None:
        """A live event: stored, or ignored with a reason."""
        self.settle()
        contact = locate(incoming, self.contact_book, self.options)
        if contact is None:
            self._ignore("event", incoming, "unknown contact")
        elif incoming.type_key not in ORDER_EVENTS:
            self.store(incoming, contact.id, "event")
        elif reason := self.order_book.apply(incoming, contact.id, len(self._events) + 1):
            self._ignore("event", incoming, reason)
        else:
            self.store(incoming, contact.id, "event")

    def past(self, incoming: Incoming, body: Mapping[str, Any]) -> str:
        """A past event: kept as often as it is sent; starts no workflow. Returns the vendor's status."""
        self.settle()
        segmented = self.options.segmented
        if segmented is not None and incoming.type_key not in segmented:
            self._ignore("past_events", incoming, "segmentation is not enabled")
            return "EVENT_SEGMENTATION_DISABLED"
        contact = locate(incoming, self.contact_book, self.options)
        if contact is None:
            self._ignore("past_events", incoming, "unknown contact")
        else:
            occurred = occurred_of(body) or ""
            self._past.append(
                PastEvent(incoming.type_key, incoming.key_value, incoming.params, contact.id, occurred)
            )
        return "ACCEPTED"

    def forget(self, since: str, until: str) -> int:
        """Remove past events by their occurrence alone, both ends included; returns how many."""
        kept = [event for event in self._past if not since <= event.occurred <= until]
        removed = len(self._past) - len(kept)
        self._past = kept
        return removed

    def add_order(self, raw: Mapping[str, Any]) -> Order:
        """Add orders: an upsert and an event order<STATUS>. A known contact is not changed."""
        self.settle()
        contact = self._contact_of(raw)
        order = self.order_book.add(raw, contact.id, len(self._events) + 1)
        self.store(
            Incoming(f"order{order.status}", order.external_id, dict(order.params)), contact.id, "orders"
        )
        return order

    def store(self, incoming: Incoming, contact_id: int, source: str) -> None:
        """Write to the event log, which starts a workflow."""
        number = len(self._events) + 1
        params = incoming.params
        self._events.append(
            StoredEvent(
                number, incoming.type_key, incoming.key_value, params, contact_id, self.clock(), source
            )
        )
        order = params.get("externalOrderId")
        self._triggers.append(
            Trigger(number, incoming.type_key, contact_id, None if order is None else str(order))
        )

    def saw(self, resource: str, seen: Seen) -> None:
        """Log a request."""
        with self.lock:
            self._seen.append(seen)
            self._answers[resource, seen.status] += 1

    def _ignore(self, resource: str, incoming: Incoming, reason: str) -> None:
        self._ignored.append(Ignored(resource, incoming.type_key, reason, incoming.params, self.clock()))

    def _finish(self, session: Import) -> None:
        if not session.broken:
            for contact in session.apply(self.contact_book):
                if session.event_key:
                    self.store(_arrival(session.event_key, contact), contact.id, "contacts")

    def _contact_of(self, order: Mapping[str, Any]) -> Contact:
        """Found by externalCustomerId, e-mail or phone; else made from the order."""
        book = self.contact_book
        for name, field in (("externalCustomerId",) * 2, ("email",) * 2, ("phone", "sms")):
            if order.get(name) and (found := book.find(field, order[name])):
                return found
        values = {name: order[name] for name in FIELDS if order.get(name)}
        if order.get("phone"):
            values["sms"] = str(order["phone"])
        return book.add(Sent(values, {}))


def _arrival(type_key: str, contact: Contact) -> Incoming:
    """The event of a new contact."""
    params = {"contactId": contact.id, "EmailAddress": contact.email or "", "SMS": contact.phone or ""}
    return Incoming(type_key, contact.email or contact.phone or str(contact.id), params)
