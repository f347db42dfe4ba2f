"""What came of it all, in one table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.story import Report

SHOWN = 10


def show(report: Report, console: Console) -> None:
    """Print it."""
    table = Table(title=f"make chaos, {report.seconds:.0f} s, seed {report.seed}", title_justify="left")
    for name in ("scenario", "what was done"):
        table.add_column(name)
    for name in ("times", "records", "resent in doubt", "stale sends", "seconds"):
        table.add_column(name, justify="right")
    for row in report.rows:
        f = row.figures
        cells = f"{row.times:,}", f"{f.records:,}", f"{f.doubtful:,}", f"{f.stale:,}", f"{row.seconds:.0f}"
        table.add_row(row.scenario.name, row.scenario.what, *cells)
    console.print(table)
    _tell("not as the source has it", report.differences, console)
    _tell("did not go on by itself", report.failures, console)


def _tell(title: str, found: Sequence[str], console: Console) -> None:
    console.print(f"{title}: {len(found)}")
    for line in found[:SHOWN]:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    if len(found) > SHOWN:
        console.print(f"  and {len(found) - SHOWN} more")
