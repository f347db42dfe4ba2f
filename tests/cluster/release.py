"""The chart installed: the processes of `make chaos` as pods, and Kubernetes is their supervisor."""

import json
import os
import random
import signal
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.chaos.replicas import START, Replicas
from tests.chaos.scenarios.processes import AT_WORK
from tests.cluster.endings import endings
from tests.cluster.kubernetes import CHART, LIMIT, CommandError, Namespace
from tests.support.instance import wait_until

Values = Mapping[str, Any]
PODS = "app.kubernetes.io/component=yespo"
FORCED = "--grace-period=0", "--force"
PORT = 9108
LOOK = 0.5
"""Seconds between two looks at a cluster."""


class Release(Replicas):
    """Pods of one destination. killed: ids of containers that were: their end is no fault of theirs."""

    def __init__(self, namespace: Namespace, folder: Path, values: Values, workload: str, count: int) -> None:
        """Not installed. workload: its kind. count: how many pods there are when nothing happens to them."""
        super().__init__([])
        self.namespace, self.workload = namespace, f"{workload}/crm-crm-connector-yespo"
        self.killed = set[str]()
        self._count = count
        self._values, self._watched = folder / "values.json", folder / "pods.watch"
        self._values.write_text(json.dumps(values), encoding="utf-8")
        self._watch: subprocess.Popen[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    def start(self) -> None:
        """Install it, and wait until every pod is in its group; then `helm test`."""
        self._watch = self.namespace.watch(PODS, self._watched)
        wait = "--wait", f"--timeout={LIMIT}s"
        self.namespace.helm("install", "crm", str(CHART), "-f", str(self._values), *wait)
        self.namespace.helm("test", "crm")

    def revive(self) -> None:
        """Kubernetes does."""

    def pods(self) -> list[dict[str, Any]]:
        """Those that are not being deleted."""
        found = self.namespace.get("pods", "-l", PODS)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def await_share(self, partitions: int) -> None:
        """Until the pods have so many partitions together, and each has some."""

        def shared() -> bool:
            held = [partitions_of(pod) for pod in self.pods()]
            return len(held) == self._count and sum(held) == partitions and min(held) > 0

        wait_until(shared, 2 * START, self.trouble, every=LOOK)

    def one(self, chance: random.Random) -> dict[str, Any]:
        """A pod that is at its work; sometimes one whose container only runs yet, as one that starts."""
        found: list[dict[str, Any]] = []

        def some() -> bool:
            least = chance.random() < AT_WORK
            found[:] = [pod for pod in self.pods() if _containers(pod) and partitions_of(pod) >= least]
            return bool(found)

        wait_until(some, START, self.trouble, every=LOOK)
        return chance.choice(found)

    def roll(self) -> None:
        """Every pod anew, one after another."""
        self.namespace.kubectl("rollout", "restart", self.workload)
        self.namespace.kubectl("rollout", "status", self.workload, f"--timeout={LIMIT}s")

    def delete(self, pod: Mapping[str, Any], *options: str) -> None:
        """It drains, or does not (FORCED); another one takes its place."""
        if options == FORCED:
            self._excuse(pod)
        self.namespace.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false", *options)

    def kill(self, pod: Mapping[str, Any]) -> None:
        """SIGKILL to its process: kubelet starts the container again."""
        self._excuse(pod)
        uid = pod["metadata"]["uid"]
        wait_until(lambda: bool(_processes(uid)), START, self.trouble)
        for process in _processes(uid):
            os.kill(process, signal.SIGKILL)

    def _excuse(self, pod: Mapping[str, Any]) -> None:
        self.killed |= _containers(pod)

    def stop(self) -> None:
        """Every pod has to end well."""
        self.namespace.kubectl("scale", self.workload, "--replicas=0")
        self.namespace.kubectl("wait", "pod", "-l", PODS, "--for=delete", f"--timeout={LIMIT}s")
        ended = endings(self._watched)
        self.ended += [f"{one}" for one in ended if one.code and one.container not in self.killed]
        assert len([one for one in ended if not one.code]) >= self._count, "pods are gone that nobody saw end"

    def close(self) -> None:
        """End it, whatever it does."""
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
        self.namespace.kubectl("delete", "pods", "--all", *FORCED)
        self.namespace.kubectl("delete", "namespace", self.namespace.name, "--wait=false")

    def trouble(self) -> str:
        """All that can be said of them when something does not happen."""
        said = []
        for what in (("get", "pods", "-o", "wide"), ("get", "events"), ("logs", "-l", PODS, "--tail=5")):
            try:
                said.append(self.namespace.kubectl(*what)[-3000:])
            except CommandError as error:
                said.append(str(error))
        return "\n".join(said)


def partitions_of(pod: Mapping[str, Any]) -> int:
    """How many it has been given; 0 while it does not serve."""
    address = pod["status"].get("podIP")
    try:
        with urllib.request.urlopen(f"http://{address}:{PORT}/status", timeout=5) as answer:
            status = json.load(answer)
    except OSError:
        return 0
    return sum(len(lane["partitions"]) for lane in status.get("lanes", ()))


def _containers(pod: Mapping[str, Any]) -> set[str]:
    """The ids of those that run."""
    statuses = pod["status"].get("containerStatuses", ())
    return {status["containerID"] for status in statuses if "running" in status["state"]}


def _processes(uid: str) -> list[int]:
    """The connectors in a pod, as the node sees them: by cgroup and command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            group, command = (process / "cgroup").read_text(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"pod{uid}" in group and b"crm-connector\0run" in command and b"dumb-init" not in command:
            found.append(int(process.name))
    return found
