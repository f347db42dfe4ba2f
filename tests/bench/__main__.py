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

QUICK = Sizes(bulk=30_000, live=10_000, heads=100_000)
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
    samples, bench = Samples(), None
    with Scene() as scene:
        bench = Bench(scene, samples, chosen)
        parts = bench.measure()
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    found = report(samples, parts, bench.notes, command, time.monotonic() - began, load)
    show(found)
    _write(found, chosen.json)


def _write(found: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


class Bench:
    """What is measured, in its order. notes: what was not, and why."""

    def __init__(self, scene: Scene, samples: Samples, chosen: argparse.Namespace) -> None:
        """Nothing is measured."""
        self._scene, self._samples, self._chosen = scene, samples, chosen
        self._sizes = QUICK if chosen.quick else Sizes()
        self._runs = 1 if chosen.quick else chosen.runs
        self._began = time.monotonic()
        self.notes: list[str] = []

    def measure(self) -> dict[str, float]:
        """All of it; CPU-s of the parts."""
        self._say("filling topics and a ledger")
        paths = Paths(self._scene, self._samples, self._sizes)
        for number in range(self._runs):
            self._say(f"paths, round {number + 1} of {self._runs}")
            paths.round()
        self.notes += paths.lacking
        self._say("freshness, and the first event after a start")
        traffic = fresh.freshness(self._scene, self._samples, self._runs, 5 if self._chosen.quick else 15)
        fresh.start(traffic, self._samples, self._runs)
        self._say("freshness beside a replay")
        beside(self._scene, self._samples, 1 if self._chosen.quick else 2, 5 if self._chosen.quick else 15)
        if self._chosen.quick:
            self.notes.append(
                f"Quick: {self._sizes.bulk:,} records and {self._sizes.heads:,} orders; not to quote."
            )
        else:
            self._growth()
        if self._chosen.minutes:
            self._say(f"memory, {self._chosen.minutes:g} minutes")
            fresh.slope(self._scene, self._samples, self._chosen.minutes, self._say)
        self._say("the parts, each alone")
        return self._parts()

    def _growth(self) -> None:
        small = statistics.median(self._samples.of("bulk", CPU))
        backlogs = {"million": MILLION, "three": LONG} if self._chosen.long else {"million": MILLION}
        for figure, records in backlogs.items():
            self._say(f"a backlog of {records:,}")
            backlog(self._scene, self._samples, records, figure, small)
        if self._chosen.long:
            try:
                many_heads(self._scene, self._samples, self._sizes, HEADS, min(3, self._runs), self._say)
            except NoPostgresError as error:
                self.notes.append(f"10 million orders in PostgreSQL: {error}")

    def _parts(self) -> dict[str, float]:
        records = self._sizes.bulk
        topic = self._scene.topic(max(records, self._sizes.live))
        return {part: per(cpu, records) for part, cpu in self._scene.parts(topic, records).items()}

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
