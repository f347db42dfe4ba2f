"""What the chart puts around the pods: scaling, budgets, alerts, network, replay."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.test_alerts import RULES
from tests.chart.render import CHART, CI, merged, of_kind, render, settings, tool, values_of, workloads

ALERTS = {"alerts": {"enabled": True}}
JOB = 'namespace="shop",job="shop/crm-crm-connector"'
LIMITED = [name for name, rule in RULES.items() if re.search(r"> [0-9.]*[1-9]0*$", rule["expr"])]


def rules(values: dict[str, Any], **over: Any) -> dict[str, dict[str, Any]]:
    """The alerts of a release named crm, by name."""
    (rendered,) = of_kind(render(merged(values, over)), "PrometheusRule").values()
    return {rule["alert"]: rule for group in rendered["spec"]["groups"] for rule in group["rules"]}


def missed(values: dict[str, Any], series: dict[str, str], folder: Path) -> list[str]:
    """The destinations for which CrmConnectorAbsent fires after half an hour of these series."""
    rule = rules(values, **ALERTS)["CrmConnectorAbsent"]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "absent", "rules": [rule]}]}))
    firing = 'count by (destination) (ALERTS{alertstate="firing"})'
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": given} for name, given in series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": "30m", "exp_samples": []}],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    command = [tool("promtool"), "test", "rules", "test.yaml"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert told.returncode in {0, 1}
    return re.findall(r'\{destination="(\w+)"\} 1', told.stdout + told.stderr)


@pytest.mark.parametrize("name", ["keda", "keda-prometheus"])
def test_what_is_scaled_has_no_number_of_pods_of_the_charts(name: str) -> None:
    manifests = render(values_of(name))
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(manifests, "ScaledObject").values()}

    assert scaled == set(workloads(manifests))
    assert all("replicas" not in one["spec"] for one in workloads(manifests).values())


def test_keda_asks_for_the_groups_and_topics_that_the_program_reads(tmp_path: Path) -> None:
    manifests = render(values_of("keda"))
    read = settings(manifests, tmp_path)
    asked = {
        (trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"])
        for one in of_kind(manifests, "ScaledObject").values()
        for trigger in one["spec"]["triggers"]
    }

    assert asked == {
        (read.group_of(name), topic.name) for name in read.destinations for topic in read.topics_of(name)
    }


def test_keda_looks_at_an_offset_no_sooner_than_it_can_have_moved() -> None:
    """KEDA calls a lag persistent, and so none, whose offset is that of its last look: the autoscaler's
    questions between two polls must not count as looks."""
    for scaled in of_kind(render(values_of("keda")), "ScaledObject").values():
        for trigger in scaled["spec"]["triggers"]:
            assert trigger["metadata"]["excludePersistentLag"] == "true"
            assert trigger["useCachedMetrics"]


@pytest.mark.parametrize(
    ("over", "job"),
    [({}, "crm-crm-connector"), ({"monitor": {"kind": "PodMonitor"}}, "shop/crm-crm-connector"),
     ({"alerts": {"job": "own"}}, "own")],
)  # fmt: skip
def test_keda_asks_prometheus_for_the_series_of_its_release_alone(over: dict[str, Any], job: str) -> None:
    (scaled,) = of_kind(render(merged(values_of("keda-prometheus"), over)), "ScaledObject").values()
    (trigger,) = scaled["spec"]["triggers"]

    chosen = f'namespace="shop",job="{job}",destination="yespo"'
    assert trigger["metadata"]["query"] == f"sum(crm_connector_scalable_lag_records{{{chosen}}})"


def test_a_destination_scales_by_limits_of_its_own() -> None:
    scaled = of_kind(render(values_of("keda")), "ScaledObject")

    most = {name: one["spec"]["maxReplicaCount"] for name, one in scaled.items()}
    assert most == {"crm-crm-connector-yespo": 4, "crm-crm-connector-second": 2}


def test_only_what_has_several_pods_has_a_disruption_budget() -> None:
    assert not of_kind(render(values_of("minimal")), "PodDisruptionBudget")
    full = of_kind(render(values_of("full")), "PodDisruptionBudget")  # its second account has one
    assert set(full) == {"crm-crm-connector-metrica", "crm-crm-connector-yespo"}
    assert len(of_kind(render(values_of("keda")), "PodDisruptionBudget")) == 2


@pytest.mark.parametrize(("name", "places"), [("minimal", ["emptyDir"]), ("full", [])])
def test_helm_test_has_a_place_where_an_sqlite_ledger_could_be_made(name: str, places: list[str]) -> None:
    """Its own: the volume with the ledger is the running pod's."""
    spec = of_kind(render(values_of(name)), "Pod")["crm-crm-connector-check"]["spec"]
    volumes = {volume.pop("name"): [*volume] for volume in spec["volumes"]}
    (container,) = spec["containers"]
    mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}

    assert mounted.get("/var/lib/crm-connector", []) == places


def test_the_charts_alerts_are_those_of_the_file_narrowed_to_the_release() -> None:
    rendered = rules(values_of("minimal"), **ALERTS)

    assert set(rendered) == set(RULES)
    for name, rule in rendered.items():
        narrowed = 'namespace="shop",job="shop/crm-crm-connector"'
        narrowed += ',destination="yespo"' if name == "CrmConnectorAbsent" else ""
        assert rule["expr"] == RULES[name]["expr"].replace('job=~".+"', narrowed)
        assert rule["annotations"]["summary"] == RULES[name]["annotations"]["summary"]


def test_the_alerts_of_a_service_monitor_look_at_its_job() -> None:
    monitor = {"kind": "ServiceMonitor", "enabled": True}
    rendered = rules(values_of("minimal"), **ALERTS, monitor=monitor)

    assert 'job="crm-crm-connector"' in rendered["CrmConnectorAbsent"]["expr"]


@pytest.mark.parametrize("name", LIMITED)
def test_a_threshold_severity_and_duration_can_be_chosen(name: str) -> None:
    own = {"threshold": 12.5, "severity": "info", "for": "42m"}
    rule = rules(values_of("minimal"), alerts={"enabled": True, "rules": {name: own}})[name]

    assert rule["expr"].endswith("> 12.5")
    assert rule["labels"] == {"severity": "info"}
    assert rule["for"] == "42m"


def test_an_alert_can_be_left_out_and_others_added() -> None:
    rendered = rules(values_of("full"))

    assert set(RULES) - set(rendered) == {"CrmConnectorDeadLetter"}
    assert "Mine" in rendered


def test_each_destination_is_missed_by_itself(tmp_path: Path) -> None:
    """Another one's process that is there does not hide it."""
    there = {f'crm_connector_assigned_partitions{{{JOB},destination="second"}}': "3x30"}
    gone = {f'crm_connector_assigned_partitions{{{JOB},destination="yespo"}}': "3x10 stale"}

    assert missed(values_of("keda"), there | gone, tmp_path) == ["yespo"]


@pytest.mark.parametrize(("wanted", "expected"), [(0, []), (2, ["yespo"])])
def test_what_may_be_scaled_to_nothing_is_missed_only_while_pods_are_wanted(
    wanted: int, expected: list[str], tmp_path: Path
) -> None:
    values = merged(values_of("keda-prometheus"), {"monitor": {"kind": "PodMonitor"}})
    (workload,) = workloads(render(values))
    series = {f'kube_deployment_spec_replicas{{namespace="shop",deployment="{workload}"}}': f"{wanted}x30"}

    assert missed(values, series, tmp_path) == expected


def test_a_runbooks_address_is_the_base_and_a_file_that_there_is() -> None:
    base = "https://git.example/platform/crm-connector/blob/main/"
    for name, rule in rules(values_of("full")).items():
        if name in RULES:
            url = rule["annotations"]["runbook_url"]
            assert url.startswith(base)
            assert (CHART.parents[1] / url.removeprefix(base)).is_file()


def test_the_network_lets_out_what_is_configured() -> None:
    (policy,) = of_kind(render(values_of("full")), "NetworkPolicy").values()
    ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
    (kafka,) = [rule for rule in policy["spec"]["egress"] if rule["ports"][0]["port"] == 9093]

    assert ports == [53, 53, 9093, 8443, 5432, 443, 4318]
    assert kafka["to"] == values_of("full")["networkPolicy"]["to"]["kafka"]


def test_the_network_lets_out_to_a_proxy_instead_of_a_destination_and_to_who_gives_kafkas_tokens() -> None:
    properties = {"sasl.oauthbearer.token.endpoint.url": "https://login:8444/token"}
    yespo = {"type": "yespo", "proxy": "http://proxy:3128"}
    over = {
        "config": {"kafka": {"properties": properties}, "destinations": {"yespo": yespo}},
        "networkPolicy": {"to": {"identity": [{"podSelector": {}}]}},
    }
    (policy,) = of_kind(render(merged(values_of("full"), over)), "NetworkPolicy").values()
    peers = {port["port"]: rule.get("to") for rule in policy["spec"]["egress"] for port in rule["ports"]}

    assert 3128 in peers
    assert peers[8444] == [{"podSelector": {}}]


def test_the_network_of_a_trial_lets_out_no_ledger_and_no_registry() -> None:
    (policy,) = of_kind(render(values_of("trial")), "NetworkPolicy").values()
    ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]

    assert ports == [53, 53, 9092, 8080]


def test_a_replay_is_a_job_or_by_schedule_a_cron_job() -> None:
    manifests = render(values_of("full"))
    (job,) = of_kind(manifests, "Job").values()
    (cron,) = of_kind(manifests, "CronJob").values()
    (container,) = job["spec"]["template"]["spec"]["containers"]

    assert " ".join(container["args"]) == (
        "replay -c /etc/crm-connector/connector.yaml --destination yespo --topic crm.public.orders "
        "--from 2025-01-01T00:00:00Z --to 2026-01-01T00:00:00Z --via past_events"
    )
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"


@pytest.mark.parametrize("file", CI, ids=lambda file: file.name)
def test_the_notes_name_what_runs_and_warn_of_what_is_for_trials_or_to_be_kept(file: Path) -> None:
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    command = [tool("helm4"), "install", "crm", str(CHART), "-n", "shop", "-f", str(file), "--dry-run=client"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("NOTES:\n")[2]
    manifests = render(values)
    running = [f"{one['kind'].lower()}/{name}" for name, one in workloads(manifests).items()]

    assert {line.split()[-1] for line in told.splitlines()[1 : 1 + len(running)]} == set(running)
    assert ("keep that volume" in told) == any(
        "volumeClaimTemplates" in one["spec"] for one in workloads(manifests).values()
    )
    assert ("for trials only" in told) == bool(values.get("secret", {}).get("tokens"))
    assert ("Nobody is alerted" in told) == (not of_kind(manifests, "PrometheusRule"))


def test_helms_own_test_asks_the_program_whether_everything_works() -> None:
    (check,) = of_kind(render(values_of("full")), "Pod").values()

    assert check["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert check["spec"]["containers"][0]["args"] == ["check", "-c", "/etc/crm-connector/connector.yaml"]
    assert check["spec"]["restartPolicy"] == "Never"


def test_what_is_optional_is_off() -> None:
    kinds = {one["kind"] for one in render(values_of("minimal"))}

    assert kinds == {"ServiceAccount", "ConfigMap", "Service", "StatefulSet", "Pod"}


def test_every_value_is_documented() -> None:
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    top = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    assert [name for name in top if f"\n| {name}" not in readme] == []
