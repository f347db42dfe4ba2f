"""The connector as a user configures it, between Debezium's records of tables and the sandbox.

A `Pipeline` reads a configuration from a file, runs the real service over the run's broker until every record
has its outcome, and keeps ledger and sandbox from one run to the next.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from connector import wiring
from connector.adapters import metrics
from connector.ports import Tracer
from connector.sandbox.server import SandboxServer
from connector.service import Service
from connector.settings import Settings, load
from tests.support.avro import body, framed, record
from tests.support.broker import Broker
from tests.support.heeded import heeded
from tests.support.registry import RegistryServer, running_registry
from tests.support.topics import TopicFactory

SECONDS = 120.0
START_MS = 1_750_000_000_000
_SOURCE = record(
    "Source", name="string", table="string", lsn=["null", "long"], ts_ms="long", snapshot="string"
)


class Table:
    """A captured table: its topic, and who writes its changes. pk: name of its primary key, a text."""

    def __init__(self, pipeline: "Pipeline", topic: str, pk: str, columns: Mapping[str, Any]) -> None:
        self.topic, self._pipeline, self._pk = topic, pipeline, pk
        row = record("Value", **{pk: "string"}, **columns)
        self._envelope = record(
            "Envelope", before=["null", row], after=["null", "Value"], source=_SOURCE, op="string"
        )
        self._key = record("Key", **{pk: "string"})
        ids = (("value", self._envelope), ("key", self._key))
        register = pipeline.registry.register
        self._ids = {part: register(f"{topic}-{part}", json.dumps(kind)) for part, kind in ids}

    def write(
        self, op: str, row: Mapping[str, Any], *, lsn: int | None = None, full: bool = False,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:  # fmt: skip
        """One change: c, u, r, or d (then `row` is the row that was).

        full: a delete tells its whole row, as under REPLICA IDENTITY FULL; else nothing but the key is true.
        """
        number = self._pipeline.next_lsn() if lsn is None else lsn
        source = {
            "name": "shop", "table": "t", "lsn": number, "ts_ms": START_MS + number,
            "snapshot": "true" if op == "r" else "false",
        }  # fmt: skip
        phantom = {name: value if name == self._pk else _blank(value) for name, value in row.items()}
        gone = dict(row) if full else phantom
        message = {
            "before": gone if op == "d" else None,
            "after": None if op == "d" else dict(row),
            "source": source,
            "op": op,
        }
        value = framed(self._ids["value"], body(self._envelope, message))
        self._put(row, value, headers)

    def tombstone(self, row: Mapping[str, Any]) -> None:
        """The null that follows a delete."""
        self._put(row, None, None)

    def _put(self, row: Mapping[str, Any], value: bytes | None, headers: Mapping[str, bytes] | None) -> None:
        key = framed(self._ids["key"], body(self._key, {self._pk: row[self._pk]}))
        self._pipeline.produce(self.topic, key, value, headers)


def _blank(value: object) -> object:
    """What Debezium writes for a column that the log does not tell."""
    return "" if isinstance(value, str) else 0 if isinstance(value, int) else None


class Pipeline:
    """Tables, a configuration, a CRM. Made by `pipeline`."""

    def __init__(
        self, broker: Broker, topic: TopicFactory, folder: Path, registry: RegistryServer, crm: SandboxServer
    ) -> None:
        self.registry, self.sandbox, self.crm, self.counter = registry, crm, crm.crm, crm.counter
        self.folder = folder
        self._broker, self._topic = broker, topic
        # All that a test writes goes at one moment, with `flush`, however often it is interrupted meanwhile.
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5_000})
        self._letters = topic("letters")
        self._lsn = self._written = 0
        self._runs = self._replays = 0

    def table(self, name: str, pk: str = "id", /, **columns: Any) -> Table:
        """A table of its own topic; columns by name, Avro types."""
        return Table(self, self._topic(name), pk, columns)

    def next_lsn(self) -> int:
        """Of the next change."""
        self._lsn += 1
        return self._lsn

    def produce(
        self, topic: str, key: bytes, value: bytes | None, headers: Mapping[str, bytes] | None
    ) -> None:
        """Append a record to the topic's first partition."""
        given: dict[str, str | bytes | None] = dict(headers or {})
        self._producer.produce(topic, key=key, value=value, partition=0, headers=given)
        self._written += 1

    def settings(
        self,
        topics: list[dict[str, Any]],
        *,
        metrica: dict[str, Any] | None = None,
        brake: float | None = None,
        **destination: Any,
    ) -> Settings:
        """The configuration, by way of a user's file (`self.file`). metrica: its options, beside Yespo.

        brake: share of dead letters that stops a lane.
        """
        tree: dict[str, Any] = {
            "kafka": {"bootstrap_servers": self._broker.bootstrap, "group_id": f"g.{self._letters}"},
            "schema_registry": {"url": self.registry.url},
            "topics": topics,
            "destinations": {
                "yespo": {"type": "yespo", "url": f"{self.sandbox.url}/api", "api_key": "sandbox-key"}
                | destination
            },
            "ledger": {"url": f"sqlite://{self.folder / 'ledger.db'}"},
            "dead_letters": {"topic": self._letters},
            "delivery": {"rate_per_second": 0, "linger_ms": 50, "drain_seconds": 10},
            "server": {"host": "127.0.0.1", "port": 0},
        }
        if brake is not None:
            tree["dead_letters"]["brake"] = {"share": brake}
        if metrica is not None:
            own = {"type": "metrica", "url": self.sandbox.url, "counter_id": 1, "token": "sandbox-token"}
            quick = {"linger_ms": 50, "rate_per_second": 0}
            tree["destinations"]["metrica"] = {**own, "delivery": quick, **metrica}
        self.file = self.folder / "connector.yaml"
        self.file.write_text(yaml.safe_dump(tree), encoding="utf-8")
        return load(self.file, {})

    @property
    def is_real(self) -> bool:
        """Whether the broker is a real Kafka."""
        return self._broker.is_real

    @property
    def written(self) -> int:
        """Records written so far, all to their topic's first partition."""
        return self._written

    def flush(self) -> None:
        """What was written is in Kafka."""
        assert self._producer.flush(SECONDS) == 0

    def run(
        self, settings: Settings, *, replay: bool = False, only: str = "yespo",
        then: Callable[[], None] | None = None, tracer: Tracer | None = None,
    ) -> dict[str, int]:  # fmt: skip
        """Work off what was written since the last run (replay: all there is); what became of the records.

        only: the lane that works. then: what is done, and written, beside the running service after that.
        tracer: where its requests are traced.
        """
        if replay:
            self._replays, self._runs = self._replays + 1, 0
            group = f"{settings.kafka.group_id}.replay{self._replays}"
            kafka = settings.kafka.model_copy(update={"group_id": group})
            settings = settings.model_copy(update={"kafka": kafka})
        before = self._runs
        self.meter = metrics.meter()
        embedded = not self._broker.is_real
        self.flush()
        service = wiring.build(settings, self.meter, only, embedded=embedded, tracer=tracer)
        with working(service):
            self._work_off(service, only, before)
            if then is not None:
                then()
                self._work_off(service, only, before)
        totals = service.lanes[only].parts.books.totals
        return {name: number for name, number in sorted(totals.items()) if number}

    def _work_off(self, service: Service, only: str, before: int) -> None:
        assert self._producer.flush(SECONDS) == 0
        self._runs = self._written
        totals, deadline = service.lanes[only].parts.books.totals, time.monotonic() + SECONDS
        while sum(totals.values()) < self._runs - before:
            assert time.monotonic() < deadline, f"{dict(totals)} of {self._runs - before}; {service.status()}"
            time.sleep(0.02)

    def letters(self) -> Counter[tuple[str | None, str]]:
        """Dead letters: entity key and cause."""
        looking = {"bootstrap.servers": self._broker.bootstrap, "group.id": f"look.{self._letters}"}
        consumer, found = Consumer(looking), Counter[tuple[str | None, str]]()
        try:
            for partition in consumer.list_topics(self._letters).topics[self._letters].partitions:
                _, end = consumer.get_watermark_offsets(TopicPartition(self._letters, partition), SECONDS)
                consumer.assign([TopicPartition(self._letters, partition, 0)])
                for message in consumer.consume(end, timeout=SECONDS) if end else []:
                    headers = {name: _text(value) for name, value in dict(message.headers() or []).items()}
                    found[headers.get("crm-connector.key"), str(headers["crm-connector.cause"])] += 1
        finally:
            consumer.close()
        return found

    # --- What the CRM was told --------------------------------------------------------------------

    def sent(self, order: str) -> list[str]:
        """The types of the live events of an order, in order."""
        return [event.type_key for event in self.crm.history(order)]


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


@contextmanager
def working(service: Service) -> Iterator[None]:
    """The service at work in a thread; it has to drain without a failure."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(service.work()))
    thread.start()
    try:
        yield
    finally:
        service.stop()
        thread.join(SECONDS)
    assert codes == [0], service.status()


@contextmanager
def pipeline(broker: Broker, topic: TopicFactory, folder: Path, **crm: Any) -> Iterator[Pipeline]:
    """A pipeline for the length of a test. crm: options of the sandbox."""
    options = {"import_seconds": 0.05, "rate_per_second": 0, **crm}
    with running_registry() as registry, SandboxServer(**options) as sandbox, heeded(sandbox.crm):
        yield Pipeline(broker, topic, folder, registry, sandbox)
