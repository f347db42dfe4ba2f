"""`make bench`: CPU seconds per 100,000 records of the pipeline and of its parts, on a real Kafka.

Every pipeline run and every part is a process of its own that counts only its own CPU; paths alternate, so
that a machine whose speed drifts treats them alike. The figure to quote is the median.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from tests.bench.pipeline import Result, Run
from tests.bench.records import SCHEMA_FILE, Ids, produce
from tests.bench.report import show
from tests.support.broker import find_broker
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory

PATHS: tuple[tuple[str, str, Ids], ...] = (
    ("bulk, sequential ids", "past_events", "sequential"),
    ("bulk, UUID ids", "past_events", "uuid"),
    ("live, sequential ids", "events", "sequential"),
    ("live, UUID ids", "events", "uuid"),
)
IDS: tuple[Ids, ...] = ("sequential", "uuid")
PARTITIONS = 4


@contextmanager
def destination(delay_ms: float) -> Iterator[str]:
    """The cheap destination in a process of its own; yields its URL."""
    command = [sys.executable, "-m", "tests.bench.destination", "0", str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def child(module: str, given: dict[str, object]) -> dict[str, object]:
    """Run a measuring process; its last line is the result."""
    command = [sys.executable, "-m", f"tests.bench.{module}", json.dumps(given)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def pipeline(run: Run) -> Result:
    """One run of the connector."""
    return Result(**child("pipeline", {n: getattr(run, n) for n in run.__struct_fields__}))  # type: ignore[arg-type]


def main() -> None:
    """Measure, show a table, write it as JSON where asked."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="of the bulk path")
    parser.add_argument("--live-records", type=int, default=30_000, help="of the live path")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="of the destination")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        figures = _measure(stack, chosen)
    show(figures, chosen.json)


def _measure(stack: ExitStack, chosen: argparse.Namespace) -> dict[str, dict[str, float]]:
    broker = find_broker(stack)
    registry = stack.enter_context(running_registry())
    registry.register("orders-value", SCHEMA_FILE.read_text(encoding="utf-8"))
    url = stack.enter_context(destination(chosen.delay_ms))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    create = TopicFactory(broker)
    topics: dict[Ids, str] = {ids: create(f"bench-{ids}", partitions=PARTITIONS) for ids in IDS}
    for ids, topic in topics.items():
        produce(broker.bootstrap, topic, chosen.records, ids)
    samples: dict[str, list[Result]] = {name: [] for name, _, _ in PATHS}
    parts: dict[str, list[float]] = {}
    for _ in range(chosen.runs):
        given = {"bootstrap": broker.bootstrap, "topic": topics["sequential"], "url": url}
        for part, cpu in child("parts", given | {"count": chosen.records}).items():
            parts.setdefault(part, []).append(float(str(cpu)) / chosen.records * 100_000)
        for name, via, ids in PATHS:
            count = chosen.records if via == "past_events" else chosen.live_records
            run = Run(
                bootstrap=broker.bootstrap,
                topic=topics[ids],
                group=f"bench-{uuid4().hex}",
                registry=registry.url,
                url=url,
                via=via,
                ledger=str(folder / f"{uuid4().hex}.db"),
                records=count,
            )
            samples[name].append(pipeline(run))
    return _figures(samples, parts, chosen)


def _figures(
    samples: dict[str, list[Result]], parts: dict[str, list[float]], chosen: argparse.Namespace
) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    for name, results in samples.items():
        count = chosen.records if name.startswith("bulk") else chosen.live_records
        cpus = [r.cpu / count * 100_000 for r in results]
        figures[name] = {
            "cpu": statistics.median(cpus),
            "least": min(cpus),
            "most": max(cpus),
            "records_per_second": statistics.median(count / r.wall for r in results),
            "peak_mb": max(r.peak_mb for r in results),
        }
    for part, cpus in parts.items():
        figures[f"part: {part}"] = {"cpu": statistics.median(cpus), "least": min(cpus), "most": max(cpus)}
    return figures


if __name__ == "__main__":
    main()
