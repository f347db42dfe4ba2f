"""A Kubernetes cluster by its ordinary clients, which tools/get has got."""

import json
import subprocess
from pathlib import Path
from typing import Any

CHART = Path("helm/crm-connector")
LIMIT = 300
"""Seconds that a command may take: a limit for a busy machine, not what it takes."""


class CommandError(AssertionError):
    """kubectl or helm, and what it said."""


class Namespace:
    """One of its own, in which Pod Security `restricted` is enforced. Raises CommandError throughout."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make it. folder: that of tools/kube/up."""
        self.name, self._config = name, folder / "kubeconfig"
        self.kubectl("create", "namespace", name)
        self.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What it prints."""
        return self._run("kubectl4", arguments, stdin)

    def helm(self, *arguments: str) -> str:
        """What it prints."""
        return self._run("helm4", arguments)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Make these."""
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))

    def get(self, *what: str) -> Any:
        """An object, or a list's items."""
        found = json.loads(self.kubectl("get", *what, "-o", "json"))
        return found.get("items", found)

    def volume(self, claim: str, folder: Path) -> None:
        """A folder of the node as what a claim is bound to: restricted pods may mount none by themselves."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        self.apply({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"{self.name}-{claim}"},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "5Gi"},
                "hostPath": {"path": str(folder)}, "claimRef": {"namespace": self.name, "name": claim},
            },
        })  # fmt: skip

    def watch(self, labels: str, file: Path) -> subprocess.Popen[bytes]:
        """Every state of these pods, as one JSON document after another in a file, until it is killed."""
        options = ("get", "pods", "-l", labels, "--watch", "-o", "json")
        with file.open("wb") as output:
            return subprocess.Popen(self._command("kubectl4", options), stdout=output)

    def _command(self, program: str, arguments: tuple[str, ...]) -> list[str]:
        return [program, f"--kubeconfig={self._config}", "--namespace", self.name, *arguments]

    def _run(self, program: str, arguments: tuple[str, ...], stdin: str = "") -> str:
        command = self._command(program, arguments)
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=LIMIT
        )
        if done.returncode:
            raise CommandError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout
