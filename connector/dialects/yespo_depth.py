"""How much of an event Yespo cannot look into: it parses a value to the second level inclusive, and keeps
what is deeper as text. The connector writes that text itself (`yespo_events.bounded`), and counts it.
"""

from collections.abc import Mapping

from connector.core.events import Contact, Event, Order
from connector.core.model import Json

LEVELS = 2
"""Of a parameter's value; an item is an object in an array, so its own values have none left."""


def deep_values(event: Event) -> int:
    """How many values of an event are sent as their JSON text."""
    body = event.body
    if type(body) is Contact:
        return _flat(body.fields or {})
    found = sum(_deep(value) for value in body.params.values()) if body.params else 0
    if type(body) is not Order:
        return found
    if body.additional_info:
        found += _deep(body.additional_info)
    for item in body.items or ():
        if item.extra:
            found += _flat(item.extra)
    return found


def _flat(values: Mapping[str, Json]) -> int:
    return sum(isinstance(value, (list, dict)) for value in values.values())


def _deep(value: Json, levels: int = LEVELS) -> int:
    if not isinstance(value, (list, dict)):
        return 0
    if levels == 0:
        return 1
    parts = value if isinstance(value, list) else value.values()
    return sum(_deep(part, levels - 1) for part in parts)
