"""The chart, rendered by Helm as `tools/get` gets it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.settings import Settings, load

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "crm-connector"
CI = sorted((CHART / "ci").glob("*-values.yaml"))
NAMESPACE = "shop"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
TOOLS = Path(os.environ.get("CRM_CONNECTOR_TOOLS") or _CACHE / "crm-connector" / "tools")
Manifest = dict[str, Any]


def tool(name: str) -> str:
    """A tool's path. Without it the test is skipped, but in `make chart` and in CI, where it fails."""
    path = shutil.which(name) or shutil.which(name, path=TOOLS)
    if path is None and os.environ.get("CRM_CONNECTOR_REQUIRE_CHART"):
        pytest.fail(f"{name} is missing: tools/get {name}")
    if path is None:
        pytest.skip(f"{name} is missing: tools/get {name}")
    return path


def helm(values: Mapping[str, Any], *, release: str = "crm", binary: str = "helm4") -> tuple[str, str]:
    """What `helm template` prints, and what it complains of."""
    command = [tool(binary), "template", release, str(CHART), "-n", NAMESPACE, "-f", "-"]
    done = subprocess.run(
        command, input=yaml.safe_dump(dict(values)), capture_output=True, text=True, check=False
    )
    return done.stdout, done.stderr


def render(values: Mapping[str, Any], *, release: str = "crm") -> list[Manifest]:
    """The manifests. Fails where Helm refuses the values."""
    out, complaint = helm(values, release=release)
    assert out, complaint
    return [one for one in yaml.safe_load_all(out) if one]


def values_of(name: str) -> dict[str, Any]:
    """One of the files in ci/."""
    loaded: dict[str, Any] = yaml.safe_load(
        (CHART / "ci" / f"{name}-values.yaml").read_text(encoding="utf-8")
    )
    return loaded


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm merges values: mappings by key, anything else replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    """Those of some kinds, by name."""
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] in kinds}


def workloads(manifests: list[Manifest]) -> dict[str, Manifest]:
    """What runs the connector, by name."""
    return of_kind(manifests, "Deployment", "StatefulSet")


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    """The spec of every pod there will be."""
    for one in manifests:
        spec = one.get("spec", {})
        job = spec.get("jobTemplate", {}).get("spec", spec)
        if one["kind"] == "Pod":
            yield spec
        elif "template" in job:
            yield job["template"]["spec"]


def settings(
    manifests: list[Manifest], folder: Path, environment: Mapping[str, str] | None = None
) -> Settings:
    """The configuration that the pods get, as the program reads it."""
    (config,) = [
        one for one in of_kind(manifests, "ConfigMap").values() if "connector.yaml" in (one.get("data") or {})
    ]
    file = folder / "connector.yaml"
    file.write_text(config["data"]["connector.yaml"], encoding="utf-8")
    return load(file, environment or {}, secrets=False)
