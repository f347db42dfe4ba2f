"""The connector as a process while its destination refuses: it stays in its group, and goes on by itself."""

import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from connector.core.quota import VOID
from connector.sandbox.server import SandboxServer
from tests.cli.configs import config
from tests.support.broker import Broker
from tests.support.heeded import heeded
from tests.support.instance import Instance, wait_until
from tests.support.kafka_node import free_ports
from tests.support.local_kafka import LocalKafka
from tests.support.postgres import Database, LocalPostgres
from tests.support.postgres_plugin import with_tables
from tests.support.progress import Progress
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory
from tests.support.versions import Shop

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

PAUSED = 'crm_connector_paused{destination="yespo",reason="%s"}'
MOVED = 'crm_connector_rebalances_total{kind="%s"}'
DEAD = "crm_connector_dead_letters_total{"
FLYING = 'crm_connector_in_flight_events{destination="yespo"}'
SENT = 'crm_connector_requests_total{destination="yespo",resource="events",status="200"}'
PATIENCE = 120
"""Seconds for what takes a few: a limit for a busy machine."""
POLL_SECONDS = 12
"""max.poll.interval.ms: who does not poll for so long loses its partitions. More than a slow broker may hold
the lane up: ten seconds for a write of dead letters, or a commit."""


class World:
    """A connector at work on a few orders, its API key in a file, and a CRM."""

    def __init__(
        self, instances: list[Instance], sandbox: SandboxServer, shop: Shop, progress: Progress
    ) -> None:
        self.instances, self.sandbox, self.shop, self._progress = instances, sandbox, shop, progress
        self.instance = instances[0]

    def await_pause(self, reason: str) -> None:
        wait_until(
            lambda: self.instance.partitions() > 0 and self.instance.metric(PAUSED % reason) == 1,
            PATIENCE,
            self.instance.trouble,
        )

    def finish(self) -> None:
        """All is committed and in the CRM, by the processes that were started; dead is only the poison."""
        self._progress.await_end(PATIENCE, self.instance.trouble)
        sent = {str(event.params["externalOrderId"]) for event in self.sandbox.crm.events}
        assert sent == self.shop.orders.keys()
        for instance in self.instances:
            assert instance.running
            dead = [line for line in instance.get("/metrics").splitlines() if line.startswith(DEAD)]
            assert all("bad_framing" in line for line in dead), dead

    def moved(self) -> float:
        """How often partitions were taken from it."""
        return sum(self.instance.metric(MOVED % kind) for kind in ("revoked", "lost"))


@contextmanager
def world(
    broker: Broker,
    topic: TopicFactory,
    folder: Path,
    *,
    key: str = "sandbox-key",
    replicas: int = 1,
    started: Callable[[Path, int], Instance] = Instance,
    **more: object,
) -> Iterator[World]:
    """started: makes an instance of a configuration and its port. more: parts of the configuration."""
    orders, contacts = topic("orders", partitions=4), topic("contacts")
    (folder / "key").write_text(key)
    with (
        running_registry() as registry,
        SandboxServer(conflict_seconds=0) as sandbox,
        heeded(sandbox.crm),
        ExitStack() as ends,
    ):
        timeouts = dict.fromkeys(("session.timeout.ms", "max.poll.interval.ms"), POLL_SECONDS * 1000)
        kafka = {"bootstrap_servers": broker.bootstrap, "group_id": f"group.{orders}", "properties": timeouts}
        yespo = {"type": "yespo", "url": sandbox.url, "api_key_file": str(folder / "key")}
        parts = {
            "kafka": kafka,
            "topics": [
                {"name": orders, "entity": "order", "version": "rev", "params": {"rev": "rev"}},
                {"name": contacts, "entity": "contact", "version": "rev"},
            ],
            "destinations": {"yespo": yespo},
            "delivery": {"drain_seconds": 2, "linger_ms": 50},
        }
        instances = []
        for number, port in enumerate(free_ports(replicas)):
            (own := folder / str(number)).mkdir()
            server = {"host": "127.0.0.1", "port": port}
            rest = parts | {"server": server} | more
            file = config(own, registry=registry.url, orders=orders, contacts=contacts, **rest)  # type: ignore[arg-type]
            instances.append(started(file, port))
            ends.callback(instances[-1].close)
        shop = Shop(broker.bootstrap, registry, orders, contacts, seed=5)
        ends.callback(shop.stop)
        progress = Progress(broker.bootstrap, f"group.{orders}.yespo", (orders, contacts))
        yield World(instances, sandbox, shop, ends.enter_context(progress))


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
        assert here.instance.metric(PAUSED % "credentials") == here.moved() == 0


def test_a_retry_after_longer_than_the_poll_interval_costs_no_partition(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path) as here:
        wait = POLL_SECONDS + 6
        headers = {"retry-after": str(wait)}
        here.sandbox.faults.add({"do": "status", "status": 429, "headers": headers, "times": 1})
        here.shop.write(40, orders=10)
        asked = here.sandbox.clock()
        here.instance.start()
        here.await_pause("quota")
        begun = time.monotonic()
        while time.monotonic() - begun < POLL_SECONDS + 2:
            assert here.instance.partitions() > 0, here.instance.trouble()
            time.sleep(0.2)
        here.finish()
        assert min(event.at for event in here.sandbox.crm.events) > asked + wait
        assert here.moved() == 0


@pytest.mark.postgres
def test_two_replicas_keep_one_rate_between_them(
    broker: Broker, topic: TopicFactory, tmp_path: Path, migrated: Database
) -> None:
    """Ten requests a second by configuration: alone each would send ten. A slow machine only takes longer."""
    rate = 10
    ledger, delivery = {"url": migrated.url}, {"rate_per_second": rate, "drain_seconds": 2, "linger_ms": 50}
    with world(broker, topic, tmp_path, replicas=2, ledger=ledger, delivery=delivery) as here:
        first, second = here.instances
        for instance in here.instances:
            instance.start()
        wait_until(lambda: {first.partitions(), second.partitions()} == {2, 3}, PATIENCE, second.trouble)
        begun = here.sandbox.clock()
        here.shop.write(150, orders=150)
        here.finish()
        moments = [event.at for event in here.sandbox.crm.events]
        spent = max(moments) - begun  # the first ones may have waited to be heard by a busy machine
        assert len(moments) <= rate * spent * 1.05 + 1 + rate * VOID + 1
        assert migrated.psql("SELECT destination, rate FROM crm_connector.quotas") == [("yespo", rate)]
        sent = [instance.metric(SENT) for instance in here.instances]
        assert min(sent) > len(moments) / 10


@pytest.mark.parametrize("leave", [LocalKafka.kill, LocalKafka.pause], ids=["gone", "hangs"])
def test_a_stop_while_kafka_is_away_finishes_what_flies_and_ends_well(
    own_kafka: LocalKafka, tmp_path: Path, leave: Callable[[LocalKafka], None]
) -> None:
    """Its library waits for a coordinator as long as a session lasts, for a broker as long as that hangs."""
    broker, delivery = Broker(own_kafka.bootstrap, "local"), {"drain_seconds": 6, "linger_ms": 50}
    with world(broker, TopicFactory(broker), tmp_path, delivery=delivery) as here:
        here.shop.write(5, orders=1)
        here.instance.start()
        wait_until(lambda: here.sandbox.crm.counts()["events"] > 0, PATIENCE, here.instance.trouble)
        here.sandbox.faults.add({"do": "delay", "delay": 3, "match": {"path": "/v2/event"}, "times": 1})
        here.shop.write(5, orders=1)
        wait_until(lambda: here.instance.metric(FLYING) > 0, PATIENCE, here.instance.trouble)
        leave(own_kafka)
        assert here.instance.end(signal.SIGTERM) == 0, here.instance.trouble()
        assert "in doubt" not in here.instance.output.read_text()
        own_kafka.restart()
        here.instance.start()
        here.finish()
        revs = [str(event.params["rev"]) for event in here.sandbox.crm.events]
        assert len(revs) == len(set(revs)), "sent twice"


class Ledgerless:
    """Takes the ledger away from a process at work, and gives it back; what was sent meanwhile."""

    def __init__(self, here: World) -> None:
        self._here = here

    @property
    def sent(self) -> int:
        return self._here.sandbox.crm.counts()["events"]

    def suffer(self, take: Callable[[], object], give_back: Callable[[], object]) -> None:
        """Under load: it pauses, says so, sends nothing more, keeps its partitions, and goes on by itself."""
        here, instance = self._here, self._here.instance
        here.shop.start(each=8, seconds=0.1, orders=60)
        instance.start()
        wait_until(lambda: self.sent > 100, PATIENCE, instance.trouble)
        take()
        here.await_pause("ledger")
        begun = time.monotonic()
        wait_until(self._is_silent, PATIENCE, instance.trouble)  # what was on its way may still arrive
        before = self.sent
        while time.monotonic() - begun < POLL_SECONDS + 1:
            assert instance.partitions() == 5, instance.trouble()
            time.sleep(0.2)
        assert self.sent == before
        assert instance.metric(PAUSED % "ledger") == 1
        give_back()
        wait_until(lambda: self.sent > before + 50, PATIENCE, instance.trouble)
        here.shop.stop()
        here.finish()
        revs = [str(event.params["rev"]) for event in here.sandbox.crm.events]
        assert len(revs) == len(set(revs)), "sent twice"
        assert instance.metric(PAUSED % "ledger") == here.moved() == 0

    def _is_silent(self) -> bool:
        before = self.sent
        time.sleep(3.0)
        return self.sent == before


@pytest.mark.postgres
def test_a_ledger_in_postgresql_that_is_killed_under_load_stops_the_sending_until_it_is_back(
    broker: Broker, topic: TopicFactory, tmp_path: Path, own_postgres: LocalPostgres
) -> None:
    database = with_tables(Database(own_postgres.url))
    with world(broker, topic, tmp_path, ledger={"url": database.url}) as here:
        Ledgerless(here).suffer(own_postgres.stop, own_postgres.start)


def test_a_disk_that_takes_nothing_more_stops_the_sending_until_it_does(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    """No file of the process may be written any more: neither the ledger nor its log."""
    with world(broker, topic, tmp_path) as here:

        def limit(size: int) -> None:
            resource.prlimit(here.instance.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        Ledgerless(here).suffer(lambda: limit(0), lambda: limit(resource.RLIM_INFINITY))
