"""The command line's manners: help, one-line errors, exit codes, no waiting for what is not needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from connector.cli import call

GOLDEN = Path(__file__).parent.parent / "data" / "cli"
COMMANDS = [
    "run", "demo", "check", "preview", "reconcile", "lag", "resume", "order", "contact",
    "replay", "replay list", "past-events", "past-events delete",
    "dead-letters", "dead-letters list", "dead-letters show",
    "dead-letters redrive", "dead-letters discard",
    "ledger", "ledger migrate", "ledger prune", "sandbox",
]  # fmt: skip


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Help is wrapped for the terminal."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_help_is_as_kept(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code = call([*command.split(), "--help"])
    out, err = capsys.readouterr()

    assert (code, err) == (0, "")
    assert out == (GOLDEN / f"help{command and '-'}{command.replace(' ', '-')}.txt").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(command: str) -> None:
    text = (GOLDEN / f"help-{command.replace(' ', '-')}.txt").read_text(encoding="utf-8")

    assert f"Example: crm-connector {command}" in " ".join(text.split())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["frobnicate"], "No such command 'frobnicate'; see crm-connector --help"),
        (["run"], "Missing option '-c' / '--config'; see crm-connector run --help"),
        (["lag", "--jsno"], "No such option: --jsno"),
        (["sandbox", "--set", "rate=1"], "--set: rate is no option"),
        (["order", "A\udcff", "-c", "/none.yaml"], "A?: is not text in UTF-8; see crm-connector --help"),
        (
            ["lag", "-c", "/none.yaml"],
            "/none.yaml: cannot be read (No such file or directory); name the configuration with -c FILE",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    code = call(arguments)
    out, err = capsys.readouterr()

    assert (code, out) == (2, "")
    assert err.startswith(line)
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "check", "lag", "resume"])
def test_three_mistakes_in_the_file_are_three_lines_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    file = tmp_path / "connector.yaml"
    file.write_text(
        "kafka: {bootstrap_servers: 'b:9092', strat: earliest}\n"
        "topics: [{name: orders, entity: ordr}]\n"
        "destinations: {yespo: {type: yespo, api_key: planted, in_doubt: drop}}\n"
    )
    code = call([command, "-c", str(file)])

    assert code == 2
    assert capsys.readouterr().err.splitlines() == [
        "kafka.strat: is not an option; did you mean start?",
        "topics[0].entity: must be order, contact or event; did you mean order?",
        "destinations.yespo.in_doubt: must be resend or hold; choose one of them",
    ]


def test_without_a_command_help_is_shown_and_the_code_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    code = call([])

    assert code == 2
    assert capsys.readouterr().out == (GOLDEN / "help.txt").read_text(encoding="utf-8")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--version"]) == 0
    assert capsys.readouterr().out.startswith("crm-connector 0.")


def test_the_module_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connector", "--version"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("crm-connector 0.")


def test_help_waits_for_none_of_the_heavy_imports() -> None:
    heavy = {
        "confluent_kafka",
        "pydantic",
        "structlog",
        "starlette",
        "fastavro",
        "uvloop",
        "httptools",
        "phonenumbers",
    }
    script = f"import sys, connector.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


CLOSED = """
import os, sys
from connector.cli import main
try:
    main(["--version"])
except SystemExit:
    sys.stderr.isatty() or sys.stdin.isatty() or print("", flush=True)
    os._exit(os.open("/dev/zero", os.O_RDONLY))
"""


def test_what_is_opened_takes_no_place_of_a_standard_stream_that_was_closed() -> None:
    """Else what is written to it goes to a ledger or a broker."""
    command = ["sh", "-c", f"exec {sys.executable} -c '{CLOSED}' <&- >&- 2>&-"]

    assert subprocess.run(command, check=False, timeout=60).returncode > 2
