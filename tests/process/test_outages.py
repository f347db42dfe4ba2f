"""The connector as a process while its destination refuses: it stays in its group, and goes on by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.sandbox.server import SandboxServer
from tests.cli.configs import config
from tests.support.broker import Broker
from tests.support.instance import Instance, wait_until
from tests.support.kafka_node import free_ports
from tests.support.progress import Progress
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory
from tests.support.versions import Shop

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PAUSED = 'crm_connector_paused{destination="yespo",reason="%s"}'
MOVED = 'crm_connector_rebalances_total{kind="%s"}'
POLL_SECONDS = 7
"""max.poll.interval.ms: who does not poll for so long loses its partitions."""


class World:
    """A connector at work on a few orders, its API key in a file, and a CRM."""

    def __init__(self, instance: Instance, sandbox: SandboxServer, shop: Shop, progress: Progress) -> None:
        self.instance, self.sandbox, self.shop, self._progress = instance, sandbox, shop, progress

    def await_pause(self, reason: str) -> None:
        wait_until(
            lambda: self.instance.partitions() > 0 and self.instance.metric(PAUSED % reason) == 1,
            60,
            self.instance.trouble,
        )

    def finish(self) -> None:
        """All is committed and in the CRM, by the process that was started, and nothing else happened."""
        self._progress.await_end(60, self.instance.trouble)
        assert self.instance.running
        sent = {str(event.params["externalOrderId"]) for event in self.sandbox.crm.events}
        assert sent == self.shop.orders.keys()
        for kind in ("revoked", "lost"):
            assert self.instance.metric(MOVED % kind) == 0
        assert "crm_connector_dead_letters_total{" not in self.instance.get("/metrics")


@contextmanager
def world(broker: Broker, topic: TopicFactory, folder: Path, key: str) -> Iterator[World]:
    orders, contacts = topic("orders"), topic("contacts")
    (port,) = free_ports(1)
    (folder / "key").write_text(key)
    with running_registry() as registry, SandboxServer(conflict_seconds=0) as sandbox:
        timeouts = {"session.timeout.ms": 6000, "max.poll.interval.ms": POLL_SECONDS * 1000}
        file = config(
            folder,
            registry=registry.url,
            orders=orders,
            contacts=contacts,
            kafka={
                "bootstrap_servers": broker.bootstrap,
                "group_id": "group." + orders,
                "properties": timeouts,
            },
            topics=[
                {"name": orders, "entity": "order", "version": "rev", "params": {"rev": "rev"}},
                {"name": contacts, "entity": "contact", "version": "rev"},
            ],
            destinations={
                "yespo": {"type": "yespo", "url": sandbox.url, "api_key_file": str(folder / "key")}
            },
            delivery={"drain_seconds": 2, "linger_ms": 50},
            server={"host": "127.0.0.1", "port": port},
        )
        instance = Instance(file, port)
        shop = Shop(broker.bootstrap, registry, orders, contacts, seed=5)
        try:
            with Progress(broker.bootstrap, f"group.{orders}.yespo", (orders, contacts)) as progress:
                yield World(instance, sandbox, shop, progress)
        finally:
            shop.stop()
            instance.close()


def test_a_key_that_was_corrected_in_its_file_is_taken_without_a_restart(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path, key="revoked yesterday") as here:
        here.shop.write(40, orders=10)
        here.instance.start()
        here.await_pause("credentials")
        assert here.sandbox.crm.counts()["events"] == 0
        (tmp_path / "key").write_text("sandbox-key\n")
        here.finish()
        assert here.instance.metric(PAUSED % "credentials") == 0


def test_a_retry_after_longer_than_the_poll_interval_costs_no_partition(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path, key="sandbox-key") as here:
        wait = POLL_SECONDS + 6
        headers = {"retry-after": str(wait)}
        here.sandbox.faults.add({"do": "status", "status": 429, "headers": headers, "times": 1})
        here.shop.write(40, orders=10)
        here.instance.start()
        here.await_pause("quota")
        begun = time.monotonic()
        while time.monotonic() - begun < POLL_SECONDS + 2:
            assert here.instance.partitions() > 0, here.instance.trouble()
            assert here.sandbox.crm.counts()["events"] == 0
            time.sleep(0.2)
        here.finish()
