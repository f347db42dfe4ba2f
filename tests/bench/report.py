"""The table of a benchmark."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

Figures = dict[str, dict[str, float]]


def show(figures: Figures, file: Path | None) -> None:
    """Print the table; write the same figures as JSON."""
    table = Table(title="CPU seconds of the process per 100,000 records (median, least–most)")
    for column in ("path or part", "CPU-s", "least–most", "records per CPU-s", "records/s", "peak MB"):
        table.add_column(column, justify="left" if column.startswith("path") else "right")
    for name, row in figures.items():
        table.add_row(name, *_cells(row))
    Console(width=110).print(table)
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _cells(row: dict[str, float]) -> list[str]:
    whole = ["", ""]
    if "records_per_second" in row:
        whole = [f"{row['records_per_second']:,.0f}", f"{row['peak_mb']:.0f}"]
    return [
        f"{row['cpu']:.2f}",
        f"{row['least']:.2f}–{row['most']:.2f}",
        f"{100_000 / row['cpu']:,.0f}",
        *whole,
    ]
