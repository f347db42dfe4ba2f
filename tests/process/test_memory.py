"""Memory under fire: whatever lies in Kafka and whatever the CRM does, a process keeps within its budget."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer
from msgspec import Struct

from tests.bench.records import SCHEMA_FILE, order
from tests.support.broker import Broker
from tests.support.instance import Instance, wait_until
from tests.support.kafka_node import free_ports
from tests.support.moody import MoodyCrm, moody_crm
from tests.support.topics import TopicFactory

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

BUDGET = 32 << 20
MARGIN = 2
"""How many times its budget a process may grow by: allocators keep what was freed, SQLite has a cache."""
CONFIG = """
kafka:
  bootstrap_servers: {bootstrap}
  group_id: {topic}
  properties: {{statistics.interval.ms: 200, session.timeout.ms: 6000}}
topics: [{{name: {topic}, entity: order, envelope: plain, schema_file: {schema}}}]
destinations:
  yespo: {{type: yespo, url: "{crm}", api_key: any, orders_via: {via}}}
ledger: {{url: "sqlite://{folder}/ledger.db"}}
dead_letters: {{topic: letters.{topic}}}
delivery: {{memory_bytes: {budget}, rate_per_second: 0, request_timeout_seconds: 600, drain_seconds: 1}}
server: {{host: 127.0.0.1, port: {port}}}
log: {{level: warning}}
"""
LABELS = '{destination="yespo"}'


class Sample(Struct):
    """Bytes, by /metrics: what records stand for, what of it is fetched ahead, the whole process."""

    held: float
    fetched: float
    process: float


class World:
    """A process on a topic of four partitions, and the CRM before it."""

    def __init__(self, instance: Instance, crm: MoodyCrm, bootstrap: str, topic: str) -> None:
        self.instance, self.crm = instance, crm
        self._bootstrap, self._topic = bootstrap, topic
        self.samples: list[Sample] = []

    def produce(self, values: Iterator[bytes]) -> None:
        """Fill the topic."""
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "linger.ms": 20, "message.max.bytes": 12_000_000,
             "compression.type": "lz4"}
        )  # fmt: skip
        for number, value in enumerate(values):
            producer.produce(self._topic, value, str(number), partition=number % 4)
            if number % 1000 == 0 or len(value) > 1_000_000:
                producer.poll(0)
                assert len(value) < 1_000_000 or producer.flush(60) == 0
        assert producer.flush(60) == 0

    def look(self, seconds: float = 0.0, step: float = 0.1) -> Sample:
        """Take samples for so long, one at least; the last one."""
        end = time.monotonic() + seconds
        while True:
            names = "memory_bytes", "fetched_bytes"
            held, fetched = (self.instance.metric(f"crm_connector_{name}{LABELS}") for name in names)
            sample = Sample(held, fetched, self.instance.metric("process_resident_memory_bytes"))
            self.samples.append(sample)
            if time.monotonic() >= end:
                return sample
            time.sleep(step)

    def delivered(self) -> int:
        """How many records are settled as delivered."""
        place = f'destination="yespo",outcome="delivered",topic="{self._topic}"'
        return int(self.instance.metric(f"crm_connector_records_total{{{place}}}"))

    def until(self, condition: Callable[[], bool], seconds: float = 300) -> None:
        """Look on until something is so."""

        def looked() -> bool:
            self.look()
            return condition()

        wait_until(looked, seconds, self.instance.trouble)


@contextmanager
def world(
    broker: Broker, topic: TopicFactory, folder: Path, schema: dict[str, Any], via: str = "past_events"
) -> Iterator[World]:
    """It has its partitions, and has read nothing yet."""
    (port,) = free_ports(1)
    name = topic("memory", partitions=4, config={"max.message.bytes": "12000000"})
    (folder / "schema.avsc").write_text(json.dumps(schema), encoding="utf-8")
    with moody_crm() as crm:
        text = CONFIG.format(
            bootstrap=broker.bootstrap, topic=name, schema=folder / "schema.avsc", crm=crm.url, via=via,
            folder=folder, budget=BUDGET, port=port,
        )  # fmt: skip
        (folder / "memory.yaml").write_text(text, encoding="utf-8")
        instance = Instance(folder / "memory.yaml", port)
        instance.start()
        try:
            wait_until(lambda: instance.partitions() == 4, 120, instance.trouble)
            yield World(instance, crm, broker.bootstrap, name)
        finally:
            instance.close()


def orders(count: int) -> Iterator[bytes]:
    """Orders of three items, all different."""
    schema = fastavro.parse_schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
    for number in range(count):
        yield _encoded(schema, order(number, "sequential"))


def _encoded(schema: Any, row: dict[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, schema, row)
    return out.getvalue()


def test_a_backlog_behind_a_crm_that_hangs_stays_within_the_budget_and_is_worked_off_afterwards(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    with world(broker, topic, tmp_path, schema) as here:
        before = here.look()
        here.crm.mood = "hangs"
        here.produce(orders(200_000))
        here.until(lambda: here.crm.waiting > 0 and here.samples[-1].held > BUDGET / 2)
        here.look(5)
        here.crm.mood = "takes"
        here.until(lambda: here.delivered() == 200_000)
        assert max(sample.held for sample in here.samples) <= BUDGET
        assert max(sample.fetched for sample in here.samples) > 0
        assert max(sample.process for sample in here.samples) - before.process < MARGIN * BUDGET
        assert here.instance.metric(f"crm_connector_memory_budget_bytes{LABELS}") == BUDGET


def test_a_storm_of_pauses_stays_within_the_budget(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    """Whatever is paused is fetched anew when it goes on: what was fetched before must be gone by then."""
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    with world(broker, topic, tmp_path, schema, "events") as here:
        before = here.look()
        here.crm.mood = "hangs"
        here.produce(orders(100_000))
        for mood in ("takes", "hangs", "refuses", "takes", "hangs") * 6:
            here.crm.mood = mood
            here.look(0.4)
        here.crm.mood = "takes"
        here.until(lambda: here.delivered() > 0)
        assert max(sample.held for sample in here.samples) <= BUDGET
        assert max(sample.process for sample in here.samples) - before.process < MARGIN * BUDGET


FLAT = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": name, "type": "string"}
        for name in ("external_order_id", "external_customer_id", "email", "status", "date", "total_cost",
                     "comment")
    ],
}  # fmt: skip


def test_records_of_ten_megabytes_stay_within_the_budget(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    def large() -> Iterator[bytes]:  # hardly to be compressed: see core.budget of what is
        schema, comment = fastavro.parse_schema(FLAT), random.Random(7).randbytes(5_000_000).hex()
        for number in range(12):
            yield _encoded(
                schema,
                {"external_order_id": f"o{number}", "external_customer_id": "c", "email": "c@shop.example",
                 "status": "INITIALIZED", "date": "2026-01-02T03:04:05Z", "total_cost": "10.5",
                 "comment": comment},
            )  # fmt: skip

    with world(broker, topic, tmp_path, FLAT) as here:
        here.crm.mood = "hangs"
        here.produce(large())
        here.until(lambda: here.crm.waiting > 0 and here.samples[-1].held > 10_000_000)
        here.look(5)
        here.crm.mood = "takes"
        here.until(lambda: here.delivered() == 12)
        assert max(sample.held for sample in here.samples) <= BUDGET
