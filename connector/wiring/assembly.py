"""One lane, made of its parts."""

from collections.abc import Callable, Mapping

from connector.adapters.dead_letters import KafkaDeadLetters
from connector.adapters.dead_letters_topic import ensure_topic
from connector.adapters.kafka_source import LOOK_SECONDS, KafkaSource
from connector.adapters.ledger_metered import MeteredLedger
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.core.brake import Brake
from connector.core.budget import share
from connector.core.mapping import Mapper
from connector.core.plan import Plan
from connector.courier import Courier, CourierOptions, Edges
from connector.lane.dispatch import Dispatch, Own
from connector.lane.intake import Intake, Reading
from connector.lane.lane import Lane
from connector.lane.outages import Outages
from connector.lane.partitions import Partitions
from connector.lane.parts import Parts
from connector.ports import (
    Clock,
    DeadLetters,
    Destination,
    Http,
    Ledger,
    Log,
    Members,
    Meter,
    Quotas,
    Schemas,
    Source,
)
from connector.recording import Unrecorded
from connector.service import Running
from connector.settings import Settings
from connector.settings.topic import TopicSettings
from connector.wiring.clients import Clients
from connector.wiring.daily import LONGEST, Thrift
from connector.wiring.destinations import counts_clients, dialect
from connector.wiring.edges import AnyLedger, anew, count_from_zero, decoder, http, ledger, show_quota
from connector.wiring.products import Shelf


class Assembly:
    """Makes one lane of its parts. Its methods without an underscore are what a replay does otherwise."""

    def __init__(
        self, settings: Settings, name: str, clock: Clock, meter: Meter, log: Log, tape: Unrecorded
    ) -> None:
        self._settings, self._name, self._tape = settings, name, tape
        self._clock, self._meter, self._log = clock, meter, log
        self._delivery = settings.delivery_of(name)
        self._topics = settings.topics_of(name)
        self._budget = share(self._delivery.memory_bytes, settings.kafka.properties)
        self._thrift = Thrift(name, self._delivery.linger_ms / 1000, clock, meter)
        self._shelf = Shelf(settings, name)
        kafka, filed = settings.kafka_client, settings.dead_letters.topic
        self._letters = KafkaDeadLetters(kafka(), filed, anew(settings, kafka))

    def lane(self, schemas: Schemas | None, *, embedded: bool) -> Running:
        """The lane, not reading yet."""
        settings, name, tape = self._settings, self._name, self._tape
        show_quota(settings, name, self._meter)
        count_from_zero(settings, name, self._meter)
        inner = ledger(settings, name)
        if counts_clients(settings, name):
            Clients(name, self._meter).watch(inner)
        store = MeteredLedger(tape.ledger(inner), name, self._meter)
        destination = tape.destination(dialect(settings, name, self._shelf.known(), self._shelf.note))
        client = tape.http(self.client())
        edges = Edges(destination, client, self._clock, self._meter, store.lease_left, self.quotas(inner))
        courier = Courier(edges, self.courier_options())
        lane = self._assemble(destination, courier, store, tape.letters(self._letters), schemas)
        close = _closer(courier, self._shelf, self._letters, store)
        return Running(lane, self._opener(lane, courier, embedded=embedded), close)

    def _assemble(
        self,
        destination: Destination,
        courier: Courier,
        store: Ledger,
        letters: DeadLetters,
        schemas: Schemas | None,
    ) -> Lane:
        settings, clock, meter, brake = self._settings, self._clock, self._meter, self.brake()
        partitions = Partitions(self._name, store, clock, meter, settings.kafka.start)
        books = self._tape.books(self._name, partitions, brake, clock, meter)
        plan = Plan(
            batch_events=self._delivery.batch_events,
            batch_bytes=self._delivery.batch_bytes,
            linger=self._delivery.linger_ms / 1000,
        )
        self._thrift.guide(plan)
        dispatch = Dispatch(destination, courier, store, letters, Own(plan, books, partitions, clock))

        def find_key(row: str) -> str | None:
            return plan.key_of(row) or store.keys_of([row])[0]

        readers = {t.name: self.reading(t, schemas, find_key) for t in self._topics}
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
            tend=self._tend,
            quota=self._thrift.quota,
        )
        seconds = settings.drain_seconds_of(self._name)
        return Lane(self._name, parts, budget=self._budget, drain_seconds=seconds)

    def _tend(self) -> None:
        self._thrift.tend()
        self._shelf.tend()
        self._letters.listen()

    def reading(
        self, topic: TopicSettings, schemas: Schemas | None, _find_key: Callable[[str], str | None]
    ) -> Reading:
        """How the lane reads one topic."""
        mapper = Mapper(self._settings.rules_of(self._name, topic))
        return Reading(decoder(topic, schemas, mapper), mapper, topic.totals)

    def source(self, members: Members, properties: Mapping[str, str], *, embedded: bool) -> Source:
        """Where its records come from: the destination's consumer group."""
        settings, topics = self._settings, [topic.name for topic in self._topics]
        return KafkaSource(
            properties,
            settings.group_of(self._name),
            topics,
            members,
            budget=self._budget,
            look_seconds=None if embedded else LOOK_SECONDS,
            reread=anew(settings, settings.kafka_client),
        )

    def _opener(self, lane: Lane, courier: Courier, *, embedded: bool) -> Callable[[], None]:
        read, topics = anew(self._settings, self._settings.kafka_client), [t.name for t in self._topics]
        letters = self._settings.dead_letters

        def start() -> None:
            self._letters.listen()
            properties = read()  # at each try
            if not embedded:
                ensure_topic(properties, letters.topic, topics, create=letters.create)
            source = self.source(self._tape.members(lane), properties, embedded=embedded)
            lane.attach(self._tape.source(source))
            courier.start()

        return start

    def client(self) -> Http:
        """Who sends its requests."""
        return self._thrift.client(self._settings, http(self._settings, self._name))

    def courier_options(self) -> CourierOptions:
        """How much flies at once, how often, for how long."""
        return CourierOptions(
            in_flight=self._delivery.in_flight,
            rate_per_second=self._delivery.rate_per_second,
            request_timeout=self._delivery.request_timeout_seconds,
            budget=self._delivery.max_attempts,
            longest=LONGEST if self._settings.requests_per_day(self._name) else CourierOptions().longest,
        )

    def quotas(self, store: AnyLedger) -> Quotas | None:
        """The rate that replicas share, where they share a ledger."""
        rate = self._delivery.rate_per_second
        return None if isinstance(store, SqliteLedger) or not rate else store.quotas(rate)

    def brake(self) -> Brake:
        """When it stops because of too many dead letters."""
        chosen = self._settings.dead_letters.brake
        return Brake(chosen.window, chosen.share)


def _closer(courier: Courier, shelf: Shelf, letters: KafkaDeadLetters, store: Ledger) -> Callable[[], None]:
    def close() -> None:
        courier.close()
        shelf.tend()
        letters.close()
        store.close()

    return close
