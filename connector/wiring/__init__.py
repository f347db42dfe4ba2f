"""The composition root: the only module, with `wiring_*`, that names concrete adapters."""

import time
from collections.abc import Callable

import structlog

from connector.adapters import schema_file
from connector.adapters.dead_letters import KafkaDeadLetters
from connector.adapters.dead_letters_topic import ensure_topic
from connector.adapters.http_httpx2 import Httpx2Http
from connector.adapters.http_options import HttpOptions
from connector.adapters.http_wire import WireHttp
from connector.adapters.kafka_source import KafkaSource
from connector.adapters.ledger_metered import MeteredLedger
from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_postgres_quota import PostgresQuotas
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.adapters.registry import Registry
from connector.core.brake import Brake
from connector.core.budget import share
from connector.core.decode import Decoder
from connector.core.mapping import Mapper
from connector.core.plan import Plan
from connector.courier import Courier, CourierOptions, Edges
from connector.errors import ConfigError
from connector.lane.dispatch import Dispatch, Own
from connector.lane.intake import Intake, Reading
from connector.lane.lane import Lane
from connector.lane.outages import Outages
from connector.lane.partitions import Partitions
from connector.lane.parts import Parts
from connector.ports import Clock, DeadLetters, Destination, History, Http, Ledger, Log, Meter
from connector.recording import Unrecorded, recorder
from connector.service import Running, Service
from connector.settings import Settings
from connector.settings.topic import TopicSettings
from connector.wiring.daily import LONGEST, Thrift
from connector.wiring.destinations import dialect

LEASE_SLACK = 30.0
"""Seconds that a claim's lease outlasts a request's deadline: so long may the ledger be away (RULES 2)."""


class SystemClock:
    """The machine's clocks (ports.Clock), with no call of ours around them: each record asks them."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


def build(
    settings: Settings,
    meter: Meter,
    only: str | None = None,
    *,
    embedded: bool = False,
    history: History | None = None,
) -> Service:
    """The service of one process. only: one destination's lane. history: what it does is written there.

    embedded: the broker is librdkafka's own, which can neither describe nor create topics.
    Raises ConfigError; LedgerDown, Fatal for the ledger.
    """
    names = [only] if only else list(settings.destinations)
    for name in names:
        settings.destination(name)
    clock, log = SystemClock(), structlog.get_logger("connector")
    schemas = registry(settings)
    tapes = {name: recorder(history, name, clock) for name in names}
    lanes = [
        _Assembly(settings, name, clock, meter, log, tapes[name]).lane(schemas, embedded=embedded)
        for name in names
    ]
    budget = max(settings.drain_seconds_of(name) for name in names) + 5.0
    return Service(lanes, clock, log, budget)


def registry(settings: Settings) -> Registry | None:
    """The registry's client, None where the topics have schema files."""
    properties = settings.registry_client()
    return Registry(properties, reread=settings.registry_client) if properties else None


def ledger(settings: Settings, destination: str) -> SqliteLedger | PostgresLedger:
    """The ledger, scoped to a destination. Raises ConfigError, LedgerDown, Fatal."""
    if settings.ledger.is_postgres:
        lease = settings.delivery_of(destination).request_timeout_seconds + LEASE_SLACK
        days = settings.ledger.retention_days
        return PostgresLedger(settings.ledger.postgres_url, destination, lease=lease, retention_days=days)
    path = settings.ledger.sqlite_path
    if not path.parent.is_dir():
        raise ConfigError(f"ledger.url: {path.parent} does not exist; create it or mount a volume there")
    return SqliteLedger(path, destination, retention_days=settings.ledger.retention_days)


def http(settings: Settings, destination: str) -> Http:
    """A destination's HTTP client; its secret is read again after a refusal."""
    secret, chosen = settings.secret_of(destination), settings.destination(destination)
    secret.get()  # a missing file is a mistake now, and an outage later

    def credentials() -> dict[str, str]:
        try:
            token = secret.get()
        except ConfigError as error:
            raise OSError(str(error)) from error
        return {"authorization": chosen.authorization(token)}

    delivery = settings.delivery_of(destination)
    options = HttpOptions(base_url=chosen.url, connections=delivery.in_flight, proxy=chosen.proxy)
    return (Httpx2Http if options.proxy else WireHttp)(options, credentials)


def decoder(topic: TopicSettings, schemas: Registry | None) -> Decoder:
    """Reads one topic."""
    if topic.schema_file is not None:
        return Decoder(topic.rules(), fixed=schema_file.load(topic.schema_file))
    if schemas is None:
        raise ConfigError(f"topics {topic.name}: needs schema_registry or a schema_file of its own")
    return Decoder(topic.rules(), schemas)


def show_quota(settings: Settings, destination: str, meter: Meter) -> None:
    """Export how many requests a day the destination allows, where it limits them."""
    quota = settings.requests_per_day(destination)
    if quota is not None:
        meter.set("daily_quota_requests", quota, destination=destination)


class _Assembly:
    """Makes one lane of its parts."""

    def __init__(
        self, settings: Settings, name: str, clock: Clock, meter: Meter, log: Log, tape: Unrecorded
    ) -> None:
        self._settings, self._name, self._tape = settings, name, tape
        self._clock, self._meter, self._log = clock, meter, log
        self._delivery = settings.delivery_of(name)
        self._topics = settings.topics_of(name)
        self._budget = share(self._delivery.memory_bytes, settings.kafka.properties)
        self._thrift = Thrift(name, self._delivery.linger_ms / 1000, clock, meter)

    def lane(self, schemas: Registry | None, *, embedded: bool) -> Running:
        """The lane, not reading yet."""
        settings, name, tape = self._settings, self._name, self._tape
        show_quota(settings, name, self._meter)
        inner = ledger(settings, name)
        store = MeteredLedger(tape.ledger(inner), name, self._meter)
        destination = tape.destination(dialect(settings, name))
        client = tape.http(self._thrift.client(settings, http(settings, name)))
        edges = Edges(destination, client, self._clock, self._meter, store.lease_left, self._quotas(inner))
        courier = Courier(edges, self._courier_options())
        letters = KafkaDeadLetters(settings.kafka_client(), settings.dead_letters.topic)
        lane = self._assemble(destination, courier, store, tape.letters(letters), schemas)
        return Running(lane, self._opener(lane, courier, embedded=embedded), _closer(courier, store, letters))

    def _assemble(
        self,
        destination: Destination,
        courier: Courier,
        store: Ledger,
        letters: DeadLetters,
        schemas: Registry | None,
    ) -> Lane:
        settings, clock, meter, brake = self._settings, self._clock, self._meter, self._brake()
        partitions = Partitions(self._name, store, clock, meter, settings.kafka.start)
        books = self._tape.books(self._name, partitions, brake, clock, meter)
        plan = Plan(
            batch_events=self._delivery.batch_events,
            batch_bytes=self._delivery.batch_bytes,
            linger=self._delivery.linger_ms / 1000,
        )
        self._thrift.guide(plan)
        dispatch = Dispatch(destination, courier, store, letters, Own(plan, books, partitions, clock))
        readers = {t.name: Reading(decoder(t, schemas), self._mapper(t), t.totals) for t in self._topics}

        def find_key(row: str) -> str | None:
            return plan.key_of(row) or store.keys_of([row])[0]

        parts = Parts(
            intake=Intake(readers, destination, find_key, meter),
            plan=plan,
            dispatch=dispatch,
            courier=courier,
            partitions=partitions,
            books=books,
            brake=brake,
            outages=Outages(self._name, clock, meter, self._log),
            clock=clock,
            meter=meter,
        )
        seconds = settings.drain_seconds_of(self._name)
        return Lane(self._name, parts, budget=self._budget, drain_seconds=seconds)

    def _mapper(self, topic: TopicSettings) -> Mapper:
        return Mapper(self._settings.rules_of(self._name, topic))

    def _opener(self, lane: Lane, courier: Courier, *, embedded: bool) -> Callable[[], None]:
        settings, name = self._settings, self._name
        properties, topics = settings.kafka_client(), [t.name for t in self._topics]
        letters = settings.dead_letters

        def start() -> None:
            if not embedded:
                ensure_topic(properties, letters.topic, topics, create=letters.create)
            group, budget = settings.group_of(name), self._budget
            members = self._tape.members(lane)
            source = KafkaSource(properties, group, topics, members, budget=budget, topic_ids=not embedded)
            lane.attach(self._tape.source(source))
            courier.start()

        return start

    def _courier_options(self) -> CourierOptions:
        return CourierOptions(
            in_flight=self._delivery.in_flight,
            rate_per_second=self._delivery.rate_per_second,
            request_timeout=self._delivery.request_timeout_seconds,
            budget=self._delivery.max_attempts,
            longest=LONGEST if self._settings.requests_per_day(self._name) else CourierOptions().longest,
        )

    def _quotas(self, store: SqliteLedger | PostgresLedger) -> PostgresQuotas | None:
        """The rate that replicas share, where they share a ledger."""
        rate = self._delivery.rate_per_second
        return store.quotas(rate) if rate and isinstance(store, PostgresLedger) else None

    def _brake(self) -> Brake:
        chosen = self._settings.dead_letters.brake
        return Brake(chosen.window, chosen.share)


def _closer(courier: Courier, store: Ledger, letters: KafkaDeadLetters) -> Callable[[], None]:
    def close() -> None:
        courier.close()
        letters.close()
        store.close()

    return close
