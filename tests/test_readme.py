"""README says what is so."""

import ast
import re

import pytest
import typer

from connector.cli import app
from connector.settings import Settings
from tests.page.__main__ import MOST
from tests.readme import README, STATUS, filled, status_schema

TEXT = README.read_text(encoding="utf-8")
TESTS = README.parent / "tests"
TABLES = (
    "| Yespo's pages say | the connector | `test_…` |",
    "| Metrica's pages say | the connector | `test_…` |",
    "| promise | kept by | tested by `test_…` |",
)


def test_its_generated_parts_are_current() -> None:
    assert filled(TEXT) == TEXT, "run: python -m tests.readme"
    assert status_schema() == STATUS.read_text(encoding="utf-8"), "run: python -m tests.readme"


def test_it_opens_with_the_two_commands() -> None:
    opening = TEXT[:1500]

    assert "make demo" in opening
    assert "make test" in opening


@pytest.mark.parametrize("section", [n for n in Settings.model_fields if n not in ("topics", "destinations")])
def test_it_names_every_option(section: str) -> None:
    options = Settings.model_fields[section].annotation
    names = getattr(options, "model_fields", {})

    missing = [name for name in names if not re.search(rf"`{section}\.[^|]*{name}|`{name}|, `?{name}", TEXT)]
    assert missing == []


@pytest.mark.parametrize("table", TABLES)
def test_every_test_that_a_table_names_is_there(table: str) -> None:
    rows = TEXT.partition(table)[2].partition("\n\n")[0].splitlines()[2:]
    named = [name for row in rows for name in re.findall(r"`([a-z0-9_]{20,})`", row)]
    written = "".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py"))

    assert len(named) > len(rows) > 5
    assert [name for name in named if f"def test_{name}(" not in written] == []


def test_its_table_of_causes_has_all_that_the_code_gives() -> None:
    table = TEXT.partition("| cause | means |")[2].partition("\n\n")[0]
    given = {
        node.args[0].value
        for file in (README.parent / "connector").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in ("Reject", "Refused", "Deny") and node.args
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }

    assert len(given) > 30
    assert given - set(re.findall(r"`([a-z_]+)`", table)) == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_target_of_make_that_it_names_is_there(page: str) -> None:
    text = (README.parent / page).read_text(encoding="utf-8")
    targets = re.findall(
        r"^([a-z0-9-]+):.*## ", (README.parent / "Makefile").read_text("utf-8"), re.MULTILINE
    )

    assert set(re.findall(r"`make ([a-z0-9-]+)", text)) <= set(targets)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_every_file_that_it_links_is_there(page: str) -> None:
    text = (README.parent / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]

    assert [link for link in links if not (README.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_heading_that_it_links_is_there(page: str) -> None:
    text = (README.parent / page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]

    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= set(anchors)


def test_every_rule_and_promise_that_the_code_names_is_written_down() -> None:
    rules = (README.parent / "docs" / "RULES.md").read_text(encoding="utf-8")
    promises, _, numbered = rules.partition("# Rules\n")
    code = "".join(
        file.read_text(encoding="utf-8")
        for room in ("connector", "tests")
        for file in (README.parent / room).rglob("*.py")
    )

    assert set(re.findall(r"RULES,? (\d+)", code)) == set(re.findall(r"^## (\d+)\. ", numbered, re.MULTILINE))
    assert set(re.findall(r"promise (\d)", code)) <= set(re.findall(r"^(\d)\. ", promises, re.MULTILINE))


def test_its_picture_is_small_for_it_comes_with_every_clone() -> None:
    (picture,) = re.findall(r"!\[[^\]]{20,}\]\(([^)]+)\)", TEXT)
    drawn = (README.parent / picture).read_bytes()

    assert drawn[8:12] == b"WEBP"
    assert len(drawn) <= MOST


def test_the_change_log_names_every_command() -> None:
    text = (README.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    commands = getattr(typer.main.get_command(app), "commands", {})

    assert [name for name in commands if f"`{name}`" not in text] == []
