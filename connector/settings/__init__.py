"""The configuration: a YAML file, overlaid by the environment, checked whole, frozen.

`load` either returns settings that can be run, or raises ConfigError with one line for each mistake.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from connector.core.rules import TopicRules
from connector.errors import ConfigError
from connector.settings import file, kafka, relations
from connector.settings.destinations import DestinationSettings
from connector.settings.ledger import LedgerSettings
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
from connector.settings.types import LaneName, Model, Secret


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
    tracing: bool = False

    def topics_of(self, destination: str) -> tuple[TopicSettings, ...]:
        """The topics that feed a destination: those it names, else every one whose entity it supports."""
        chosen = self.destinations[destination]
        if chosen.topics is not None:
            return tuple(topic for topic in self.topics if topic.name in chosen.topics)
        return tuple(topic for topic in self.topics if topic.entity in chosen.takes)

    def group_of(self, destination: str) -> str:
        """The consumer group of a destination."""
        return f"{self.kafka.group_id}.{destination}"

    def delivery_of(self, destination: str) -> DeliverySettings:
        """`delivery` with the destination's own wishes, capped by what its API allows."""
        chosen = self.destinations[destination]
        wishes = chosen.delivery.model_dump(exclude_none=True)
        merged = {**self.delivery.model_dump(), **chosen.usual, **wishes}
        caps = {name: min(merged[name], cap) for name, cap in chosen.caps.items()}
        return DeliverySettings.model_validate(merged | caps)

    def capped(self, destination: str) -> list[str]:
        """What is wished for beyond what its API allows, a line each: `delivery_of` has less."""
        chosen = self.destinations[destination]
        lines = []
        for name, cap in chosen.caps.items():
            own, place = getattr(chosen.delivery, name), f"destinations.{destination}.delivery"
            if own is None and name in self.delivery.model_fields_set and name not in chosen.usual:
                own, place = getattr(self.delivery, name), "delivery"
            if own is not None and own > cap:
                lines.append(
                    f"{place}.{name}: is {own:g}, more than {chosen.type} takes; {cap:g} is in force"
                )
        return lines

    def drain_seconds_of(self, destination: str) -> float:
        """How long what is in flight may take to land, on a revocation or at the end."""
        return self.delivery_of(destination).drain_seconds or kafka.drain_seconds(self.kafka)

    def requests_per_day(self, destination: str) -> int | None:
        """What a destination's API allows a day, None where it does not count."""
        chosen = self.destinations[destination]
        return chosen.requests_per_day if isinstance(chosen, MetricaSettings) else None

    def rules_of(self, destination: str, topic: TopicSettings) -> TopicRules:
        """How a destination reads a topic."""
        return self.destinations[destination].rules(topic)

    def secret_of(self, destination: str) -> Secret:
        """The API key or token of a destination, read anew at each `get`."""
        return self.destinations[destination].secret(f"destinations.{destination}")

    def kafka_client(self) -> dict[str, str]:
        """Properties of any Kafka client: servers and the configured ones, secrets read from their files."""
        return kafka.client_properties(self.kafka)

    def registry_client(self) -> dict[str, Any]:
        """Options of the registry's client; empty without a registry."""
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

    secrets=False: do not ask whether secret files can be read, nor what is installed: the file is checked
    elsewhere than it runs.
    """
    tree, problems = file.overlay(file.read(path), environment)
    problems += kafka.problems(tree, secrets=secrets)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(*problems, *report(error, Settings, known=problems)) from None
    problems += relations.problems(settings)
    problems += missing_secrets(settings) + _missing_extra(settings) if secrets else []
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


def _missing_extra(settings: Settings) -> list[str]:
    try:
        there = not settings.tracing or find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        there = False
    remedy = "install crm-connector[otel], or leave tracing out"
    return [] if there else [f"tracing: needs the extra otel, which is not installed; {remedy}"]


def secret_values(settings: Settings, *, readable: bool = False) -> list[str]:
    """Every secret as it is now, to be masked in logs.

    readable: those alone that can be read. Raises ConfigError: unreadable file.
    """
    reads: list[Callable[[], list[str]]] = [lambda one=one: [one.get()] for one in _secrets(settings)]  # type: ignore[misc]
    reads.append(lambda: [value for name, value in settings.kafka_client().items() if kafka.is_secret(name)])
    reads += [settings.ledger.passwords] if settings.ledger.is_postgres else []
    found: list[str] = []
    for read in reads:
        try:
            found += read()
        except ConfigError:
            if not readable:
                raise
    return found


def _secrets(settings: Settings) -> list[Secret]:
    registry = settings.schema_registry
    keys = [settings.secret_of(name) for name in settings.destinations]
    return keys + [one for one in (registry.basic, registry.bearer) if one.given] if registry else keys
