"""The dashboard asks for what the connector exports, in queries that Prometheus understands.

That it is what tools/dashboard/make.py makes is shown by `make chart`.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.adapters.metric_table import METRICS, PREFIX
from tests.alerts.test_alerts import RULES
from tests.chart.render import CHART, of_kind, render, tool, values_of

TEXT = (CHART / "files" / "dashboards" / "crm-connector.json").read_text(encoding="utf-8")
BOARD: dict[str, Any] = json.loads(TEXT)
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
PROCESS = {"namespace", "job", "instance"}
SUFFIXES = {"counter": [""], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
LABELS = {
    f"{PREFIX}{one.name}{suffix}": {*one.labels} for one in METRICS for suffix in SUFFIXES[one.kind]
} | {"process_cpu_seconds_total": set(), "process_resident_memory_bytes": set()}


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_a_query_asks_for_metrics_and_labels_that_there_are_and_can_be_narrowed(
    title: str, query: str
) -> None:
    selectors = re.findall(r"\b((?:crm_connector|process)_\w+)\{([^}]*)\}", query)

    assert selectors
    assert len(selectors) == len(re.findall(r"\b(?:crm_connector|process)_\w+", query))
    for metric, matchers in selectors:
        named = set(re.findall(r"(\w+)[=!]", matchers))
        assert metric in LABELS
        assert named >= PROCESS | (LABELS[metric] & {"destination"})
        assert named <= PROCESS | LABELS[metric]


@pytest.mark.parametrize(("title", "query"), QUERIES)
def test_what_a_query_groups_by_and_shows_are_labels_of_its_metrics(title: str, query: str) -> None:
    known = {"le", "instance"}.union(
        *(LABELS[name] for name in re.findall(r"(?:crm_connector|process)_\w+", query))
    )
    grouped = {
        label for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in re.split(r",\s*", group)
    }
    legends = {
        label
        for panel in PANELS
        for target in panel["targets"]
        if target["expr"] == query
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    }

    assert grouped <= known
    assert legends <= grouped or "process_" in query


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, (_, query) in enumerate(QUERIES)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run(
        [tool("promtool"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_in_which_unit_of_a_source_to_choose(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_alerts_that_panels_name_exist() -> None:
    named = set(
        re.findall(r"(CrmConnector\w+)(?!\w*…)\b(?!…)", " ".join(panel["description"] for panel in PANELS))
    )

    assert named
    assert named <= set(RULES)


def test_every_alert_has_a_panel_that_names_it() -> None:
    """There an operator sees since when, and how much."""
    text = " ".join(panel["description"] for panel in PANELS)
    kinds = re.findall(r"(CrmConnector\w+)…", text)

    assert [name for name in RULES if name not in text and not name.startswith(tuple(kinds))] == []


def test_the_chart_ships_it_as_it_is() -> None:
    shipped = [
        one
        for one in of_kind(render(values_of("full")), "ConfigMap").values()
        if "dashboard" in str(one["metadata"])
    ]

    assert [json.loads(one["data"]["crm-connector.json"]) for one in shipped] == [BOARD]
    assert shipped[0]["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_what_queries_are_narrowed_by_can_be_chosen_of_the_same_source() -> None:
    """As Grafana's dashboard linter wants it: a source, jobs and instances to choose; all at first."""
    chosen = {one["name"]: one for one in BOARD["templating"]["list"]}
    used = set(re.findall(r'"\$(\w+)"', " ".join(query for _, query in QUERIES)))

    assert set(chosen) == used | {"datasource"}
    assert used >= PROCESS
    for name in used:
        assert chosen[name]["datasource"]["uid"] == "${datasource}"
        assert (chosen[name]["multi"], chosen[name]["includeAll"], chosen[name]["allValue"]) == (
            True,
            True,
            ".*",
        )


def test_a_rate_is_over_what_the_zoom_asks_for_unless_its_description_says_for_how_long() -> None:
    fixed = {title for title, query in QUERIES if re.search(r"\[\d+[smhd]\]", query)}
    told = {panel["title"] for panel in PANELS if re.search("24 hours|until 00:00", panel["description"])}

    assert fixed == told


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_query_is_of_the_source_that_was_chosen(panel: dict[str, Any]) -> None:
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
