"""A destination's dialects, from its configuration."""

from connector.dialects.yespo import Yespo, YespoOptions
from connector.dialects.yespo_custom import type_fault
from connector.dialects.yespo_locator import Locator
from connector.errors import ConfigError
from connector.ports import Destination
from connector.settings import Settings
from connector.settings.destinations import YespoSettings


def dialect(settings: Settings, name: str) -> Destination:
    """The destination's dialects. Raises ConfigError."""
    chosen, topics = settings.destination(name), settings.topics_of(name)
    if not isinstance(chosen, YespoSettings):
        raise ConfigError(f"destinations.{name}: is not available in this version")
    faults = [
        f"topics {t.name}: {fault}; choose another"
        for t in topics
        if t.event_type is not None and (fault := type_fault(t.event_type))
    ]
    locator = Locator(chosen.locator.parameter, chosen.locator.field) if chosen.locator else None
    if locator and (fault := locator.fault(param for t in topics for param in t.params)):
        faults.append(f"destinations.{name}.locator.parameter: {fault}")
    if faults:
        raise ConfigError(*faults)
    options = YespoOptions(
        name=name,
        orders_via=chosen.orders_via,
        time_zone=chosen.time_zone,
        in_doubt=chosen.in_doubt,
        events_via=chosen.events_via,
        ensure=chosen.contacts.ensure,
        wait_seconds=chosen.contacts.wait_seconds,
        cancel_by_key=chosen.cancel_by_key,
        locator=locator,
        past_snapshots=frozenset(t.name for t in topics if t.on_snapshot == "past_events"),
        string_items=frozenset(t.name for t in topics if t.items_as == "string"),
    )
    return Yespo(options)
