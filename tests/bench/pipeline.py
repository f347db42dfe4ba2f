"""One run of the real connector in a process of its own: `python -m tests.bench.pipeline JSON`.

Prints one JSON line: CPU seconds of this process alone, from the start of the service to the last settled
record, wall seconds, and peak memory.
"""

import json
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

CONFIG = """
kafka: {{bootstrap_servers: "{bootstrap}", group_id: "{group}"}}
topics: [{{name: "{topic}", entity: order, envelope: plain}}]
schema_registry: {{url: "{registry}"}}
destinations:
  yespo: {{type: yespo, url: "{url}", api_key: bench, orders_via: {via}}}
ledger: {{url: "sqlite://{ledger}"}}
dead_letters: {{topic: "{topic}.dead"}}
delivery: {{rate_per_second: 0, in_flight: 128}}
server: {{port: 0}}
log: {{level: error}}
"""


class Run(Struct, frozen=True):
    """What one run needs to know. via: past_events (bulk) or events (live)."""

    bootstrap: str
    topic: str
    group: str
    registry: str
    url: str
    via: str
    ledger: str
    records: int


class Result(Struct, frozen=True):
    """What one run cost."""

    cpu: float
    wall: float
    peak_mb: float
    outcomes: dict[str, int]


def measure(run: Run, config: Path) -> Result:
    """Run until everything is settled."""
    from connector import wiring  # noqa: PLC0415 - imports are not what is measured
    from connector.adapters.metrics import meter  # noqa: PLC0415
    from connector.settings import load  # noqa: PLC0415

    config.write_text(CONFIG.format(**{name: getattr(run, name) for name in run.__struct_fields__}))
    service = wiring.build(load(config, {}), meter())
    books = service.lanes["yespo"].parts.books
    thread = threading.Thread(target=service.work)
    before, began = _cpu(), time.monotonic()
    thread.start()
    while books.closed < run.records and thread.is_alive():
        time.sleep(0.02)
    cpu, wall = _cpu() - before, time.monotonic() - began
    service.stop()
    thread.join()
    return Result(cpu, wall, _peak_mb(), dict(books.totals))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _main(text: str) -> None:
    given: dict[str, Any] = json.loads(text)
    run = Run(**given)
    result = measure(run, Path(run.ledger).with_suffix(".yaml"))
    sys.stdout.write(json.dumps({name: getattr(result, name) for name in result.__struct_fields__}) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1])
