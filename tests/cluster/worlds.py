"""What `make chaos` puts around its replicas, put around pods, which reach it as one more machine does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.chaos.machines import Machines
from tests.chaos.world import World
from tests.chaos.worlds import running
from tests.cluster.kubernetes import Namespace
from tests.cluster.release import Release
from tests.support.instance import open_claims

IMAGE = {"repository": "docker.io/library/crm-connector", "tag": "local"}
KEY = {"yespo": "sandbox-key"}
SECRETS = "/run/secrets/crm-connector"
HISTORIES = "/var/history"
POLICIES = [{"type": "Pods", "value": 1, "periodSeconds": 5}]
KEDA = {
    "enabled": True,
    "maxReplicaCount": 3,
    "lagThreshold": 500,
    "pollingInterval": 10,
    "behavior": {
        "scaleUp": {"stabilizationWindowSeconds": 0, "policies": POLICIES},
        "scaleDown": {"stabilizationWindowSeconds": 30, "policies": POLICIES},
    },
}
"""As the chart has it, but in seconds."""


class Cluster:
    """The node that tools/chart-node has brought up in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def deployment(self, machines: Machines, folder: Path, seed: int) -> Iterator[World]:
        """Three pods that share a ledger in PostgreSQL, which the first of them migrates."""
        with self._shared(machines, folder, seed, {"replicas": 3}, 3) as world:
            yield world

    @contextmanager
    def scaled(self, machines: Machines, folder: Path, seed: int) -> Iterator[World]:
        """As many pods as KEDA wants, each slow enough to need the others."""
        with self._shared(machines, folder, seed, {"keda": KEDA}, 1, in_flight=8) as world:
            yield world

    @contextmanager
    def stateful(self, machines: Machines, folder: Path, seed: int) -> Iterator[World]:
        """One pod of a StatefulSet, with a ledger in SQLite on a volume."""
        world, namespace = self._world(machines, folder, seed)
        _keep(namespace, KEY)
        ledger = folder / "ledger"
        namespace.volume("ledger-crm-crm-connector-yespo-0", ledger)
        world.claims = lambda: open_claims(ledger / "ledger.db")
        with running(world):
            values = _values(world, {"url": "sqlite:///var/lib/crm-connector/ledger.db"})
            world.replicas = Release(namespace, folder, values, "statefulset", 1)
            yield world

    @contextmanager
    def _shared(
        self, machines: Machines, folder: Path, seed: int, more: dict[str, Any], count: int, **delivery: Any
    ) -> Iterator[World]:
        world, namespace = self._world(machines, folder, seed)
        _keep(namespace, KEY | {"ledger": world.share_ledger()})
        with running(world):
            values = _values(world, {"url_file": f"{SECRETS}/ledger"}, **delivery)
            values |= {"ledgerMigration": {"enabled": True}, **more}
            world.replicas = Release(namespace, folder, values, "deployment", count)
            yield world

    def _world(self, machines: Machines, folder: Path, seed: int) -> tuple[World, Namespace]:
        folder.mkdir()
        namespace = Namespace(self._folder, folder.name)
        namespace.volume("histories", folder)
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
        named = {"apiVersion": "v1", "metadata": {"name": "histories"}}
        namespace.apply({"kind": "PersistentVolumeClaim", "spec": claim, **named})
        return World(folder.name, machines, folder, seed), namespace


def _keep(namespace: Namespace, secret: dict[str, str]) -> None:
    metadata = {"name": "crm-secrets"}
    namespace.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret})


def _values(world: World, ledger: dict[str, str], **delivery: Any) -> dict[str, Any]:
    """The chart's values for the configuration of a process: secrets and histories are elsewhere in a pod."""
    settings: Any = world.settings(ledger)
    (door,) = world.machines.doors
    settings["kafka"]["bootstrap_servers"] = f"{world.host}:{door.port}"
    del settings["destinations"]["yespo"]["api_key_file"]
    settings["delivery"] |= delivery
    return {
        "config": settings | {"history": f"{HISTORIES}/pods.history"},
        "image": IMAGE,
        "secret": {"existingSecret": "crm-secrets"},
        "extraVolumes": [{"name": "histories", "persistentVolumeClaim": {"claimName": "histories"}}],
        "extraVolumeMounts": [{"name": "histories", "mountPath": HISTORIES}],
    }
