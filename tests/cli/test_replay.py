"""`replay`: what it refuses, before Kafka is asked; what its lines say while it works."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from connector.cli import call
from connector.cli.replay_view import described, view_of
from connector.wiring.replay import Progress
from tests.cli.configs import config

HELP = "see crm-connector replay --help"
SWAPPED = "--to: is before --from; swap them"
TIME = "write a time with its zone, such as 2025-01-31T00:00:00Z"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--resume", "ID", "--to", "end", "--key", "1"],
            "--resume: goes on as it began; leave out --to, --key",
        ),
        ([], f"replay: --topic is missing; {HELP}"),
        (["--topic", "orders"], f"replay: --from is missing; {HELP}"),
        (
            ["--topic", "ordres", "--from", "-7d"],
            "--topic: ordres does not feed yespo; choose orders, contacts",
        ),
        (
            ["--topic", "orders", "--from", "-7d", "--destination", "crm"],
            "crm: is not a destination of this configuration; choose yespo",
        ),
        (
            ["--topic", "orders", "--from", "monday"],
            f"--from: is no place in a topic; {TIME}, or -7d, or an offset, or beginning, or end",
        ),
        (
            ["--topic", "orders", "--from", "-7d", "--to", "2025-01-31T00:00:00"],
            f"--to: is a time without zone; {TIME}",
        ),
        (["--topic", "orders", "--from", "-5m", "--to", "-2d"], SWAPPED),
        (["--topic", "orders", "--from", "7", "--to", "5", "--partition", "0"], SWAPPED),
        (
            ["--topic", "orders", "--from", "-7d", "--where", "paid"],
            "--where: is not field=value; write it as --where status=paid, or status=null for none",
        ),
        (
            ["--topic", "orders", "--from", "-7d", "--share", "20"],
            "--share: is a part of the whole; write one above 0 and up to 1, such as 0.2",
        ),
    ],
)
def test_a_mistake_is_one_line_and_asks_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    code = call(["replay", "-c", str(config(tmp_path)), *arguments])

    assert (code, capsys.readouterr().err) == (2, f"{line}\n")
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize("command", [["reconcile", "--topic", "orders"], ["dead-letters", "redrive"]])
def test_a_range_that_ends_before_it_begins_is_not_found_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """To whom nothing is missing in it, nothing is missing."""
    code = call([*command, "-c", str(config(tmp_path)), "--from", "-5m", "--to", "-2d"])

    assert (code, *capsys.readouterr()) == (2, "", f"{SWAPPED}\n")


def test_on_a_terminal_a_bar_tells_the_same() -> None:
    screen = StringIO()
    view = view_of(Console(file=screen, force_terminal=True, width=120))
    view.update(Progress(3000, 2000, 12_000, {"delivered": 2990, "dead_lettered": 10}, ("quota",), 4.0))
    view.close()
    shown = Text.from_ansi(screen.getvalue()).plain

    assert "25 %" in shown
    assert "500/s  2,990 delivered, 10 dead-lettered; waits: quota" in shown


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (Progress(0, 0, 400, {}, (), 0.0), "0 of 400 (0 %), 0/s"),
        (
            Progress(3000, 2000, 12_000, {"delivered": 2990, "dead_lettered": 10, "filtered": 0}, (), 4.0),
            "3,000 of 12,000 (25 %), 500/s, about 18 s left: 2,990 delivered, 10 dead-lettered",
        ),
        (
            Progress(10, 10, 1_000_000, {"delivered": 10}, ("destination",), 1.0),
            "10 of 1,000,000 (0 %), 10/s, about 28 h left: 10 delivered; waits: destination",
        ),
        (
            Progress(60, 60, 60_060, {"duplicate": 60}, (), 1.0),
            "60 of 60,060 (0 %), 60/s, about 17 min left: 60 duplicate",
        ),
        (Progress(50, 50, 50, {"delivered": 50}, (), 5.0), "50 of 50 (100 %), 10/s: 50 delivered"),
    ],
)
def test_a_line_tells_how_far_how_fast_how_long_and_what_became_of_it(state: Progress, line: str) -> None:
    assert described(state) == line
