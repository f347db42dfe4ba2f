"""The tour: on a few orders of their own, what Yespo can be told, as the CRM has it afterwards.

Read once: orders after their contacts, history as past events, a custom event. Then the past events of one
year are deleted, and all is read again: just these are sent again.
"""

from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from connector.demo.settings import DESTINATION, Topics
from connector.demo.verdict import STATUSES, ZONE
from connector.sandbox.crm import Crm
from connector.sandbox.orders import Order
from connector.sandbox.traffic_tour import CANCELLED, DISCOUNTED, ORDERS, PLACES, REVIEWS, YEARS
from connector.settings import Settings
from connector.wiring import past_events

DELETED: Final = YEARS[1]
TOPICS: Final[Topics] = [
    {
        "name": ORDERS,
        "entity": "order",
        "fields": {
            "externalOrderId": "order_no",
            "externalCustomerId": "customer_no",
            "totalCost": "total",
            "date": "placed_at",
            "items.externalItemId": "sku",
            "items.name": "title",
            "items.quantity": "qty",
            "items.cost": "price",
            "items.imageUrl": "image",
        },
        "values": {"status": STATUSES},
        "params": {"city": "city", "country": "country"},
        "totals": "distribute",
        "on_snapshot": "past_events",
    },
    {
        "name": REVIEWS,
        "entity": "event",
        "event_type": "reviewed",
        "fields": {"externalCustomerId": "customer_no", "occurred": "created_at"},
        "params": {"stars": "stars", "product": "product"},
    },
]


class Tour(Struct, frozen=True):
    """What the CRM was told. order, cancelled: the types of an order's events, in turn.

    contact_first: the order's contact was imported before its first event. lines: quantity and cost of its
    items. history: past events with city and country. workflows: started by all of it.
    deleted, left: past events of one year, and those that stayed; sent_again: by reading all once more.
    ignored: what was taken under a 2xx and dropped, in all.
    """

    contact_first: bool
    order: list[str]
    lines: list[str]
    total: str
    adds_up: bool
    cancelled: list[str]
    custom_events: int
    history: int
    workflows: int
    deleted: int
    left: int
    sent_again: int
    ignored: int

    @property
    def complete(self) -> bool:
        """Whether it is what it should be."""
        years, year = len(YEARS) * len(PLACES), len(PLACES)
        return (
            self.contact_first
            and self.adds_up
            and self.order == ["orderCreated", "orderUpdated", "orderDelivered"]
            and self.cancelled == ["orderCreated", "orderCancelled"]
            and (self.custom_events, self.history, self.workflows, self.ignored) == (1, years, 6, 0)
            and (self.deleted, self.left, self.sent_again) == (year, years - year, year)
        )


class Before(Struct, frozen=True):
    """The CRM's figures at some time."""

    past: int
    workflows: int


def before(crm: Crm) -> Before:
    """As they are now."""
    counts = crm.counts()
    return Before(counts["past_events"], counts["triggers"])


def delete_year(settings: Settings) -> None:
    """Delete the past events of one year, as `crm-connector past-events delete` does."""
    since, until = datetime(DELETED, 1, 1), datetime(DELETED, 12, 31, 23, 59)  # noqa: DTZ001 - of a wall
    past_events.delete(settings, DESTINATION, past_events.Span(since, until, ZoneInfo(ZONE)))


def tell(crm: Crm, begin: Before, sent: Before, deleted: Before) -> Tour:
    """begin: before the tour; sent: once all was read; deleted: without the year; now: read again."""
    order, total = crm.orders[DISCOUNTED], Decimal(str(crm.orders[DISCOUNTED].params["totalCost"]))
    lines = [(Decimal(str(line["quantity"])), Decimal(str(line["cost"]))) for line in order.items]
    return Tour(
        contact_first=_imported(crm, order) <= crm.history(DISCOUNTED)[0].at,
        order=[event.type_key for event in crm.history(DISCOUNTED)],
        lines=[f"{quantity} × {cost}" for quantity, cost in lines],
        total=str(total),
        adds_up=sum(quantity * cost for quantity, cost in lines) == total,
        cancelled=[event.type_key for event in crm.history(CANCELLED)],
        custom_events=sum(event.type_key == "reviewed" for event in crm.events),
        history=sum({"city", "country"} <= past.params.keys() for past in crm.past_events),
        workflows=crm.counts()["triggers"] - begin.workflows,
        deleted=sent.past - deleted.past,
        left=deleted.past - begin.past,
        sent_again=before(crm).past - deleted.past,
        ignored=crm.counts()["ignored"],
    )


def _imported(crm: Crm, order: Order) -> float:
    """When the import of the order's contact was finished."""
    key = order.params["externalCustomerId"]
    with crm.lock:
        done = [one for one in crm.imports.values() if any(sent.key == key for sent in one.applied)]
    return min((one.accepted + one.seconds for one in done), default=float("inf"))
