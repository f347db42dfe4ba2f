"""The CRM as tests and the demo read it, while requests are served.

What accessors return are copies of frozen values: they do not change under the reader.
"""

from collections import Counter

from connector.sandbox.account import Account
from connector.sandbox.contacts import Contact
from connector.sandbox.orders import Order
from connector.sandbox.records import Ignored, PastEvent, Revenue, Seen, StoredEvent, Trigger


class Crm(Account):
    """One account; every method takes the lock."""

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
