"""A lane's partitions on the page: those furthest behind first, all of them one click away."""

from collections.abc import Iterable, Sequence
from typing import Final

from connector.adapters.web_html import Html, table, tag
from connector.adapters.web_words import moment, plural
from connector.core.spans import span
from connector.core.status import LaneStatus, PartitionStatus

SHOWN: Final = 8
"""Rows that stand on the page; so many partitions need no second table."""
_HEAD: Final = (
    "Topic",
    "#Partition",
    "#Lag, records",
    "#Oldest unsettled",
    "#Its age",
    "#Next offset",
    "State",
)


def partitions(lane: LaneStatus, here: str) -> Html:
    """One table, or two."""
    rows, now = lane["partitions"], lane["at"]
    if len(rows) <= SHOWN:
        caption = "Partitions of this process" if rows else "No partition is this process's"
        return _wide(caption, table(caption, _HEAD, _lines(rows, now), f"{here}-partitions"))
    behind = sorted((row for row in rows if row["lag_records"] or row["asks"]), key=_worst)
    lines = _lines(behind[:SHOWN], now) or [["none is behind", *[""] * (len(_HEAD) - 1)]]
    first = table("Partitions furthest behind", _HEAD, lines, f"{here}-behind")
    every = table(f"All {plural(len(rows), 'partition')}", _HEAD, _lines(rows, now), f"{here}-partitions")
    count = plural(len(rows), "partition")
    told = f"{len(behind):,} of {count} are behind. Show all of them"
    summary = tag("summary", told, id=f"{here}-count", data_live=True)
    all_of_them = _wide(f"All {count}", every, "wide tall")
    return tag("div", _wide("Partitions furthest behind", first), tag("details", summary, all_of_them))


def _wide(name: str, inside: Html, kind: str = "wide") -> Html:
    """It scrolls where it does not fit, by keys as well."""
    return tag("div", inside, class_=kind, tabindex="0", role="group", aria_label=name)


def _worst(row: PartitionStatus) -> tuple[bool, float, int]:
    return not row["asks"], -row["lag_seconds"], -row["lag_records"]


def _lines(rows: Iterable[PartitionStatus], now: float) -> list[Sequence[str]]:
    return [_line(row, now) for row in rows]


def _line(row: PartitionStatus, now: float) -> Sequence[str]:
    waits = row["oldest_at"] is not None
    return (
        row["topic"],
        str(row["partition"]),
        f"{row['lag_records']:,}",
        moment(row["oldest_at"], now) if row["oldest_at"] is not None else "-",
        span(row["lag_seconds"]) if waits else "-",
        str(row["watermark"]),
        f"asks: {row['asks']}" if row["asks"] else "behind" if row["lag_records"] else "settled",
    )
