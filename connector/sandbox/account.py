"""The CRM's state, and what requests do to it: contacts, orders, events, what is ignored and why. No I/O.

The caller holds the lock.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.accepted import Accepted, Sink
from connector.sandbox.contacts import FIELDS, Contact, ContactBook, Sent
from connector.sandbox.events import Incoming, locate, occurred_of
from connector.sandbox.imports import Import
from connector.sandbox.options import Options
from connector.sandbox.orders import ORDER_EVENTS, Order, OrderBook
from connector.sandbox.records import Ignored, PastEvent, Seen, StoredEvent, Trigger

LAST_REQUESTS = 200


class Account:
    """One account. on_accepted: told of every acceptance. answering: the sender of this request is told."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        self.options = options
        self.clock = clock
        self.lock = threading.RLock()
        self.on_accepted: Sink = lambda _: None
        self.answering = True
        self.reset()

    def reset(self) -> None:
        """An empty account."""
        with self.lock:
            self.contact_book = ContactBook(
                keep_dedupe_field=self.options.keep_dedupe_field,
                takes_over=self.options.takes_over,
                moves_channels=self.options.shared_channel == "moved",
            )
            self.order_book = OrderBook(cancel_by_key=self.options.cancel_by_key)
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
        session.seconds, session.answered = self.options.import_seconds, self.answering
        session.broken = self.broken_imports > 0
        session.strict = self.options.shared_channel == "refused"
        session.listed = self.options.new_contact_fields == "listed"
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
        """A past event: kept as often as it is sent; starts no workflow. Returns the vendor's status.

        Where the answer tells it, what is not taken is not ignored.
        """
        self.settle()
        segmented = self.options.segmented
        if segmented is not None and incoming.type_key not in segmented:
            if not self.options.past_results:
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
            self._accept_order(incoming.params, "past_events")
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
        self._accept_order(params, source)

    def saw(self, resource: str, seen: Seen) -> None:
        """Log a request."""
        with self.lock:
            self._seen.append(seen)
            self._answers[resource, seen.status] += 1

    def accept_contact(self, key: str, rev: str | None, resource: str) -> None:
        """Tell of a contact that was written just now."""
        self.on_accepted(Accepted(self.clock(), "contact", key, rev, resource, not self.answering))

    def _accept_order(self, params: Mapping[str, Any], resource: str) -> None:
        """Tell of an event of an order."""
        key, rev = params.get("externalOrderId"), params.get("rev")
        if key is not None:
            text = None if rev is None else str(rev)
            self.on_accepted(Accepted(self.clock(), "order", str(key), text, resource, not self.answering))

    def _ignore(self, resource: str, incoming: Incoming, reason: str) -> None:
        self._ignored.append(Ignored(resource, incoming.type_key, reason, incoming.params, self.clock()))

    def _finish(self, session: Import) -> None:
        if not session.broken:
            for contact in session.apply(self.contact_book):
                if session.event_key:
                    self.store(_arrival(session.event_key, contact), contact.id, "contacts")
            at = session.accepted + session.seconds
            for sent in session.applied:
                key, rev = sent.key, sent.values.get("firstName")
                self.on_accepted(Accepted(at, "contact", key, rev, "contacts", not session.answered))

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
