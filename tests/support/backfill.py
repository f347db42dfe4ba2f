"""A topic of orders of one version each, with a CRM that counts what it takes, and `crm-connector replay` as
processes to be killed, stopped and resumed."""

import json
import os
import pty
import re
import struct
import subprocess
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connector.sandbox.server import SandboxServer
from tests.support.broker import Broker
from tests.support.instance import CONFIG
from tests.support.progress import Progress
from tests.support.registry import RegistryServer
from tests.support.versions import ORDER

PARTITIONS = 4
PARSED = fastavro.parse_schema(ORDER)
START_MS = 1_735_689_600_000
"""2025-01-01T00:00:00Z; each order is a second younger than the one before."""


class Backfill:
    """Orders of one version each, in a topic; a CRM; a configuration."""

    def __init__(
        self,
        folder: Path,
        broker: Broker,
        topics: tuple[str, str],
        registry: RegistryServer,
        crm: SandboxServer,
        *,
        port: int = 1,
    ) -> None:
        """Nothing is written. topics: of orders and of contacts. port: of a connector that is to run."""
        self.topic, self.sandbox, self.bootstrap = topics[0], crm, broker.bootstrap
        self.ledger, self.file, self.group = folder / "ledger.db", folder / "connector.yaml", f"g.{topics[0]}"
        text = CONFIG.format(
            bootstrap=broker.bootstrap, group=self.group, more="", registry=registry.url, orders=topics[0],
            contacts=topics[1], crm=crm.url, ledger=self.ledger, letters=f"letters.{topics[0]}",
            drain=8, port=port,
        )  # fmt: skip
        self.file.write_text(text, encoding="utf-8")
        self._processes = list[subprocess.Popen[str]]()
        self._schema = registry.register(f"{self.topic}-value", json.dumps(ORDER))
        self._producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 20})

    def write(self, count: int, first: int = 0, *, at_ms: int | None = None) -> None:
        """So many orders, evenly over the partitions. at_ms: when, where not of 2025."""
        producer = self._producer
        for one in range(first, first + count):
            place, at = one % PARTITIONS, START_MS + one * 1000 if at_ms is None else at_ms
            producer.produce(self.topic, self._value(one), str(one), partition=place, timestamp=at)
            producer.poll(0)
        assert producer.flush(60) == 0

    def transact(self, one: int, *, ends_well: bool) -> None:
        """An order in a transaction of its own, which is aborted otherwise; in the first partition."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "transactional.id": f"{self.topic}.{one}"})
        producer.init_transactions(60)
        producer.begin_transaction()
        producer.produce(self.topic, self._value(one), str(one), partition=0)
        producer.flush(60)
        (producer.commit_transaction if ends_well else producer.abort_transaction)(60)

    def expire(self, before: int) -> None:
        """The first partition's records below an offset are gone."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for done in admin.delete_records([TopicPartition(self.topic, 0, before)]).values():
            done.result(60)

    def _value(self, one: int) -> bytes:
        row = {
            "rev": 1, "external_order_id": f"o{one}", "external_customer_id": f"c{one % 50}",
            "email": f"c{one % 50}@shop.example", "status": "IN_PROGRESS",
            "date": "2025-01-01T00:00:00Z", "total_cost": "1.00",
        }  # fmt: skip
        value = BytesIO()
        value.write(struct.pack(">bI", 0, self._schema))
        fastavro.schemaless_writer(value, PARSED, row)
        return value.getvalue()

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset after the last record, by partition."""
        with Progress(self.bootstrap, f"{self.group}.yespo", [self.topic]) as progress:
            return progress.ends()

    def replay(self, *arguments: str) -> subprocess.Popen[str]:
        """Start one."""
        command = [sys.executable, "-m", "connector", "replay", "-c", str(self.file), "--json", *arguments]
        process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True)
        self._processes.append(process)
        return process

    def refused(self, name: str) -> tuple[int, str]:
        """How another process ends that resumes the same one."""
        other = self.replay("--resume", name)
        _, err = other.communicate(timeout=240)
        return other.returncode, err

    def asked(self, answer: str, *arguments: str) -> tuple[int, str, str]:
        """Run one at a terminal, and give this answer to its question."""
        command = [sys.executable, "-m", "connector", "replay", "-c", str(self.file), *arguments]
        terminal, end = pty.openpty()
        os.write(terminal, f"{answer}\n".encode())
        try:
            done = subprocess.run(
                command, stdin=end, capture_output=True, text=True, timeout=240, check=False
            )
        finally:
            os.close(terminal)
            os.close(end)
        return done.returncode, done.stdout, done.stderr

    def done(self, *arguments: str) -> dict[str, Any]:
        """Run one to its end; its summary."""
        out, err = self.replay(*arguments).communicate(timeout=240)
        assert out, err
        found: dict[str, Any] = json.loads(out)
        return found

    def told(self, *arguments: str) -> str:
        """What an operator without a terminal sees; ids, times and topics of this run left out, and the lines
        of progress, of which one that takes longer than five seconds has some."""
        command = [sys.executable, "-m", "connector", "replay", *arguments, "-c", str(self.file)]
        text = subprocess.check_output(command, text=True, stderr=subprocess.STDOUT)
        text = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}", "ID", text.replace(self.topic, "orders"))
        text = text.replace(str(self.ledger), "ledger.db")
        text = re.sub(r"^[\d,]+ of [\d,]+ \(\d+ %\), .*\n", "", text, flags=re.MULTILINE)
        return re.sub(r"in \d+ s", "in N s", text)

    @property
    def known(self) -> list[dict[str, Any]]:
        """What `replay list` says."""
        command = [sys.executable, "-m", "connector", "replay", "list", "-c", str(self.file), "--json"]
        found: list[dict[str, Any]] = json.loads(subprocess.check_output(command, text=True))
        return found

    @property
    def sent(self) -> Counter[str]:
        """How often the CRM has taken each order."""
        return Counter(str(event.params["externalOrderId"]) for event in self.sandbox.crm.events)

    def topics(self) -> list[str]:
        """Of the brokers, but those of other tests."""
        found = AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(timeout=30).topics
        return [name for name in found if self.topic in name]

    def live(self) -> dict[tuple[str, int], int]:
        """What the live group has committed."""
        with Progress(self.bootstrap, f"{self.group}.yespo", [self.topic]) as progress:
            return progress.committed()

    def commit(self, offset: int) -> None:
        """In the live group's name."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.group}.yespo"})
        places = [TopicPartition(self.topic, one, offset) for one in range(PARTITIONS)]
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()

    def close(self) -> None:
        """End what still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
