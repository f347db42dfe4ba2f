"""Whether topics that feed one entity count their versions by one clock (RULES 1), told by their records."""

from collections.abc import Callable, Mapping, Sequence

from connector import wiring
from connector.adapters.kafka_admin import KafkaAdmin
from connector.core.change import Change
from connector.core.envelope import Decoded
from connector.core.model import Record
from connector.settings import Settings
from connector.settings.topic import TopicSettings
from connector.wiring.finding import Finding, Findings

Decode = Callable[[Record], Decoded]


def check(settings: Settings, destination: str) -> Findings:
    """A line for each entity that several topics without `version` feed. Raises BrokerDown, RegistryDown."""
    feeding: dict[str, list[TopicSettings]] = {}
    for topic in settings.topics_of(destination):
        if topic.version == "auto" and topic.entity != "event":
            feeding.setdefault(topic.entity, []).append(topic)
    for entity, topics in feeding.items():
        if len(topics) > 1:
            clocks = {topic.name: clock_of(settings, topic) for topic in topics}
            place = f"topics[{settings.topics.index(topics[-1])}].version"
            yield _finding(place, entity, clocks)


def clock_of(settings: Settings, topic: TopicSettings) -> str | None:
    """What the newest change of a topic names as its clock; None: there is none to look at."""
    schemas = wiring.registry(settings)
    admin = KafkaAdmin(settings.kafka_client(), settings.kafka.group_id)
    try:
        return _clock(topic.name, admin.newest(topic.name), wiring.decoder(topic, schemas).decode)
    finally:
        admin.close()


def _clock(topic: str, records: Sequence[Record], decode: Decode) -> str | None:
    changes = [change for record in records if isinstance(change := decode(record), Change)]
    return (changes[-1].origin.clock or f"the topic {topic}") if changes else None


def _finding(place: str, entity: str, clocks: Mapping[str, str | None]) -> Finding:
    names = ", ".join(clocks)
    known = {clock for clock in clocks.values() if clock is not None}
    if len(known) > 1:
        remedy = "name the field that tells which change is newer"
        return Finding(
            "wrong", f"{place}: is missing, and {names} feed {entity}s by different clocks; {remedy}"
        )
    if None in clocks.values():
        remedy = "check again when each has one, or set version"
        return Finding("warning", f"{place}: {names} feed {entity}s, and not all have a change; {remedy}")
    return Finding("ok", f"{names}: feed {entity}s by one clock, {known.pop()}")
