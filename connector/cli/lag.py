"""`lag`: how far is it behind?"""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from connector.cli.options import AsJson, ConfigFile, settings_of

if TYPE_CHECKING:
    from connector.wiring.lag import LagRow

EXAMPLE = "Example: crm-connector lag -c connector.yaml --json"
HEAD = ("destination", "topic", "partition", "committed", "end", "records", "seconds", "drained_at")


def command(config: ConfigFile, as_json: AsJson = False) -> int:
    """Show how far every group is behind.

    Per partition, in records and in seconds: the age of the oldest record that is not committed. Nothing
    joins the group. drained_at: when a destination will have had all of it, at the request rate and the daily
    quota that it has.
    """
    from connector.wiring import lag  # noqa: PLC0415 - `--help` waits for nothing

    rows = lag.lag(settings_of(config))
    if as_json:
        typer.echo(json.dumps([{name: getattr(row, name) for name in HEAD} for row in rows], indent=2))
    elif sys.stdout.isatty():
        _table(rows)
    else:
        _plain(rows)
    return 0


def _plain(rows: Sequence["LagRow"]) -> None:
    lines = [HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        typer.echo("  ".join(padded).rstrip())


def _table(rows: Sequence["LagRow"]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a terminal alone needs it
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(HEAD):
        table.add_column(name, justify="left" if place < 2 else "right")  # noqa: PLR2004 - names, then numbers
    for row in rows:
        table.add_row(*_cells(row))
    Console().print(table)


def _cells(row: "LagRow") -> tuple[str, ...]:
    return tuple("-" if (value := getattr(row, name)) is None else str(value) for name in HEAD)
