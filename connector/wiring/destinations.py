"""A destination's dialects, from its configuration: a third one takes a builder of its own here."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from connector.adapters import logs
from connector.dialects.metrica import Metrica
from connector.dialects.metrica_options import MetricaOptions, Status
from connector.dialects.metrica_products import Products, Taken
from connector.dialects.yespo import Yespo, YespoOptions
from connector.dialects.yespo_custom import type_fault
from connector.dialects.yespo_locator import Locator
from connector.errors import ConfigError
from connector.ports import Destination
from connector.settings import Settings
from connector.settings import destination as settings_destination
from connector.settings.destinations import YespoSettings
from connector.settings.metrica import MetricaSettings
from connector.settings.topic import TopicSettings


def dialect(
    settings: Settings, name: str, known: Collection[bytes] = (), taken: Taken = lambda _: None
) -> Destination:
    """The destination's dialects. known, taken: products that it was told of, see Products.

    Raises ConfigError.
    """
    chosen, topics = settings.destination(name), settings.topics_of(name)
    if isinstance(chosen, MetricaSettings):
        return _metrica(name, chosen, topics, Products(chosen.counter_id, known, taken))
    return BUILDERS[type(chosen)](name, chosen, topics)


def counts_clients(settings: Settings, name: str) -> bool:
    """Whether it takes only so many orders of a client, and is told whose they are."""
    chosen = settings.destination(name)
    return isinstance(chosen, MetricaSettings) and chosen.orders_via == "orders"


def _metrica(
    name: str, chosen: MetricaSettings, topics: tuple[TopicSettings, ...], products: Products
) -> Metrica:
    statuses = {
        word: Status(one.id or word, one.type, one.humanized or word) for word, one in chosen.statuses.items()
    }
    options = MetricaOptions(
        counter_id=chosen.counter_id,
        name=name,
        statuses=statuses,
        time_zone=chosen.time_zone,
        identifiers=chosen.identifiers,
        merge_mode=chosen.merge_mode,
        upload=chosen.upload,
        delimiter=chosen.delimiter_type,
        orders_via=chosen.orders_via,
        products=chosen.products,
        contact_attributes=tuple(chosen.attributes.contact),
        order_attributes=tuple(chosen.attributes.order),
        topic_zones={topic.name: topic.time_zone for topic in topics},
        ensure=chosen.contacts.ensure,
        wait_seconds=chosen.contacts.wait_seconds,
    )

    def unlisted(count: int, why: str) -> None:
        logs.logger().warning(
            "products were refused; their orders go without", destination=name, products=count, why=why
        )

    return Metrica(options, unlisted, products)


def _yespo(name: str, chosen: YespoSettings, topics: tuple[TopicSettings, ...]) -> Yespo:
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


Topics: TypeAlias = tuple[TopicSettings, ...]
BUILDERS: Mapping[type[settings_destination.Destination], Callable[[str, Any, Topics], Destination]] = {
    YespoSettings: _yespo,
}
"""How the dialects of a type are made; those of Metrica know more."""
