"""What is promised of speed: a row for each path, and for each row the figures that say whether it is kept.

Figures of CPU are seconds of the measured process alone, for 100,000 records.
"""

import statistics
from collections import defaultdict
from typing import Literal

from msgspec import Struct

Verdict = Literal["met", "missed", "not run"]


class Figure(Struct, frozen=True):
    """One figure of a row. limit: None = it is told, not judged. least: it is a lower limit.

    needs: the options without which it is not measured.
    """

    name: str
    limit: float | None = None
    least: bool = False
    digits: int = 2
    needs: str = ""

    def keeps(self, value: float) -> bool:
        """Whether a measured value is within the limit."""
        if self.limit is None:
            return True
        return value >= self.limit if self.least else value <= self.limit

    def target(self) -> str:
        """The limit in words."""
        if self.limit is None:
            return ""
        return f"{'≥' if self.least else '≤'} {shown(self.limit, self.digits)} {self.name}"


class Row(Struct, frozen=True):
    """A path and its figures."""

    title: str
    figures: dict[str, Figure]


CPU, FLOOR, RATE, PEAK = "cpu", "floor", "rate", "peak"


def _cpu(limit: float | None = None) -> Figure:
    return Figure("CPU-s", limit)


def _floor(limit: float) -> Figure:
    return Figure("× floor", limit)


def _fresh() -> dict[str, Figure]:
    return {"p50": Figure("ms p50", digits=0), "p99": Figure("ms p99", digits=0)}


_RATE = Figure("events/s", digits=0)
_REPLAYED = {"replayed": Figure("events/s replayed", digits=0)}
_PEAK = Figure("MB at its peak", digits=0)

ROWS: dict[str, Row] = {
    "floor": Row("the floor: consume, decode, map, encode, post; nothing else", {CPU: _cpu(), RATE: _RATE}),
    "bulk": Row(
        "bulk: past events, 500 a request, sequential order ids",
        {CPU: _cpu(4.5), FLOOR: _floor(1.1), RATE: _RATE, PEAK: _PEAK},
    ),
    "uuids": Row("bulk, UUID order ids", {CPU: _cpu(7), RATE: _RATE, PEAK: _PEAK}),
    "uuid": Row(
        "bulk, UUID order ids, a million orders in the ledger",
        {CPU: _cpu(6), FLOOR: _floor(1.5), RATE: _RATE, PEAK: _PEAK},
    ),
    "postgres": Row("bulk, PostgreSQL ledger", {CPU: _cpu(6), RATE: _RATE, PEAK: _PEAK}),
    "live": Row(
        "live: one event a request, destination at 0 ms",
        {CPU: _cpu(13), RATE: Figure("events/s", 5000, least=True, digits=0), PEAK: _PEAK},
    ),
    "live_uuids": Row("live, UUID order ids", {CPU: _cpu(20), RATE: _RATE, PEAK: _PEAK}),
    "live_slow": Row(
        "live, destination at 20 ms, 128 in flight",
        {CPU: _cpu(16), RATE: Figure("events/s", 4000, least=True, digits=0), PEAK: _PEAK},
    ),
    "replay": Row("replay that finds everything delivered", {CPU: _cpu(3.5), RATE: _RATE}),
    "memory": Row(
        "memory",
        {
            "million": Figure("MB at its peak, 1 million waiting", digits=0),
            "peak": Figure("MB at its peak, 3 million waiting", 130, digits=0, needs="--long"),
            "slope": Figure("MB an hour, after ten minutes", 1, digits=1, needs="--minutes 70"),
        },
    ),
    "growth": Row(
        "growth: CPU a record",
        {
            "million": Figure("× at 1 million records", 1.1),
            "three": Figure("× at 3 million records", 1.1, needs="--long"),
            "sqlite": Figure("× with 10 million orders in SQLite", 1.3, needs="--long"),
            "postgres": Figure("× with 10 million orders in PostgreSQL", 1.3, needs="--long"),
        },
    ),
    "start": Row(
        "first event after start",
        {
            "first": Figure("s from exec to the first accepted event", 1.5),
            "import": Figure("s to import the package", 0.35),
        },
    ),
    "fresh": Row(
        "freshness at 200 events/s, destination at 20 ms, linger 200 ms",
        {"p50": Figure("ms p50", 260, digits=0), "p99": Figure("ms p99", 450, digits=0)},
    ),
    "alone": Row("freshness at 50 events/s, at most 170 requests/s, destination at 20 ms", _fresh()),
    "beside": Row("the same beside a replay, `--share 0.2`", _fresh() | _REPLAYED),
    "beside_all": Row("the same beside a replay, `--share 1`", _fresh() | _REPLAYED),
}


class Samples:
    """What was measured, run after run."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._values: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, row: str, **figures: float) -> None:
        """A run's figures of a row."""
        for name, value in figures.items():
            if name not in ROWS[row].figures:
                raise KeyError(f"{row} has no figure {name}")
            self._values[row, name].append(value)

    def of(self, row: str, figure: str) -> list[float]:
        """One figure's values."""
        return self._values[row, figure]

    def verdict(self, row: str) -> Verdict:
        """Met if the median of every judged figure is within its limit; missed if that of one is not."""
        judged = [(name, figure) for name, figure in ROWS[row].figures.items() if figure.limit is not None]
        values = {name: self.of(row, name) for name, _ in judged}
        if any(values[name] and not figure.keeps(statistics.median(values[name])) for name, figure in judged):
            return "missed"
        return "met" if judged and all(values.values()) else "not run"


def shown(value: float, digits: int) -> str:
    """A figure as a table has it."""
    return f"{value:,.{digits}f}"
