"""One run of the real connector in a process of its own: `python -m tests.bench.pipeline JSON`.

Everything of `crm-connector run` is on: logs, metrics, the web server. Prints one JSON line: CPU seconds of
this process alone, from the start of the service to the last settled record, wall seconds, and peak memory.
"""

import resource
import sys
import threading
import time
from pathlib import Path

import msgspec
from msgspec import Struct

CONFIG = """
kafka: {{bootstrap_servers: "{bootstrap}", group_id: "{group}"}}
topics: [{{name: "{topic}", entity: order, envelope: plain}}]
schema_registry: {{url: "{registry}"}}
destinations:
  yespo: {{type: yespo, url: "{url}", api_key: bench, orders_via: {via}}}
ledger: {{url: "{ledger}"}}
dead_letters: {{topic: "{topic}.dead"}}
delivery: {{rate_per_second: {rate}, in_flight: 128}}
server: {{host: 127.0.0.1, port: 0}}
log: {{level: error}}
"""
EVERY = 0.02
"""Seconds between two looks at what is settled."""


class Run(Struct, frozen=True):
    """What one run needs to know. via: past_events (bulk) or events (live). config: a file to be written.

    rate: requests a second, 0 = unlimited.
    """

    bootstrap: str
    topic: str
    group: str
    registry: str
    url: str
    via: str
    ledger: str
    records: int
    config: str
    rate: float = 0

    def write(self) -> Path:
        """Its configuration."""
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        path = Path(self.config)
        path.write_text(CONFIG.format(**given), encoding="utf-8")
        return path


class Result(Struct, frozen=True):
    """What one run cost. rate: records a second, from the first settled one to the last."""

    cpu: float
    wall: float
    rate: float
    peak_mb: float
    outcomes: dict[str, int]


def measure(run: Run) -> Result:
    """Run until everything is settled."""
    from connector import wiring  # noqa: PLC0415 - imports are not what is measured
    from connector.adapters import logs, metrics, web  # noqa: PLC0415
    from connector.settings import load  # noqa: PLC0415

    settings, meter = load(run.write(), {}), metrics.meter()
    logs.configure(settings.log.format, settings.log.level)
    service = wiring.build(settings, meter)
    server = web.serve(settings.server.host, settings.server.port, meter.registry, service)
    books = service.lanes["yespo"].parts.books
    thread = threading.Thread(target=service.work)
    cpu, began, first, early = time.process_time(), time.monotonic(), 0.0, 0
    thread.start()
    while books.closed < run.records and thread.is_alive():
        time.sleep(EVERY)
        if books.closed and not early:
            first, early = time.monotonic(), books.closed
    cpu, ended = time.process_time() - cpu, time.monotonic()
    rate = (books.closed - early) / max(EVERY, ended - first)
    service.stop()
    thread.join()
    server.close()
    if books.closed < run.records:
        raise RuntimeError("the connector ended before all was settled")
    return Result(cpu, ended - began, rate, _peak_mb(), dict(books.totals))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    found = measure(msgspec.json.decode(sys.argv[1], type=Run))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
