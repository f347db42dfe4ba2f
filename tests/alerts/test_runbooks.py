"""What a runbook tells an operator to type, and to ask Prometheus for, exists."""

import re
import shlex
from typing import Any

import pytest
import typer

from connector.adapters.metric_table import METRICS, PREFIX
from connector.cli import app
from tests.alerts.test_alerts import CHART

PAGES = {page.stem: page.read_text("utf-8") for page in sorted((CHART / "docs" / "runbooks").glob("*.md"))}
COMMANDS = sorted(
    {
        line
        for text in PAGES.values()
        for line in re.findall(r"(?<!-)\bcrm-connector ([a-z][^`\n]* -c [^`\n]*)", text)
    }
)


def command(words: list[str]) -> tuple[Any, list[str]]:
    """The command of a line, and the words after its name."""
    found: Any = typer.main.get_command(app)
    while words and words[0] in getattr(found, "commands", {}):
        found, words = found.commands[words[0]], words[1:]
    return found, words


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_a_runbook_exists_with_its_options(line: str) -> None:
    found, words = command(shlex.split(line.replace("…", "")))
    options = {name for parameter in found.params for name in parameter.opts}

    assert found.name not in {None, "crm-connector"}
    assert {word for word in words if word.startswith("-")} <= options


def test_the_runbooks_use_commands() -> None:
    assert {"lag", "check", "resume", "order", "ledger"} <= {line.split()[0] for line in COMMANDS}


@pytest.mark.parametrize("page", PAGES)
def test_a_metric_of_a_runbook_exists(page: str) -> None:
    declared = {f"{PREFIX}{one.name}" for one in METRICS}
    histograms = {f"{PREFIX}{one.name}{end}" for one in METRICS if one.buckets for end in ("_sum", "_count")}

    assert set(re.findall(rf"{PREFIX}\w+", PAGES[page])) <= declared | histograms
