"""Prometheus' own linter has nothing to say of what is exported."""

import subprocess

from prometheus_client import generate_latest

from connector.adapters.metric_table import METRICS
from connector.adapters.metrics import PrometheusMeter
from tests.chart.render import tool


def test_promtool_finds_no_fault_in_any_metric() -> None:
    meter = PrometheusMeter()
    for one in METRICS:
        labels = dict.fromkeys(one.labels, "x")
        if one.kind == "counter":
            meter.add(one.name, 1, **labels)
        elif one.kind == "gauge":
            meter.set(one.name, 1, **labels)
        else:
            meter.observe(one.name, [1], **labels)
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"],
        input=generate_latest(meter.registry),
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
