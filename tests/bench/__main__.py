"""`make bench`: every row of the table of targets on a real Kafka; a table, and the same as JSON.

Every run of the pipeline, of the floor and of a part is a process of its own that counts only its own CPU,
and so is the destination; paths alternate, so that a machine whose speed drifts treats them alike. The
figure to quote is the median.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from tests.bench import fresh
from tests.bench.beside import beside
from tests.bench.readme import FOUND
from tests.bench.report import Report, report, show
from tests.bench.rounds import Paths, Sizes, backlog, many_heads, per
from tests.bench.scene import Scene
from tests.bench.targets import CPU, Samples
from tests.support.postgres import NoPostgresError

QUICK = Sizes(bulk=20_000, live=10_000, heads=100_000)
MILLION, LONG, HEADS = 1_000_000, 3_000_000, 10_000_000


def main() -> None:
    """Measure, show a table, write it as JSON."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each path")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, one run, no growth: a look, no figures"
    )
    parser.add_argument("--long", action="store_true", help="also 3 million records, and 10 million orders")
    parser.add_argument("--minutes", type=float, default=0, help="also watch memory for so long")
    parser.add_argument("--json", type=Path, default=FOUND, help="write the figures to this file")
    chosen = parser.parse_args()
    began, load = time.monotonic(), os.getloadavg()[0]
    samples, notes, parts = Samples(), list[str](), dict[str, float]()
    with Scene() as scene:
        bench = Bench(scene, samples, chosen, notes)
        with suppress(KeyboardInterrupt):  # what was measured by then is told
            parts = bench.measure()
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    found = report(samples, parts, notes, command, time.monotonic() - began, load)
    show(found)
    _write(found, chosen.json)
    sys.exit(1 if bench.failed else 0)


def _write(found: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


class Bench:
    """What is measured, in its order. notes: what was not, and why. failed: some of it should have been."""

    def __init__(self, scene: Scene, samples: Samples, chosen: argparse.Namespace, notes: list[str]) -> None:
        """Nothing is measured."""
        self._scene, self._samples, self._chosen, self._notes = scene, samples, chosen, notes
        self._quick: bool = chosen.quick
        self._sizes = QUICK if self._quick else Sizes()
        self._runs: int = 1 if self._quick else chosen.runs
        self._began = time.monotonic()
        self.failed = False

    def measure(self) -> dict[str, float]:
        """All of it; CPU-s of the parts."""
        self._try("paths", self._paths)
        self._try("freshness, and the first event after a start", self._fresh)
        if self._quick:
            self._notes.append(
                f"Quick: {self._sizes.bulk:,} records, {self._sizes.heads:,} orders; no figures."
            )
        else:
            self._try("freshness beside a replay", self._beside)
            self._growth()
        if minutes := self._chosen.minutes:
            watch = partial(fresh.slope, self._scene, self._samples, minutes, self._say)
            self._try(f"memory, {minutes:g} minutes", watch)
        parts: dict[str, float] = {}
        self._try("the parts, each alone", lambda: parts.update(self._parts()))
        return parts

    def _paths(self) -> None:
        paths = Paths(self._scene, self._samples, self._sizes)
        for number in range(self._runs):
            self._say(f"paths, round {number + 1} of {self._runs}")
            paths.round()
        self._notes += paths.lacking

    def _fresh(self) -> None:
        traffic = fresh.freshness(self._scene, self._samples, self._runs, 5 if self._quick else 15)
        fresh.start(traffic, self._samples, self._runs)

    def _beside(self) -> None:
        beside(self._scene, self._samples, 2, 15)

    def _growth(self) -> None:
        small = statistics.median(self._samples.of("bulk", CPU) or [1.0])
        backlogs = {"million": MILLION, "three": LONG} if self._chosen.long else {"million": MILLION}
        for figure, records in backlogs.items():
            run = partial(backlog, self._scene, self._samples, records, figure, small)
            self._try(f"a backlog of {records:,}", run)
        if self._chosen.long:
            many = partial(many_heads, self._scene, self._samples, self._sizes, HEADS, min(3, self._runs))
            self._try(f"{HEADS:,} orders in the ledger", partial(many, self._say))

    def _try(self, what: str, work: Callable[[], None]) -> None:
        self._say(what)
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the other rows are worth having
            self.failed = self.failed or not isinstance(error, NoPostgresError)
            self._notes.append(f"{what}: ended by {type(error).__name__}: {error}")

    def _parts(self) -> dict[str, float]:
        records = self._sizes.bulk
        topic = self._scene.topic(max(records, self._sizes.live))
        return {part: per(cpu, records) for part, cpu in self._scene.parts(topic, records).items()}

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
