"""A real Prometheus looks at the connector as a process through an outage: alerts fire, and resolve."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
import yaml

from tests.chart.render import CHART, tool
from tests.chart.test_dashboard import QUERIES
from tests.process.test_outages import world
from tests.support.broker import Broker
from tests.support.instance import wait_until
from tests.support.kafka_node import free_ports
from tests.support.topics import TopicFactory

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

FOR = "3s"
"""For how long something has to be so here, instead of minutes."""
NOTHING_HERE = {"Day's quota at this pace"}
"""Panels that are empty on a healthy day of a destination that counts no requests."""

LETTERS = {"CrmConnectorDeadLetter"}
"""One of the records written during the outage is poison: the first of its kind, whose series begins at 1."""


class Prometheus:
    """A server on the chart's rules, with one target."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]

    def firing(self) -> set[str]:
        """Names of all that fire."""
        alerts = self.ask("alerts")["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def await_firing(self, alerts: set[str]) -> None:
        """Wait until these fire and no other: whatever stands still for three seconds may for a moment."""
        wait_until(lambda: self.firing() == alerts, 120, lambda: f"{self.ask('alerts')}")

    def was_pending(self, alert: str) -> bool:
        """Whether it did not fire at once."""
        pending = f'count_over_time(ALERTS{{alertname="{alert}",alertstate="pending"}}[10m])'
        return bool(self.ask("query", query=pending)["result"])

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self.ask("status/buildinfo"))
        except OSError:
            return False


@contextmanager
def watching(target: int, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes a port each second."""
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"] if "for" in rule):
        rule["for"] = FOR
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    scrape = {"job_name": "crm", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [scrape],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (port,) = free_ports(1)
    command = [
        tool("prometheus"),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            server = Prometheus(port)
            wait_until(server.ready, 120, lambda: (folder / "prometheus.log").read_text()[-2000:])
            yield server
        finally:
            process.terminate()


def empty_panels(prometheus: Prometheus) -> set[str]:
    """Titles of those whose query returns nothing."""
    chosen = {
        "$namespace": ".*",
        "$job": ".*",
        "$instance": ".*",
        "$destination": ".*",
        "$__rate_interval": "1m",
    }
    empty = set()
    for title, query in QUERIES:
        for name, value in chosen.items():
            query = query.replace(name, value)  # noqa: PLW2901 - the query as Grafana fills it in
        if not prometheus.ask("query", query=query)["result"]:
            empty.add(title)
    return empty


@pytest.mark.timeout(900)
def test_alerts_fire_in_an_outage_and_resolve_after_it_and_the_dashboard_shows_it(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path) as here, watching(here.instance.port, tmp_path) as prometheus:
        here.instance.start()
        here.shop.write(40, orders=10)
        here.finish()
        prometheus.await_firing(set())

        here.sandbox.faults.add({"do": "status", "status": 503})
        here.shop.write(40, orders=10)
        prometheus.await_firing({"CrmConnectorPausedDestination"} | LETTERS)
        assert prometheus.was_pending("CrmConnectorPausedDestination")
        wait_until(
            lambda: empty_panels(prometheus) == NOTHING_HERE, 60, lambda: f"{empty_panels(prometheus)}"
        )

        here.sandbox.faults.clear()
        here.finish()
        prometheus.await_firing(LETTERS)
        here.instance.end(SIGKILL)
        wait_until(lambda: "CrmConnectorAbsent" in prometheus.firing(), 120, lambda: f"{prometheus.firing()}")
