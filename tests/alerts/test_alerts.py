"""The alerts say what is so: of metrics that there are, with a page each, and a promtool test both ways.

That they fire and are silent when they should is promtool's to show: `make alerts`.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.adapters.metric_table import METRICS, PREFIX
from connector.lane.advice import GATES
from connector.lane.partitions import QUESTIONS

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "crm-connector"
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
CHECKS: list[dict[str, Any]] = [
    check
    for test in yaml.safe_load((ROOT / "tests" / "alerts" / "alerts_test.yaml").read_text("utf-8"))["tests"]
    for check in test.get("alert_rule_test", ())
]
LABELS = {f"{PREFIX}{one.name}": {*one.labels, "job", "pod", "namespace"} for one in METRICS} | {
    "process_start_time_seconds": {"job"}
}
OWN_PAUSES = {"broker", "registry", "ledger", "dead_letters", "flood"}
"""Reasons of the lane itself; the courier's and the partitions' are listed in their rooms."""
SECTIONS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation", "## Clears"]


def selectors(expression: str) -> list[tuple[str, str]]:
    """Every metric of an expression, with what is between its braces."""
    return re.findall(rf"((?:{PREFIX}|process_)\w+)(?:\{{([^}}]*)\}})?", expression)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_asks_for_metrics_and_labels_that_there_are(name: str) -> None:
    for metric, matchers in selectors(RULES[name]["expr"]):
        assert metric in LABELS
        assert set(re.findall(r"(\w+)[=!]", matchers)) <= LABELS[metric]


@pytest.mark.parametrize("name", RULES)
def test_every_metric_of_an_alert_can_be_narrowed_to_a_release(name: str) -> None:
    found = selectors(RULES[name]["expr"])

    assert found
    assert all('job=~".+"' in matchers for _, matchers in found)


def test_every_reason_of_a_pause_has_its_alert() -> None:
    expressions = " ".join(rule["expr"] for rule in RULES.values())
    alerted = {
        reason for value in re.findall(r'reason=~?"([^"]+)"', expressions) for reason in value.split("|")
    }

    assert alerted - {"in_doubt"} == {*GATES, *QUESTIONS, *OWN_PAUSES}


@pytest.mark.parametrize("name", RULES)
def test_an_alert_has_a_severity_a_summary_and_a_page_of_its_own(name: str) -> None:
    rule = RULES[name]
    page = (ROOT / rule["annotations"]["runbook_url"]).read_text(encoding="utf-8")

    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert page.startswith(f"# {name}\n")
    assert re.findall(r"^## .*$", page, re.MULTILINE) == SECTIONS
    assert {"summary", "runbook_url"} == set(rule["annotations"])


@pytest.mark.parametrize("name", RULES)
def test_a_summary_holds_no_label_that_could_name_a_person(name: str) -> None:
    named = set(re.findall(r"\$labels\.(\w+)", RULES[name]["annotations"]["summary"]))

    assert named <= {"destination", "topic", "cause", "reason"}


def test_there_is_no_page_without_an_alert() -> None:
    pages = {page.stem for page in (CHART / "docs" / "runbooks").glob("*.md")}

    assert pages - {"README"} == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_tested_to_fire_and_to_be_silent(name: str) -> None:
    expected = [bool(check.get("exp_alerts")) for check in CHECKS if check["alertname"] == name]

    assert set(expected) == {True, False}
