"""What the histories of a world tell of one stretch of time."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

Line = dict[str, Any]


class Figures(Struct, frozen=True):
    """records: positions that were freed. doubtful: events sent although they may have been applied already.
    stale: settles that found their claim taken over (RULES 2)."""

    records: int
    doubtful: int
    stale: int


def lines(files: Iterable[Path]) -> list[Line]:
    """Of all files, by time. A line that a kill has torn is left out."""
    return sorted((line for file in files for line in _read(file)), key=lambda line: float(line["at"]))


def _read(file: Path) -> Iterator[Line]:
    for text in file.read_bytes().splitlines():
        with suppress(msgspec.DecodeError):
            yield msgspec.json.decode(text)


def figures(history: Iterable[Line], begun: float, ended: float) -> Figures:
    """Of what happened between two times, seconds since the epoch."""
    freed: set[tuple[str, int, int]] = set()
    doubtful = stale = 0
    for line in history:
        if not begun <= line["at"] < ended:
            continue
        if line["what"] == "closed":
            freed.update(_positions(line))
        elif line["what"] == "sent":
            doubtful += sum(event.get("doubtful", False) for event in line["events"])
        elif line["what"] == "settled":
            stale += line["stale"]
    return Figures(len(freed), doubtful, stale)


def _positions(line: Line) -> Iterator[tuple[str, int, int]]:
    for group in line["records"]:
        for offset in group["offsets"]:
            yield group["topic"], group["partition"], offset
