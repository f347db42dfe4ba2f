"""What a benchmark found: as a table, as JSON, and as the table of README."""

import os
import platform
import statistics
from datetime import UTC, datetime

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from tests.bench.targets import ROWS, Figure, Samples, Verdict, shown

MARKS: dict[Verdict, str] = {"met": "yes", "missed": "no", "not run": "–"}


class Told(Struct, frozen=True):
    """A figure: the median of its runs, and their spread. limit: what it is judged by."""

    name: str
    digits: int
    runs: int
    median: float
    least: float
    most: float
    limit: float | None
    kept: bool

    def text(self) -> str:
        """In a cell."""
        spread = (
            f" ({shown(self.least, self.digits)}–{shown(self.most, self.digits)})" if self.runs > 1 else ""
        )
        return f"{shown(self.median, self.digits)}{spread} {self.name}"


class Line(Struct, frozen=True):
    """A row. lacking: the figures that were not measured."""

    key: str
    title: str
    target: str
    figures: list[Told]
    lacking: list[str]
    verdict: Verdict


class Report(Struct, frozen=True):
    """All of it. parts: CPU-s of each part alone. load: the machine's, when it began. notes: what to know."""

    taken: str
    command: str
    seconds: float
    machine: str
    load: float
    lines: list[Line]
    parts: dict[str, float]
    notes: list[str]


def machine() -> str:
    """Where it was measured."""
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {python}"


def report(
    samples: Samples, parts: dict[str, float], notes: list[str], command: str, seconds: float, load: float
) -> Report:
    """Sum it up."""
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    lines = [_line(key, samples) for key in ROWS]
    return Report(taken, command, seconds, machine(), load, lines, parts, notes)


def _line(key: str, samples: Samples) -> Line:
    row = ROWS[key]
    told = [_told(f, values) for name, f in row.figures.items() if (values := samples.of(key, name))]
    lacking = [
        f"{figure.name} ({figure.needs})" if figure.needs else figure.name
        for name, figure in row.figures.items()
        if figure.limit is not None and not samples.of(key, name)
    ]
    target = ", ".join(filter(None, (figure.target() for figure in row.figures.values())))
    return Line(key, row.title, target, told, lacking, samples.verdict(key))


def _told(figure: Figure, values: list[float]) -> Told:
    median = statistics.median(values)
    return Told(
        figure.name,
        figure.digits,
        len(values),
        median,
        min(values),
        max(values),
        figure.limit,
        figure.keeps(median),
    )


def show(found: Report) -> None:
    """Print it."""
    title = f"CPU-s = CPU seconds of the process for 100,000 records; median (least–most). {found.machine}"
    table = Table(title=title)
    for column in ("path", "target", "measured", "met"):
        table.add_column(column)
    for line in found.lines:
        cells = "\n".join([*(f.text() for f in line.figures), *(f"not run: {one}" for one in line.lacking)])
        table.add_row(line.title, line.target.replace(", ", "\n"), cells, MARKS[line.verdict])
    for part, cpu in found.parts.items():
        table.add_row(f"part alone: {part}", "", f"{cpu:.2f} CPU-s", "")
    Console(width=130).print(table)
    for note in found.notes:
        print(note)
    print(f"{found.seconds / 60:.1f} minutes; load of the machine before: {found.load:.1f}")


def markdown(found: Report) -> str:
    """The same for README."""
    rows = ["| path | target | measured | met |", "|---|---|---|---|"]
    for line in found.lines:
        cells = [*(_bold(f) for f in line.figures), *(f"not run: {one}" for one in line.lacking)]
        rows.append(f"| {line.title} | {line.target} | {', '.join(cells)} | {MARKS[line.verdict]} |")
    rows += [f"| *part alone:* {part} | | {cpu:.2f} CPU-s | |" for part, cpu in found.parts.items()]
    day = found.taken.partition("T")[0]
    command = f"`{found.command}` on {day}, {found.machine}, {found.seconds / 60:.0f} minutes"
    return "\n".join([*rows, "", f"Median (least–most) of {_runs(found)} by {command}."])


def _runs(found: Report) -> str:
    counts = {figure.runs for line in found.lines for figure in line.figures}
    return f"{min(counts)} to {max(counts)} runs" if len(counts) > 1 else f"{max(counts, default=0)} runs"


def _bold(figure: Told) -> str:
    """What misses its limit stands out."""
    return figure.text() if figure.kept else f"**{figure.text()}**"
