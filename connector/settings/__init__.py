"""The configuration: a YAML file, overlaid by the environment, checked whole, frozen.

`load` either returns settings that can be run, or raises ConfigError with one line for each mistake.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec.structs import replace
from pydantic import Field, ValidationError

from connector.core import budget, targets
from connector.core.model import Entity
from connector.core.rules import TopicRules
from connector.errors import ConfigError
from connector.settings import file, kafka, relations
from connector.settings.destinations import DestinationSettings
from connector.settings.ledger import LedgerSettings
from connector.settings.limits import CAPS, SUPPORTED, USUAL
from connector.settings.metrica import MetricaSettings
from connector.settings.model import (
    DeadLetterSettings,
    DeliverySettings,
    KafkaSettings,
    LogSettings,
    RegistrySettings,
    ServerSettings,
)
from connector.settings.report import report
from connector.settings.topic import TopicSettings
from connector.settings.types import LaneName, Model, Secret, alternatives


class Settings(Model):
    """The whole configuration."""

    kafka: KafkaSettings
    schema_registry: RegistrySettings | None = None
    topics: Annotated[tuple[TopicSettings, ...], Field(min_length=1)]
    destinations: Annotated[dict[LaneName, DestinationSettings], Field(min_length=1)]
    ledger: LedgerSettings = LedgerSettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    delivery: DeliverySettings = DeliverySettings()
    server: ServerSettings = ServerSettings()
    log: LogSettings = LogSettings()
    history: Path | None = None

    def topics_of(self, destination: str) -> tuple[TopicSettings, ...]:
        """The topics that feed a destination: those it names, else every one whose entity it supports."""
        chosen = self.destinations[destination]
        if chosen.topics is not None:
            return tuple(topic for topic in self.topics if topic.name in chosen.topics)
        return tuple(topic for topic in self.topics if topic.entity in SUPPORTED[chosen.type])

    def group_of(self, destination: str) -> str:
        """The consumer group of a destination."""
        return f"{self.kafka.group_id}.{destination}"

    def delivery_of(self, destination: str) -> DeliverySettings:
        """`delivery` with the destination's own wishes, capped by what its API allows."""
        chosen = self.destinations[destination]
        wishes = chosen.delivery.model_dump(exclude_none=True)
        merged = {**self.delivery.model_dump(), **USUAL[chosen.type], **wishes}
        caps = {name: min(merged[name], cap) for name, cap in CAPS[chosen.type].items()}
        return DeliverySettings.model_validate(merged | caps)

    def drain_seconds_of(self, destination: str) -> float:
        """How long what is in flight may take to land, on a revocation or at the end."""
        return self.delivery_of(destination).drain_seconds or kafka.drain_seconds(self.kafka)

    def requests_per_day(self, destination: str) -> int | None:
        """What a destination's API allows a day, None where it does not count."""
        chosen = self.destinations[destination]
        return chosen.requests_per_day if isinstance(chosen, MetricaSettings) else None

    def rules_of(self, destination: str, topic: TopicSettings) -> TopicRules:
        """How a destination reads a topic.

        A snapshot of custom events is history: by default it goes where history goes, or nowhere (RULES 7).
        """
        rules, chosen = topic.rules(), self.destinations[destination]
        if isinstance(chosen, MetricaSettings):
            # To be unsubscribed from messages means nothing to Metrica.
            ignored = rules.on_delete == "unsubscribe"
            on_delete = "ignore" if ignored else rules.on_delete
            return replace(rules, params=chosen.params(topic.entity), on_delete=on_delete)
        if topic.entity != "event" or topic.on_snapshot != "update":
            return rules
        past = chosen.events_via == "past_events"
        return replace(rules, on_snapshot="past_events" if past else "skip")

    def secret_of(self, destination: str) -> Secret:
        """The API key or token of a destination, read anew at each `get`."""
        return self.destinations[destination].secret(f"destinations.{destination}")

    def kafka_client(self) -> dict[str, str]:
        """Properties of any Kafka client: servers and the configured ones, secrets read from their files."""
        return kafka.client_properties(self.kafka)

    def registry_client(self) -> dict[str, Any]:
        """Properties of the registry's client, secrets read from their files; empty without a registry."""
        return self.schema_registry.client() if self.schema_registry else {}

    def destination(self, name: str) -> DestinationSettings:
        """A destination by name. Raises ConfigError with those that there are."""
        if name in self.destinations:
            return self.destinations[name]
        raise ConfigError(
            f"{name}: is not a destination of this configuration; choose {', '.join(self.destinations)}"
        )


def load(path: Path, environment: Mapping[str, str], *, secrets: bool = True) -> Settings:
    """Read, overlay, check. Raises ConfigError with every mistake.

    secrets=False: do not ask whether secret files can be read (a file checked elsewhere than it runs).
    """
    tree, problems = file.overlay(file.read(path), environment)
    problems += kafka.problems(tree)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(*problems, *report(error, Settings, known=problems)) from None
    problems += _relations(settings) + (missing_secrets(settings) if secrets else [])
    if problems:
        raise ConfigError(*problems)
    return settings


def missing_secrets(settings: Settings) -> list[str]:
    """Secret files that cannot be read, a line each."""
    problems: list[str] = []
    reads: list[Callable[[], object]] = [secret.get for secret in _secrets(settings)]
    reads += [settings.kafka_client, *([settings.ledger.postgres_url] if settings.ledger.is_postgres else [])]
    for read in reads:
        try:
            read()
        except ConfigError as error:
            problems += error.problems
    return problems


def secret_values(settings: Settings) -> list[str]:
    """Every secret as it is now, to be masked in logs. Raises ConfigError: unreadable file."""
    client = settings.kafka_client()
    own = [secret.get() for secret in _secrets(settings)]
    if settings.ledger.is_postgres:
        own += settings.ledger.passwords()
    return own + [value for name, value in client.items() if kafka.is_secret(name)]


def _secrets(settings: Settings) -> list[Secret]:
    registry = settings.schema_registry
    keys = [settings.secret_of(name) for name in settings.destinations]
    return keys + [one for one in (registry.basic, registry.bearer) if one.given] if registry else keys


def _relations(settings: Settings) -> list[str]:
    return [
        *_same_names(settings),
        *_schemas(settings),
        *_mappings(settings),
        *_lanes(settings),
        *relations.problems(settings),
        *_budgets(settings),
    ]


def _budgets(settings: Settings) -> list[str]:
    totals = {settings.delivery_of(name).memory_bytes for name in settings.destinations}
    given = settings.kafka.properties
    return [line for total in sorted(totals) for line in budget.problems(total, given)]


def _same_names(settings: Settings) -> list[str]:
    names = [topic.name for topic in settings.topics]
    twice = [
        f"topics[{index}].name: {name} is there already; keep one entry a topic"
        for index, name in enumerate(names)
        if name in names[:index]
    ]
    letters = settings.dead_letters.topic
    own = [f"dead_letters.topic: {letters} is read as a topic; name another one"] if letters in names else []
    return twice + own


def _schemas(settings: Settings) -> list[str]:
    if settings.schema_registry:
        return []
    return [
        f"topics[{index}]: has no schema; add schema_registry: {{url: …}} or a schema_file to this topic"
        for index, topic in enumerate(settings.topics)
        if topic.schema_file is None
    ]


def _mappings(settings: Settings) -> list[str]:
    return [
        f"topics[{index}].{line}"
        for index, topic in enumerate(settings.topics)
        for line in targets.problems(topic.rules())
    ]


def _lanes(settings: Settings) -> list[str]:
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
            if topic.entity not in SUPPORTED[chosen.type]
        ]
        if not feeding and not unknown:
            wanted = alternatives(sorted(SUPPORTED[chosen.type]))
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


def _clocks(settings: Settings, feeding: tuple[TopicSettings, ...]) -> list[str]:
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
