"""The connector killed, stopped and taken over under load: what CRM, ledger and dead letters say of it."""

import random
import signal
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from connector.sandbox.server import SandboxServer
from tests.support.broker import Broker
from tests.support.heeded import heeded
from tests.support.instance import (
    CONFIG,
    Instance,
    claims,
    claims_of_the_dead,
    heads,
    open_claims,
    wait_until,
)
from tests.support.kafka_node import free_ports
from tests.support.progress import Progress
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory
from tests.support.versions import Shop

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 20
ORDERS = 300
DRAIN = 8
PARTITIONS = 6
PATIENCE = 90
"""Seconds for what takes a few: a limit for a busy machine."""
Doubts = list[tuple[float, float, set[str]]]
"""Ends of a process: when it was killed, by when the CRM had heard the last of it, what it left claimed."""


class World:
    """A shop at work, a CRM that takes a moment for each request and sometimes none, one ledger."""

    def __init__(
        self,
        shop: Shop,
        sandbox: SandboxServer,
        bootstrap: str,
        topics: tuple[str, str],
        make: Callable[..., Instance],
    ) -> None:
        self.shop, self.sandbox, self.instance = shop, sandbox, make
        self._bootstrap, self._topics = bootstrap, topics
        self.letters = f"letters.{topics[0]}"
        self.ledger = Path()

    @property
    def accepted(self) -> int:
        """How many live events the CRM has taken."""
        return self.sandbox.crm.counts()["events"]

    def await_events(self, count: int, instance: Instance) -> None:
        """Until the CRM has taken so many more."""
        target = self.accepted + count
        wait_until(lambda: self.accepted >= target or not instance.running, PATIENCE, instance.trouble)
        assert instance.running, instance.trouble()

    def kill(self, instance: Instance) -> tuple[float, float, set[str]]:
        """SIGKILL. See Doubts."""
        assert instance.end(signal.SIGKILL) == -signal.SIGKILL
        self.hear_out()
        wait_until(lambda: self.sandbox.idle, PATIENCE, instance.trouble)
        heard = self.sandbox.clock()
        return heard, heard, open_claims(self.ledger)

    def hear_out(self) -> None:
        """Until the CRM has let in all who had connected before; it lets them in as they come."""
        with socket.create_connection((self.sandbox.host, self.sandbox.port), timeout=PATIENCE) as last:
            last.sendall(b"GET /none HTTP/1.1\r\nHost: crm\r\nConnection: close\r\n\r\n")
            while last.recv(4096):
                pass

    def finish(self, instance: Instance) -> None:
        """Stop writing, and wait until the group has committed all of it."""
        self.shop.stop()
        with Progress(self._bootstrap, f"group.{self._topics[0]}.yespo", self._topics) as progress:
            progress.await_end(PATIENCE, instance.trouble)

    def verify(self, doubts: Doubts) -> int:
        """Nothing lost, nothing twice but what was in doubt, order kept. Returns how many came twice."""
        crm, shop = self.sandbox.crm, self.shop
        sent: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for event in crm.events:
            sent[str(event.params["externalOrderId"])].append((int(event.params["rev"]), event.at))
        resent = 0
        for key, revs in shop.orders.items():
            came = [rev for rev, _ in sent[key]]
            assert sorted(set(came)) == revs, f"{key}: lost or invented"
            assert came == sorted(came), f"{key}: out of order"
            for (rev, before), (again, after) in zip(sent[key], sent[key][1:], strict=False):
                if rev == again:
                    resent += 1
                    ends = [(killed, heard) for killed, heard, keys in doubts if key in keys]
                    assert any(before <= heard and killed <= after for killed, heard in ends), (
                        f"{key}: {rev} twice, {before} and {after}; in doubt at {ends}"
                    )
        assert sent.keys() == shop.orders.keys()
        assert {
            key: contact.values["firstName"] for key, contact in crm.contacts.items() if key in shop.contacts
        } == {key: f"n{rev}" for key, rev in shop.contacts.items()}
        assert crm.ignored == []
        assert open_claims(self.ledger) == set()
        assert heads(self.ledger) == shop.orders.keys()
        assert self._buried() == set(shop.poison)
        return resent

    def _buried(self) -> set[tuple[int, int]]:
        """Partition and offset of the order records that have a dead letter."""
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": f"look.{self.letters}"})
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(self.letters, 0), timeout=30)
            consumer.assign([TopicPartition(self.letters, 0, 0)])
            keys = [str(message.key(), "utf-8") for message in consumer.consume(end, timeout=30)]  # type: ignore[arg-type]
        finally:
            consumer.close()
        assert all(key.startswith(f"yespo/{self._topics[0]}/") for key in keys)
        parts = [key.rsplit("/", 2) for key in keys]
        return {(int(partition), int(offset)) for _, partition, offset in parts}


@contextmanager
def world(broker: Broker, topic: TopicFactory, folder: Path) -> Iterator[World]:
    """Requests take 20 ms, and one of fifty is answered 503; the CRM does not tell a repeated request."""
    topics = topic("orders", partitions=4), topic("contacts", partitions=2)
    started: list[Instance] = []

    def make(name: str = "one", *, static: bool = True) -> Instance:
        (port,) = free_ports(1)
        more = f", group.instance.id: {name}" if static else ""
        text = CONFIG.format(
            bootstrap=broker.bootstrap, group=f"group.{topics[0]}", more=more, registry=registry.url,
            orders=topics[0], contacts=topics[1], crm=sandbox.url, ledger=found.ledger, letters=found.letters,
            drain=DRAIN, port=port,
        )  # fmt: skip
        config = folder / f"{name}.yaml"
        config.write_text(text, encoding="utf-8")
        started.append(Instance(config, port))
        return started[-1]

    with (
        running_registry() as registry,
        SandboxServer(rate_per_second=0, conflict_seconds=0) as sandbox,
        heeded(sandbox.crm),
    ):
        sandbox.faults.add({"do": "status", "status": 503, "probability": 0.02})
        sandbox.faults.add({"do": "delay", "delay": 0.02})
        shop = Shop(broker.bootstrap, registry, *topics, seed=random.randrange(1 << 30))
        found = World(shop, sandbox, broker.bootstrap, topics, make)
        found.ledger = folder / "ledger.db"
        try:
            yield found
        finally:
            shop.stop()
            for instance in started:
                instance.close()


def test_twenty_kills_under_load_lose_nothing_and_repeat_only_what_was_in_doubt(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path) as here:
        here.shop.write(300, orders=ORDERS)
        here.shop.start(each=15, seconds=0.1, orders=ORDERS)
        instance, doubts = here.instance(), Doubts()
        for kill in range(KILLS):
            instance.start()
            if kill % 4:
                here.await_events(1, instance)
                time.sleep(random.uniform(0, 0.4))
            else:
                time.sleep(random.uniform(0.3, 2.5))  # also while it starts
            doubts.append(here.kill(instance))
        instance.start()
        here.finish(instance)
        assert instance.end(signal.SIGTERM) == 0
        resent = here.verify(doubts)

    assert 0 < resent <= sum(len(keys) for _, _, keys in doubts)


def test_a_stop_under_load_ends_in_time_and_leaves_nothing_in_doubt(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path) as here:
        here.shop.start(each=15, seconds=0.1, orders=ORDERS)
        instance = here.instance()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            instance.start()
            here.await_events(50, instance)
            time.sleep(random.uniform(0, 0.3))
            asked = time.monotonic()
            assert instance.end(number) == 0
            assert time.monotonic() - asked < DRAIN + 10
            assert open_claims(here.ledger) == set()
        instance.start()
        here.finish(instance)
        assert instance.end(signal.SIGINT) == 0
        assert here.verify([]) == 0


def both_send(ledger: Path) -> bool:
    """Whether each of two owners has several orders on their way."""
    orders = Counter(owner for owner, entity, _ in claims(ledger) if entity == "order")
    return len([count for count in orders.values() if count > 4]) == 2


def test_a_second_instance_takes_over_from_a_killed_one_and_counts_what_it_resends(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path) as here:
        first, second = here.instance("first", static=False), here.instance("second", static=False)
        for instance in (first, second):
            instance.start()
        wait_until(
            lambda: first.partitions() == second.partitions() == PARTITIONS // 2, PATIENCE, second.trouble
        )
        here.shop.start(each=25, seconds=0.1, orders=ORDERS)
        here.await_events(200, first)
        here.sandbox.faults.clear()
        here.sandbox.faults.add({"do": "delay", "delay": 0.5})  # something is on its way when it dies
        wait_until(lambda: both_send(here.ledger), PATIENCE, first.trouble)
        first.end(signal.SIGKILL)
        killed = here.sandbox.clock()
        here.sandbox.faults.clear()
        dead = claims_of_the_dead(here.ledger)
        orders = {key for entity, key in dead if entity == "order"}
        here.finish(second)
        resent = 'crm_connector_retries_total{destination="yespo",reason="in_doubt"}'
        # It is told a moment later.
        wait_until(lambda: second.metric(resent) >= len(orders), PATIENCE, second.trouble)
        counted = second.metric(resent)
        assert second.end(signal.SIGTERM) == 0
        # Nobody knows when the CRM took the last of the dead one's, beside the other's: so they are counted.
        assert here.verify([(killed, here.sandbox.clock(), orders)]) <= len(orders)

    # A contact that the dead one imported for an order may come as its own change now: no resend.
    assert 0 < len(orders) <= counted <= len(dead)
