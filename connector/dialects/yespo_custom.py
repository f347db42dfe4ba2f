"""Custom events: any type of the account's own, live or past; the contact first, as for orders.

The types of orders are theirs: as a custom event one would go past the guard that keeps an order's versions
in turn. A parameter may have any name but one that would make Yespo look for another contact.
"""

from datetime import datetime, tzinfo
from typing import Final

from connector.core.events import Fact
from connector.core.lots import Lot
from connector.dialects.yespo_check import (
    contact_fault,
    event_key_fault,
    first_locator,
    params_fault,
    time_fault,
)
from connector.dialects.yespo_events import EVENT_KEYS

LOT: Final = Lot("custom_events", "", 1, "hold")
_OWN: Final = frozenset({"externalcustomerid", "email", "phone"})
_ORDERS: Final = frozenset(EVENT_KEYS.values())


def type_fault(event_type: str) -> str | None:
    """Why this cannot be the type of a custom event."""
    if event_type in _ORDERS:
        return "event_type is an order's: map the orders with entity: order"
    fault = event_key_fault(event_type)
    return fault and fault.replace("eventTypeKey", "event_type", 1)


def fault(fact: Fact, zone: tzinfo, *, past: bool) -> str | None:
    """Why Yespo would refuse or ignore it."""
    if past and not isinstance(fact.occurred, datetime):
        return "occurred missing: a past event has to tell when it was; map fields.occurred"
    params = params_fault(tuple(fact.params), first_locator(fact), _OWN) if fact.params else None
    return (
        type_fault(fact.event_type or "")
        or contact_fault(fact)
        or time_fault("occurred", fact.occurred, zone)
        or params
    )
