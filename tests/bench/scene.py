"""What stands while a benchmark lasts: a real Kafka, a registry, destinations, topics; and its runs."""

import json
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from tests.bench.pipeline import Result, Run
from tests.bench.records import SCHEMA_FILE, Ids, produce
from tests.support.broker import find_broker
from tests.support.postgres import Database, LocalPostgres, given
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory

PARTITIONS = 4


class Scene(AbstractContextManager["Scene"]):
    """Every run is a process of its own, and so is each destination."""

    def __init__(self) -> None:
        """Start what all runs need."""
        self._stack = ExitStack()
        self.broker = find_broker(self._stack)
        registry = self._stack.enter_context(running_registry())
        registry.register("orders-value", SCHEMA_FILE.read_text(encoding="utf-8"))
        self.registry = registry.url
        self.folder = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-connector-bench-"))
        )
        self._make_topic = TopicFactory(self.broker)
        self._destinations: dict[float, str] = {}
        self._topics: dict[tuple[int, Ids], str] = {}
        self._postgres: str | None = None

    def __exit__(self, *_: object) -> None:
        """End all of it."""
        self._stack.close()

    def destination(self, delay_ms: float) -> str:
        """The URL of one that takes so long, started at its first use."""
        if delay_ms not in self._destinations:
            self._destinations[delay_ms] = self.new_destination(delay_ms)
        return self._destinations[delay_ms]

    def new_destination(self, delay_ms: float, *options: str) -> str:
        """The URL of one that nobody else uses."""
        command = [sys.executable, "-m", "tests.bench.destination", "0", str(delay_ms), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        return f"http://127.0.0.1:{process.stdout.readline().strip()}"

    def topic(self, records: int, ids: Ids = "sequential") -> str:
        """A topic with so many orders, filled at its first use."""
        if (records, ids) not in self._topics:
            self._topics[records, ids] = name = self._make_topic(f"bench-{ids}", partitions=PARTITIONS)
            produce(self.broker.bootstrap, name, records, ids)
        return self._topics[records, ids]

    def empty_topic(self) -> str:
        """A topic to be written to while the connector reads it."""
        return self._make_topic("bench", partitions=PARTITIONS)

    def ledger(self) -> str:
        """The URL of a new SQLite ledger."""
        return f"sqlite://{self.file('db')}"

    def file(self, kind: str) -> Path:
        """A name that no other file has."""
        return self.folder / f"{uuid4().hex}.{kind}"

    def postgres(self) -> str:
        """The URL of a PostgreSQL server. Raises NoPostgresError."""
        if self._postgres is None:
            self._postgres = given() or self._own_postgres()
        return self._postgres

    def database(self) -> Database:
        """An empty one."""
        made = Database(self.postgres())
        self._stack.callback(made.drop)
        return made

    def run_of(self, topic: str, records: int, *, via: str, url: str, ledger: str, group: str = "") -> Run:
        """What a run of the connector has to know."""
        return Run(
            bootstrap=self.broker.bootstrap,
            topic=topic,
            group=group or f"bench-{uuid4().hex}",
            registry=self.registry,
            url=url,
            via=via,
            ledger=ledger,
            records=records,
            config=str(self.file("yaml")),
        )

    def pipeline(self, topic: str, records: int, *, via: str, ledger: str, delay_ms: float = 0) -> Result:
        """Run the connector until it has settled so many."""
        run = self.run_of(topic, records, via=via, url=self.destination(delay_ms), ledger=ledger)
        return msgspec.json.decode(_child("pipeline", msgspec.json.encode(run).decode()), type=Result)

    def floor(self, topic: str, records: int) -> dict[str, float]:
        """Do the same work without any promise."""
        return self._part("floor", topic, group=f"floor-{uuid4().hex}", records=records)

    def parts(self, topic: str, records: int) -> dict[str, float]:
        """CPU seconds of each part, alone."""
        return self._part("parts", topic, count=records)

    def _part(self, module: str, topic: str, **more: object) -> dict[str, float]:
        given: dict[str, Any] = {
            "bootstrap": self.broker.bootstrap,
            "topic": topic,
            "url": self.destination(0),
        }
        return msgspec.json.decode(_child(module, json.dumps(given | more)), type=dict[str, float])

    def _own_postgres(self) -> str:
        server = LocalPostgres()
        self._stack.callback(server.close)
        server.start()
        return server.url


def _child(module: str, given: str) -> str:
    """Run a measuring process; its last line is the result."""
    command = [sys.executable, "-m", f"tests.bench.{module}", given]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()[-1]
