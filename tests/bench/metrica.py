"""A CSV backfill into Metrica, from a topic: `python -m tests.bench.metrica [--orders N …]`.

A real Kafka, the real connector in a process of its own, and a counter that takes every upload and keeps
nothing. Reported for each N: peak memory of the connector, requests counted against the day's quota, seconds.
Memory is flat if a larger N costs no more of it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.bench.records import SCHEMA_FILE, produce
from tests.support.broker import find_broker
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory

CONFIG = """
kafka: {{bootstrap_servers: "{bootstrap}", group_id: "{topic}"}}
topics: [{{name: "{topic}", entity: order, envelope: plain, totals: off}}]
schema_registry: {{url: "{registry}"}}
destinations:
  metrica:
    {{type: metrica, url: "{url}", counter_id: 1, token: bench, upload: csv,
      statuses: {{INITIALIZED: IN_PROGRESS}}, delivery: {{rate_per_second: 25}}}}
ledger: {{url: "sqlite://{ledger}"}}
dead_letters: {{topic: "{topic}.dead"}}
server: {{port: 0}}
log: {{level: error}}
"""


class Counter(BaseHTTPRequestHandler):
    """Passes every upload with the number of its rows."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Count the lines of a file, or the objects of a list."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-type"].startswith("multipart/"):
            text = body.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
            count = text.count(b"\n") - 1
        else:
            count = len(next(iter(json.loads(body).values())))
        told = json.dumps(
            {"uploading": {"api_validation_status": "PASSED", "elements_count": count}}
        ).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measure(config: Path, ledger: Path, orders: int) -> dict[str, object]:
    """Run until everything is settled, in this process."""
    from connector import wiring  # noqa: PLC0415 - only the measured process needs it
    from connector.adapters.ledger_daily import SqliteDaily  # noqa: PLC0415
    from connector.adapters.metrics import meter  # noqa: PLC0415
    from connector.settings import load  # noqa: PLC0415

    service, began = wiring.build(load(config, {}), meter()), time.monotonic()
    books = service.lanes["metrica"].parts.books
    thread = threading.Thread(target=service.work)
    thread.start()
    while books.closed < orders and thread.is_alive():
        time.sleep(0.1)
    seconds = time.monotonic() - began
    service.stop()
    thread.join()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "orders": orders,
        "outcomes": {name: count for name, count in books.totals.items() if count},
        "requests": SqliteDaily(ledger, "metrica").used(),
        "peak_mb": round(usage.ru_maxrss / 1024),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime),
        "seconds": round(seconds),
    }


def main() -> None:
    """Parse the arguments; a line of JSON for each number of orders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        config, ledger = map(Path, given.child)
        sys.stdout.write(json.dumps(measure(config, ledger, given.orders[0])) + "\n")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-connector-bench-")))
        broker = find_broker(stack)
        bootstrap, make = broker.bootstrap, TopicFactory(broker)
        registry = stack.enter_context(running_registry())
        registry.register("bench-value", SCHEMA_FILE.read_text(encoding="utf-8"))
        server = ThreadingHTTPServer(("127.0.0.1", 0), Counter)
        stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for orders in given.orders:
            topic, ledger = make("orders", partitions=4), folder / f"{orders}.db"
            produce(bootstrap, topic, orders, "sequential")
            config = folder / f"{orders}.yaml"
            url = f"http://127.0.0.1:{server.server_port}"
            config.write_text(
                CONFIG.format(bootstrap=bootstrap, topic=topic, registry=registry.url, url=url, ledger=ledger)
            )
            command = [sys.executable, "-m", "tests.bench.metrica", "--orders", str(orders)]
            subprocess.run([*command, "--child", str(config), str(ledger)], check=True)


if __name__ == "__main__":
    main()
