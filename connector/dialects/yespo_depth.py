"""How much of an event Yespo cannot look into: it parses a value to the second level inclusive, and keeps
what is deeper as text. The connector writes that text itself (`yespo_events.bounded`), and counts it.
"""

from msgspec import UNSET

from connector.core.events import Contact, Event, Item, Order
from connector.core.model import Json

LEVELS = 2
"""Of a parameter's value; an item is an object in an array, so its own values have none left."""


def deep_values(event: Event) -> int:
    """How many values of an event are sent as their JSON text."""
    body = event.body
    if isinstance(body, Order):
        found = sum(_deep(value) for value in (body.params or {}).values()) if body.params else 0
        if body.additional_info:
            found += _deep(body.additional_info)
        return found + sum(_in_item(item) for item in body.items or () if item.extra is not UNSET)
    return _flat(body.fields) if isinstance(body, Contact) and body.fields else 0


def _in_item(item: Item) -> int:
    return _flat(item.extra) if item.extra else 0


def _flat(values: object) -> int:
    return (
        sum(isinstance(value, (list, dict)) for value in values.values()) if isinstance(values, dict) else 0
    )


def _deep(value: Json, levels: int = LEVELS) -> int:
    if not isinstance(value, (list, dict)):
        return 0
    if levels == 0:
        return 1
    parts = value if isinstance(value, list) else value.values()
    return sum(_deep(part, levels - 1) for part in parts)
