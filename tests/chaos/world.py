"""One deployment at work: a shop that writes, replicas that deliver, a CRM behind a proxy."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.sandbox.server import SandboxServer
from tests.chaos.machines import Machines
from tests.chaos.replicas import DRAIN, REQUEST, SESSION, Replicas, Settings
from tests.chaos.small_disk import SmallDisk
from tests.support.broker import Broker
from tests.support.instance import wait_until
from tests.support.kafka_cluster import KafkaCluster
from tests.support.postgres import Database
from tests.support.progress import Progress
from tests.support.proxy import Proxy
from tests.support.topics import TopicFactory
from tests.support.versions import Shop

ORDERS = 500
EACH, SECONDS = 8, 0.1
"""The steady traffic: so many changes every so many seconds."""
PARTITIONS = {"orders": 4, "contacts": 2}
BACKGROUND = {"do": "status", "status": 503, "probability": 0.01}, {"do": "delay", "delay": 0.02}
"""The CRM on a good day: each request takes a moment, and one of a hundred is refused."""
RECOVERY, END = 150.0, 240.0
"""Seconds within which everything has to flow again, and to be committed: a dead owner's lease, and much more
for a busy machine."""
CLAIMED = "SELECT key FROM crm_connector.heads WHERE claim IS NOT NULL"


class World:
    """crm, ledger, schemas: the proxies between the replicas and these. A world of replicas has a `ledger`,
    one with a ledger in SQLite has its `disk` instead, one on several brokers has their `cluster` besides.
    claims: the keys that the ledger holds as claimed."""

    def __init__(
        self, name: str, machines: Machines, folder: Path, seed: int, cluster: KafkaCluster | None = None
    ) -> None:
        """Nothing runs yet, but for a cluster, if one is to be used."""
        self.machines, self.folder, self.random, self.host = (
            machines,
            folder,
            random.Random(seed),
            machines.host,
        )
        self.cluster, self.seed = cluster, seed
        self.bootstrap = (cluster or machines.kafka).bootstrap
        create = TopicFactory(Broker(self.bootstrap, "local"))
        self.orders, self.contacts = (create(t, partitions=count) for t, count in PARTITIONS.items())
        self.order_partitions = PARTITIONS["orders"]
        self.group, self.letters = f"{name}.{self.orders}", f"letters.{self.orders}"
        self.key_file = folder / "api_key"
        self.key_file.write_text("sandbox-key", encoding="utf-8")
        self.accepted_file = folder / "accepted.jsonl"
        # Bodies are taken again at once, so that a second acceptance is seen where there is one.
        self.sandbox = SandboxServer(rate_per_second=0, conflict_seconds=0, accepted=self.accepted_file)
        self.shop = Shop(self.bootstrap, machines.registry, self.orders, self.contacts, seed)
        self.shop.patience = 60.0
        self.crm = Proxy("127.0.0.1", self.sandbox.port, seed=seed, at=self.host)
        self.schemas = Proxy("127.0.0.1", int(machines.registry.url.rpartition(":")[2]), at=self.host)
        self.ledger: Proxy | None = None
        self.claims: Callable[[], set[str]] = set
        self.disk: SmallDisk | None = None
        self.replicas = Replicas([])

    # --- What a scenario asks ---------------------------------------------------------------------

    @property
    def partitions(self) -> int:
        """Of both topics."""
        return self.order_partitions + PARTITIONS["contacts"]

    @property
    def accepted(self) -> int:
        """How many live events the CRM has taken."""
        return self.sandbox.crm.counts()["events"]

    def await_accepted(self, count: int, seconds: float = RECOVERY) -> None:
        """Until the CRM has taken so many more."""
        target = self.accepted + count
        wait_until(lambda: self.accepted >= target, seconds, self.trouble)

    def await_recovery(self, seconds: float = RECOVERY) -> None:
        """Until of every partition an order has been accepted that was written after this moment."""
        since, seen = len(self.shop.written), self.accepted
        left = set(range(self.order_partitions))

        def flows() -> bool:
            self.replicas.revive()
            events = self.sandbox.crm.events[seen:]
            came = {int(event.params["rev"]) for event in events if "rev" in event.params}
            new = self.shop.written[since:]
            left.difference_update(w.partition for w in new if w.topic == self.orders and w.rev in came)
            return not left

        wait_until(flows, seconds, lambda: f"partitions that stand still: {sorted(left)}; {self.trouble()}")

    @contextmanager
    def faults(self, *faults: dict[str, Any]) -> Iterator[None]:
        """The CRM does these first, for as long as the block lasts."""
        self.sandbox.faults.clear()
        self.sandbox.faults.add(*faults, *BACKGROUND)
        try:
            yield
        finally:
            self.sandbox.faults.clear()
            self.sandbox.faults.add(*BACKGROUND)

    def trouble(self) -> str:
        """All that can be said when something does not happen."""
        return f"{len(self.shop.written)} written, {self.accepted} accepted; {self.replicas.trouble()}"

    def share_ledger(self) -> str:
        """The URL of a new ledger in PostgreSQL, behind a proxy of its own."""
        database = Database(self.machines.postgres.url)
        place = f"127.0.0.1:{self.machines.postgres.port}"
        self.ledger = Proxy("127.0.0.1", self.machines.postgres.port, seed=self.seed + 1, at=self.host)
        self.claims = lambda: {str(key) for (key,) in database.psql(CLAIMED)}
        return database.url.replace(place, f"{self.host}:{self.ledger.port}")

    # --- Its life ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Steady traffic, and every replica at work."""
        self.sandbox.faults.add(*BACKGROUND)
        self.replicas.start()
        self.replicas.await_share(self.partitions)
        self.shop.start(each=EACH, seconds=SECONDS, orders=ORDERS)
        self.await_recovery()

    def finish(self) -> None:
        """Stop writing; wait until all of it is committed; stop the replicas, which have to end well."""
        self.shop.stop()
        with Progress(self.bootstrap, f"{self.group}.yespo", (self.orders, self.contacts)) as progress:
            progress.await_end(END, self.trouble)
        self.replicas.stop()

    def close(self) -> None:
        """End it, whatever it does."""
        self.replicas.close()
        self.shop.abandon()

    def settings(self, ledger: dict[str, str]) -> Settings:
        """The configuration of every replica, but for what is its own."""
        return {
            "kafka": {
                "bootstrap_servers": self.bootstrap,
                "group_id": self.group,
                "properties": {
                    "session.timeout.ms": SESSION * 1000,
                    "heartbeat.interval.ms": 1000,
                    "topic.metadata.refresh.interval.ms": 2000,
                },
            },
            "schema_registry": {"url": f"http://{self.host}:{self.schemas.port}"},
            "topics": [
                {"name": self.orders, "entity": "order", "version": "rev", "params": {"rev": "rev"}},
                {"name": self.contacts, "entity": "contact", "version": "rev"},
            ],
            "destinations": {
                "yespo": {
                    "type": "yespo",
                    "url": f"http://{self.host}:{self.crm.port}",
                    "api_key_file": str(self.key_file),
                }
            },
            "ledger": ledger,
            "dead_letters": {"topic": self.letters},
            "delivery": {
                "rate_per_second": 0,
                "linger_ms": 50,
                "drain_seconds": DRAIN,
                "request_timeout_seconds": REQUEST,
            },
            "log": {"level": "info"},
        }
