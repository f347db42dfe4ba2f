"""What is wrong between options that stand apart: a line each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connector.core import budget, targets
from connector.core.model import Entity
from connector.settings import kafka
from connector.settings.destinations import DestinationSettings, YespoSettings
from connector.settings.metrica import MetricaSettings
from connector.settings.topic import TopicSettings
from connector.settings.types import alternatives

if TYPE_CHECKING:
    from connector.settings import Settings


def problems(settings: "Settings") -> list[str]:
    """Every one of them."""
    return [
        *_same_names(settings),
        *_schemas(settings),
        *_mappings(settings),
        *_lanes(settings),
        *_cancellations(settings),
        *_types(settings),
        *kafka.impatience(settings.kafka),
        *_drains(settings),
        *_names(settings),
        *_budgets(settings),
    ]


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


def _budgets(settings: "Settings") -> list[str]:
    totals = {settings.delivery_of(name).memory_bytes for name in settings.destinations}
    given = settings.kafka.properties
    return [line for total in sorted(totals) for line in budget.problems(total, given)]


def _same_names(settings: "Settings") -> list[str]:
    names = [topic.name for topic in settings.topics]
    twice = [
        f"topics[{index}].name: {name} is there already; keep one entry a topic"
        for index, name in enumerate(names)
        if name in names[:index]
    ]
    letters = settings.dead_letters.topic
    own = [f"dead_letters.topic: {letters} is read as a topic; name another one"] if letters in names else []
    return twice + own


def _schemas(settings: "Settings") -> list[str]:
    if settings.schema_registry:
        return []
    return [
        f"topics[{index}]: has no schema; add schema_registry: {{url: …}} or a schema_file to this topic"
        for index, topic in enumerate(settings.topics)
        if topic.schema_file is None
    ]


def _mappings(settings: "Settings") -> list[str]:
    return [
        f"topics[{index}].{line}"
        for index, topic in enumerate(settings.topics)
        for line in targets.problems(topic.rules())
    ]


def _lanes(settings: "Settings") -> list[str]:
    names = {topic.name for topic in settings.topics}
    problems = []
    for lane, chosen in settings.destinations.items():
        place = f"destinations.{lane}.topics"
        unknown = [name for name in chosen.topics or () if name not in names]
        problems += [
            f"{place}: {name} is not in topics; add it there, or take it out here" for name in unknown
        ]
        feeding = settings.topics_of(lane)
        problems += [
            f"{place}: {topic.name} is of {topic.entity}s, which {chosen.type} does not take; take it out"
            for topic in feeding
            if topic.entity not in chosen.takes
        ]
        if not feeding and not unknown:
            wanted = alternatives(sorted(chosen.takes))
            problems.append(f"{place}: is empty; name a topic whose entity is {wanted}")
        problems += _clocks(settings, feeding) + _contactless(lane, chosen, feeding)
    return list(dict.fromkeys(problems))


def _contactless(lane: str, chosen: DestinationSettings, feeding: tuple[TopicSettings, ...]) -> list[str]:
    """Orders whose contacts would come from nowhere."""
    if (
        chosen.contacts.ensure != "never"
        or not feeding
        or any(topic.entity == "contact" for topic in feeding)
    ):
        return []
    what = f"is never, and no topic of contacts feeds {lane}; add one, or choose unknown"
    return [f"destinations.{lane}.contacts.ensure: {what}"]


def _clocks(settings: "Settings", feeding: tuple[TopicSettings, ...]) -> list[str]:
    """Two topics of one entity whose records surely name no common clock need a `version` (RULES 1)."""
    firsts: dict[Entity | str, str] = {}
    problems = []
    for topic in feeding:
        if topic.entity == "event" or topic.version != "auto" or topic.envelope not in {"plain", "flat"}:
            continue
        first = firsts.setdefault(topic.entity, topic.name)
        if first != topic.name:
            problems.append(
                f"topics[{settings.topics.index(topic)}].version: is missing, and {first} feeds "
                f"{topic.entity}s too; name the field that tells which change is newer"
            )
    return problems
