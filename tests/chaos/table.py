"""What came of it all: what was done, what is not as it should be, and the checker's verdict."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.check.table import show as show_verdict
from tests.chaos.story import Report

SHOWN = 10
LEGEND = "in doubt: sent again, since it may have been applied; stale: settled after its claim was taken over"


def show(report: Report, console: Console, command: str = "make chaos") -> None:
    """Print it. command: what was run."""
    title = f"{command}, {report.seconds:.0f} s, seed {report.seed}"
    table = Table(title=title, title_justify="left", box=None)
    for name in ("scenario", "what was done"):
        table.add_column(name, no_wrap=True)
    for name in ("times", "records", "in doubt", "stale", "s"):
        table.add_column(name, justify="right")
    for row in report.rows:
        f = row.figures
        cells = f"{row.times:,}", f"{f.records:,}", f"{f.doubtful:,}", f"{f.stale:,}", f"{row.seconds:.0f}"
        table.add_row(row.scenario.name, row.scenario.what, *cells)
    console.print(table)
    console.print(LEGEND, highlight=False)
    _tell("not done on this machine", report.undone, console)
    _tell("fenced by Kafka, ended and started again", report.fenced, console)
    _tell("did not go on by itself", report.failures, console)
    _tell("not at the end as the source has it", report.differences, console)
    console.print()
    show_verdict(report.verdict, report.torn, console)


def _tell(title: str, found: Sequence[str], console: Console) -> None:
    console.print(f"{title}: {len(found)}")
    for line in found[:SHOWN]:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    if len(found) > SHOWN:
        console.print(f"  and {len(found) - SHOWN} more")
