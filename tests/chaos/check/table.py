"""The verdict as one table."""

from rich.console import Console
from rich.table import Table

from tests.chaos.check.findings import KINDS
from tests.chaos.check.verdict import Verdict


def show(verdict: Verdict, torn: int, console: Console) -> None:
    """Print it."""
    table = Table(title="crm-connector, the checker's verdict", title_justify="left", box=None)
    for name in ("", "found", "in doubt", "stale"):
        table.add_column(name, justify="left" if not name else "right")
    table.add_column("first example", overflow="fold")
    for kind in KINDS:
        found = verdict.findings
        counts = [str(found.count(kind)), str(found.count(kind, "in doubt")), str(found.count(kind, "stale"))]
        example = found.example(kind) or found.example(kind, "stale") or found.example(kind, "in doubt")
        table.add_row(kind, *counts, example)
    console.print(table)
    console.print(", ".join(f"{count:,} {name}" for name, count in verdict.figures.items()))
    if verdict.causes:
        console.print(
            "dead letters: " + ", ".join(f"{c:,} {cause}" for cause, c in verdict.causes.most_common())
        )
    if torn:
        console.print(f"{torn} torn lines, of processes that were killed while they wrote")
    if verdict.gaps:
        console.print(f"✗ {verdict.gaps} lines are missing from the histories: nothing is proven")
    console.print("✓ every promise was kept" if verdict.clean else "✗ the promises were not kept")
