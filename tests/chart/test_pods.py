"""What the chart runs: restricted pods with the program's commands, and a configuration that it accepts."""

from pathlib import Path
from typing import Any

import pytest
import typer

import connector
from connector.cli import app, call
from tests.chart.render import (
    CHART,
    CI,
    ROOT,
    merged,
    of_kind,
    pods,
    render,
    settings,
    values_of,
    workloads,
)

NAMES = [file.name.removesuffix("-values.yaml") for file in CI]
SHARED = {"config": {"ledger": {"url_file": "/run/secrets/crm-connector/ledger"}}}


@pytest.mark.parametrize("name", NAMES)
def test_the_program_accepts_the_configuration_and_has_a_workload_for_each_destination(
    name: str, tmp_path: Path
) -> None:
    manifests = render(values_of(name))
    read = settings(manifests, tmp_path)
    running = [
        container["args"][-1]
        for one in workloads(manifests).values()
        for container in one["spec"]["template"]["spec"]["containers"]
    ]

    assert sorted(running) == sorted(read.destinations)
    assert read.server.port == 9108


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_restricted_and_has_a_read_only_root_and_no_token(name: str) -> None:
    for pod in pods(render(values_of(name))):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 10_000
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= {
                *(volume["name"] for volume in pod["volumes"]),
                "ledger",
            }


@pytest.mark.parametrize("name", NAMES)
def test_pods_run_commands_that_the_program_has(name: str) -> None:
    commands = set(getattr(typer.main.get_command(app), "commands", {}))
    used = {
        container["args"][0]
        for pod in pods(render(values_of(name)))
        for container in [*pod["containers"], *pod.get("initContainers", [])]
    }

    assert used <= commands


def test_a_replays_job_and_cron_job_run_what_its_values_say(capsys: pytest.CaptureFixture[str]) -> None:
    """Parsed by the command itself, which ends where the pod's configuration is not there."""
    values = values_of("full")
    values["replay"]["offsets"] = {"destination": "yespo", "topic": "t", "from": 12345678, "to": "end"}
    jobs = of_kind(render(values), "Job", "CronJob")
    told = []
    for job in (one["spec"] for name, one in jobs.items() if "-replay-" in name):
        pod = job.get("jobTemplate", {}).get("spec", job)["template"]["spec"]
        command, *options = pod["containers"][0]["args"]
        assert call([command, *options]) == 2
        assert capsys.readouterr().err.startswith("/etc/crm-connector/connector.yaml: cannot be read")
        told.append(dict(zip(options[::2], options[1::2], strict=True)) | {"command": command})
    common = {"command": "replay", "-c": "/etc/crm-connector/connector.yaml", "--destination": "yespo"}
    orders = common | {"--topic": "crm.public.orders"}

    assert sorted(told, key=lambda one: one["--from"]) == [
        orders | {"--from": "-1d"},
        common | {"--topic": "t", "--from": "12345678", "--to": "end"},
        orders | {"--from": "2025-01-01T00:00:00Z", "--to": "2026-01-01T00:00:00Z", "--via": "past_events"},
    ]


@pytest.mark.parametrize("name", ["minimal", "full", "static"])
def test_a_pod_may_take_as_long_as_its_drain_and_the_end_after_it(name: str, tmp_path: Path) -> None:
    manifests = render(values_of(name))
    read = settings(manifests, tmp_path)

    for one in workloads(manifests).values():
        pod = one["spec"]["template"]["spec"]
        destination = pod["containers"][0]["args"][-1]
        assert pod["terminationGracePeriodSeconds"] == read.drain_seconds_of(destination) + 15


def test_an_sqlite_ledger_is_on_a_volume_of_its_one_pods_own(tmp_path: Path) -> None:
    manifests = render(values_of("minimal"))
    (one,) = workloads(manifests).values()
    (claim,) = one["spec"]["volumeClaimTemplates"]
    (path,) = [
        mount["mountPath"]
        for mount in one["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        if mount["name"] == claim["metadata"]["name"]
    ]

    assert one["kind"] == "StatefulSet"
    assert one["spec"]["replicas"] == 1
    assert str(settings(manifests, tmp_path).ledger.sqlite_path.parent) == path
    assert one["spec"]["serviceName"] in of_kind(manifests, "Service")


def test_a_shared_ledger_needs_no_volume_and_no_service() -> None:
    manifests = render(merged(values_of("minimal"), {**SHARED, "replicas": 3}))
    (one,) = workloads(manifests).values()

    assert one["kind"] == "Deployment"
    assert one["spec"]["replicas"] == 3
    assert one["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert "volumeClaimTemplates" not in one["spec"]
    assert not of_kind(manifests, "Service")


def test_a_static_members_name_is_its_pods(tmp_path: Path) -> None:
    manifests = render(values_of("static"))
    (one,) = workloads(manifests).values()
    variables = {entry["name"]: entry for entry in one["spec"]["template"]["spec"]["containers"][0]["env"]}
    given = {
        name: entry.get("value") or entry["valueFrom"]["fieldRef"]["fieldPath"]
        for name, entry in variables.items()
    }

    properties = settings(manifests, tmp_path, given).kafka.properties
    assert one["kind"] == "StatefulSet"
    assert properties == {"group.instance.id": "metadata.name", "session.timeout.ms": "60000"}


def test_a_changed_configuration_rolls_the_pods_and_nothing_else_does() -> None:
    def checksum(**over: Any) -> str:
        (one,) = workloads(render(merged(values_of("minimal"), over))).values()
        return str(one["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum(monitor={"enabled": True})
    assert checksum() != checksum(config={"log": {"level": "debug"}})


@pytest.mark.reveals("Helm prints the Secret")
def test_tokens_are_in_a_secret_and_nowhere_else() -> None:
    manifests = render(merged(values_of("trial"), {"secret": {"tokens": {"yespo": "tok-planted"}}}))

    assert [one["kind"] for one in manifests if "tok-planted" in str(one)] == ["Secret"]


def test_names_of_any_length_are_names_and_differ() -> None:
    long = "a" * 63
    values = merged(values_of("minimal"), {"config": {"destinations": {f"{long[:-1]}b": {"type": "yespo"}}}})
    values["config"]["destinations"][long] = {"type": "yespo"}
    manifests = render(values, release="r" * 53)
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]

    assert len(workloads(manifests)) == 3
    assert len(set(names)) == len(names)
    assert max(len(name) for _, name in names) <= 50  # a pod of a StatefulSet has a longer one


def test_two_releases_in_one_namespace_share_nothing() -> None:
    first, second = (
        {(one["kind"], one["metadata"]["name"]) for one in render(values_of("full"), release=release)}
        for release in ("one", "two")
    )

    assert not first & second


def test_chart_and_image_are_of_this_version() -> None:
    chart, image = (
        (ROOT / file).read_text(encoding="utf-8") for file in (CHART / "Chart.yaml", "Dockerfile")
    )

    assert f"\nappVersion: {connector.__version__}\n" in chart
    assert f"\nARG VERSION={connector.__version__}\n" in image
