"""What the file asks for and no API will refuse, though it may not be what is wanted: warnings of `check`."""

from collections.abc import Collection, Iterator, Mapping

from connector.core import targets
from connector.core.events import Fact
from connector.core.model import Kind
from connector.dialects.yespo_events import EVENT_KEYS
from connector.settings import Settings
from connector.settings.destinations import YespoSettings
from connector.settings.topic import TopicSettings
from connector.wiring.finding import Finding, Findings


def advise(settings: Settings) -> Findings:
    """From the file alone."""
    for name, chosen in settings.destinations.items():
        yield from (Finding("warning", line) for line in settings.capped(name))
        if isinstance(chosen, YespoSettings):
            yield from _segmentation(name, chosen, settings.topics_of(name))
            yield from _left_out(settings, name, chosen)


def _segmentation(name: str, chosen: YespoSettings, topics: Collection[TopicSettings]) -> Findings:
    """Yespo may drop past events of a type without it, under a 2xx that does not tell."""
    types: dict[str, None] = {}
    params: dict[str, None] = {}
    for topic in topics:
        if found := list(_past_types(chosen, topic)):
            types |= dict.fromkeys(found)
            params |= dict.fromkeys(topic.params)
    if types:
        seen = f"; only then segments see {', '.join(params)}" if params else ""
        yield Finding(
            "warning",
            f"destinations.{name}: sends past events of type {', '.join(types)}; "
            f"enable segmentation for each in the account beforehand, or Yespo drops them{seen}",
        )


def _past_types(chosen: YespoSettings, topic: TopicSettings) -> Iterator[str]:
    if topic.entity == "order" and chosen.orders_via == "past_events":
        yield from (EVENT_KEYS[kind] for kind in (Kind.ORDER_CREATED, Kind.ORDER_UPDATED))
    elif topic.entity == "order" and topic.on_snapshot == "past_events":
        yield EVENT_KEYS[Kind.ORDER_CREATED]
    elif topic.entity == "event" and "past_events" in (chosen.events_via, topic.on_snapshot):
        words = topic.values.get("eventType", {}).values()
        yield from (topic.event_type,) if topic.event_type else words or (f"(as told by {topic.name})",)


def _left_out(settings: Settings, name: str, chosen: YespoSettings) -> Findings:
    """Add orders has a fixed list of fields."""
    if chosen.orders_via != "add_orders":
        return
    for topic in settings.topics_of(name):
        if topic.entity == "order" and topic.params:
            place, left = f"topics[{settings.topics.index(topic)}].params", ", ".join(topic.params)
            yield Finding(
                "warning",
                f"{place}: {left} will not reach {name}: Add orders has no place for parameters; "
                "choose orders_via: add_orders_then_events, or take them out",
            )


def same_ids(settings: Settings, columns: Mapping[str, Collection[str]]) -> Findings:
    """Topics of custom events whose ids may meet: what has the id of another is taken for a duplicate.

    columns: of each topic whose schema is known.
    """
    identity = targets.targets(Fact)["eventId"]
    told: set[tuple[str, ...]] = set()
    for name in settings.destinations:
        topics = [topic for topic in settings.topics_of(name) if topic.entity == "event"]
        named = [
            topic.name for topic in topics if identity.path(topic.rules().fields, columns.get(topic.name, ()))
        ]
        if len(named) < 2 or tuple(named) in told:  # noqa: PLR2004 - two can meet
            continue
        told.add(tuple(named))
        yield Finding(
            "warning",
            f"fields.eventId: {', '.join(named)} have ids of their own; an id that is in two of them is sent "
            "once; map a column whose values no other topic has",
        )
