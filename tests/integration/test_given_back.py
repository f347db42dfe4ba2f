"""The connector at work on a real Kafka, while partitions are taken from it and given back at once."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from connector import wiring
from connector.sandbox.server import SandboxServer
from connector.settings import load
from tests.cli.configs import config
from tests.fakes.meter import FakeMeter
from tests.support.broker import Broker
from tests.support.heeded import heeded
from tests.support.instance import wait_until
from tests.support.pipeline import working
from tests.support.progress import Progress
from tests.support.registry import RegistryServer, running_registry
from tests.support.topics import TopicFactory
from tests.support.versions import Shop

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SECONDS = 120.0
TIMES = 3
PARTITIONS = {"orders": 4, "contacts": 2}
PROTOCOLS = {
    "cooperative": {"partition.assignment.strategy": "cooperative-sticky"},
    "eager": {"partition.assignment.strategy": "range"},
    "consumer": {"group.protocol": "consumer"},
}


class World:
    """A service that is no member yet; `drain_seconds` are shorter than the CRM takes for an answer."""

    def __init__(
        self, broker: Broker, topic: TopicFactory, folder: Path, registry: RegistryServer,
        crm: str, properties: dict[str, str],
    ) -> None:  # fmt: skip
        self.orders, self.contacts = (topic(name, partitions=n) for name, n in PARTITIONS.items())
        self.client = {"bootstrap.servers": broker.bootstrap, "group.id": f"group.{self.orders}.yespo"}
        self.client |= properties
        group = {"bootstrap_servers": broker.bootstrap, "group_id": f"group.{self.orders}"}
        topics = [
            {"name": self.orders, "entity": "order", "version": "rev", "params": {"rev": "rev"}},
            {"name": self.contacts, "entity": "contact", "version": "rev"},
        ]
        file = config(
            folder, registry=registry.url, crm=crm, orders=self.orders, topics=topics,
            kafka={**group, "properties": properties},
            delivery={"rate_per_second": 0, "linger_ms": 50, "drain_seconds": 0.1},
        )  # fmt: skip
        self.meter = FakeMeter()
        self.service = wiring.build(load(file, {}), self.meter)
        self.lane = self.service.lanes["yespo"]
        self.shop = Shop(broker.bootstrap, registry, self.orders, self.contacts, seed=7)

    def await_all(self, given: float = 0) -> None:
        """Until it was given partitions more often than so, and has all of them."""
        tracks, every = self.lane.parts.partitions.tracks, sum(PARTITIONS.values())
        wait_until(lambda: self.moved("assigned") > given and len(tracks) == every, SECONDS, self.trouble)

    def await_accepted(self, count: int, sandbox: SandboxServer) -> None:
        """Until the CRM has taken so many more."""
        target = len(sandbox.crm.events) + count
        wait_until(lambda: len(sandbox.crm.events) >= target, SECONDS, self.trouble)

    def disturb(self) -> None:
        """Someone joins the group, and leaves as soon as partitions were taken for it: it never commits."""
        given, revoked = self.moved("assigned"), self.moved("revoked")
        guest = Consumer(self.client | {"enable.auto.commit": False})
        guest.subscribe([self.orders, self.contacts])

        def taken() -> bool:
            guest.poll(0.02)
            return self.moved("revoked") > revoked

        try:
            wait_until(taken, SECONDS, self.trouble)
        finally:
            guest.unsubscribe()  # else it may end without leaving the group
            guest.close()
        self.await_all(given)

    def moved(self, kind: str) -> float:
        """How often partitions were assigned or revoked."""
        return self.meter.value("rebalances_total", kind=kind) or 0

    def trouble(self) -> str:
        return str(self.service.status())


@contextmanager
def world(
    broker: Broker, topic: TopicFactory, folder: Path, name: str
) -> Iterator[tuple[World, SandboxServer]]:
    with (
        running_registry() as registry,
        SandboxServer(rate_per_second=0, conflict_seconds=0) as sandbox,
        heeded(sandbox.crm),
    ):
        sandbox.faults.add({"do": "delay", "delay": 0.3})
        here = World(broker, topic, folder, registry, sandbox.url, PROTOCOLS[name])
        try:
            yield here, sandbox
        finally:
            here.shop.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_partitions_given_back_while_requests_fly_lose_nothing_and_nothing_is_sent_twice(
    broker: Broker, topic: TopicFactory, tmp_path: Path, protocol: str
) -> None:
    with world(broker, topic, tmp_path, protocol) as (here, sandbox), working(here.service):
        here.await_all()
        here.shop.start(each=8, seconds=0.1, orders=100)
        for _ in range(TIMES):
            here.await_accepted(20, sandbox)
            here.disturb()
        here.shop.stop()
        with Progress(
            here.client["bootstrap.servers"], here.client["group.id"], (here.orders, here.contacts)
        ) as at:
            at.await_end(SECONDS, here.trouble)

    came = defaultdict(list)
    for event in sandbox.crm.events:
        came[str(event.params["externalOrderId"])].append(int(event.params["rev"]))
    assert came == here.shop.orders
    read = sum(here.lane.parts.books.totals.values())
    assert read > len(here.shop.written), "nothing was on its way when a partition was taken"
