"""What is wrong between options that stand apart: a line each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connector.settings import kafka
from connector.settings.destinations import YespoSettings
from connector.settings.metrica import MetricaSettings
from connector.settings.topic import TopicSettings

if TYPE_CHECKING:
    from connector.settings import Settings


def problems(settings: "Settings") -> list[str]:
    """Every one of them."""
    return [*_cancellations(settings), *_types(settings), *_drains(settings), *_names(settings)]


def _names(settings: "Settings") -> list[str]:
    return [
        line
        for name, chosen in settings.destinations.items()
        if isinstance(chosen, MetricaSettings)
        for line in chosen.problems(f"destinations.{name}")
    ]


def _cancellations(settings: "Settings") -> list[str]:
    """A past event creates no order, so none can be cancelled."""
    return [
        f"topics[{index}].on_delete: cancel has no meaning for destinations.{name}, which sends past events; "
        "use ignore or dead-letter"
        for name, chosen in settings.destinations.items()
        if isinstance(chosen, YespoSettings) and chosen.orders_via == "past_events"
        for index, topic in enumerate(settings.topics)
        if topic.on_delete == "cancel" and topic in settings.topics_of(name)
    ]


def _types(settings: "Settings") -> list[str]:
    return [
        f"topics[{index}].event_type: {line}"
        for index, topic in enumerate(settings.topics)
        for line in _type(topic)
    ]


def _type(topic: TopicSettings) -> Iterator[str]:
    if topic.event_type is None:
        return
    if topic.entity != "event":
        yield f"has no meaning for entity {topic.entity}; remove it"
    elif "eventType" in topic.fields:
        yield "stands beside fields.eventType; keep one of them"


def _drains(settings: "Settings") -> list[str]:
    """A drain must end before the group expels the member."""
    patience = kafka.patience(settings.kafka)
    wanted = {"": settings.delivery} | {
        f"destinations.{name}.": chosen.delivery for name, chosen in settings.destinations.items()
    }
    return [
        f"{place}delivery.drain_seconds: is not below max.poll.interval.ms ({patience * 1000:.0f}); "
        "choose a shorter drain"
        for place, delivery in wanted.items()
        if delivery.drain_seconds is not None and delivery.drain_seconds >= patience
    ]
