"""The deployments that scenarios are done to: how many replicas, on what of Kafka, with which ledger."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from tests.chaos.machines import Machines
from tests.chaos.replicas import Replica, Replicas, Settings
from tests.chaos.small_disk import small_disk
from tests.chaos.world import World
from tests.support.instance import open_claims
from tests.support.kafka_cluster import KafkaCluster

DISK = 160 << 20
"""Bytes for the ledger and its log, and for what fills the rest of them."""


@contextmanager
def shared_world(machines: Machines, folder: Path, seed: int) -> Iterator[World]:
    """A replica behind each of Kafka's doors, and a ledger in PostgreSQL behind a proxy."""
    folder.mkdir()
    world = World("shared", machines, folder, seed)
    with replicated(world, [f"127.0.0.1:{door.port}" for door in machines.doors]):
        yield world


@contextmanager
def cluster_world(machines: Machines, folder: Path, seed: int) -> Iterator[World]:
    """As many replicas as brokers, and a ledger in PostgreSQL behind a proxy."""
    folder.mkdir()
    with ExitStack() as stack:
        cluster = KafkaCluster()
        stack.callback(cluster.close)
        cluster.start()
        world = World("cluster", machines, folder, seed, cluster)
        stack.enter_context(replicated(world, [cluster.bootstrap] * len(cluster.nodes)))
        yield world


@contextmanager
def single_world(machines: Machines, folder: Path, seed: int) -> Iterator[World]:
    """One replica, and a ledger in SQLite on a disk of its own. Raises NoDiskError."""
    folder.mkdir()
    world = World("single", machines, folder, seed)
    with small_disk(folder / "disk", DISK) as disk, running(world):
        world.disk, world.claims = disk, lambda: open_claims(disk.outside / "ledger.db")
        settings = world.settings({"url": f"sqlite://{disk.inside}/ledger.db"})
        world.replicas = Replicas([Replica("single", folder, settings, world.bootstrap, disk.prefix)])
        yield world


@contextmanager
def replicated(world: World, brokers: Sequence[str]) -> Iterator[None]:
    """A replica for each of these addresses of Kafka."""
    address = world.folder / "ledger_url"
    address.write_text(world.share_ledger(), encoding="utf-8")
    settings = world.settings({"url_file": str(address)})
    with running(world):
        _migrate(world, settings)
        world.replicas = Replicas([
            Replica(f"replica-{number}", world.folder, settings, where)
            for number, where in enumerate(brokers, 1)
        ])  # fmt: skip
        yield


@contextmanager
def running(world: World) -> Iterator[None]:
    """What stands around its replicas is there, and all of it ends with the block."""
    with ExitStack() as stack:
        stack.enter_context(world.sandbox)
        for proxy in filter(None, (world.crm, world.schemas, world.ledger)):
            stack.enter_context(proxy)
        stack.callback(world.close)
        yield


def _migrate(world: World, settings: Settings) -> None:
    """As an operator does before the first start."""
    file = world.folder / "migrate.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "connector", "ledger", "migrate", "-c", str(file)]
    subprocess.run(command, check=True, capture_output=True)
