"""`make backfill`: 200,000 records replayed by time while live traffic runs, killed twice and resumed.

On a real Kafka. What the brokers, the ledger and the CRM hold at the end is told claim by claim; exit code 1
if one is not so.
"""

import argparse
import json
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from connector.sandbox.server import SandboxServer
from tests.support.backfill import PARTITIONS, Backfill
from tests.support.broker import find_broker
from tests.support.instance import Instance, open_claims, wait_until
from tests.support.kafka_node import free_ports
from tests.support.progress import Progress
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory

LIVE = 1_000_000
"""Live orders are numbered from here."""
EACH, SECONDS = 10, 0.5
"""So many of them every so many seconds."""
LONGEST = 3600.0
"""Seconds for any one step."""


class Live(Struct):
    """What was written while the connector ran, and its group's commits as they were seen."""

    written: int = 0
    commits: list[dict[tuple[str, int], int]] = field(default_factory=list)


@contextmanager
def traffic(world: Backfill, connector: Instance) -> Iterator[Live]:
    """The connector at work on live orders while the block lasts; it ends well, and all is committed."""
    live, stop = Live(), threading.Event()

    def write() -> None:
        while not stop.wait(SECONDS):
            world.write(EACH, LIVE + live.written, at_ms=int(time.time() * 1000))
            live.written += EACH
            live.commits.append(world.live())

    with closing(connector):
        connector.start()
        wait_until(lambda: connector.partitions() == PARTITIONS + 1, LONGEST, connector.trouble)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield live
        finally:
            stop.set()
            writer.join()
        with Progress(world.bootstrap, f"{world.group}.yespo", [world.topic]) as progress:
            progress.await_end(LONGEST, connector.trouble)
        assert connector.end(signal.SIGTERM) == 0, connector.trouble()


def replayed(world: Backfill, records: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Begun by time, killed at a quarter and at a half, resumed; its summary."""
    process = world.replay(
        "--topic", world.topic, "--from", "2025-01-01T00:00:00Z", "--to", "-1d", "--share", "0.5"
    )
    name = ""
    for part in (records // 4, records // 2):
        history = Orders(world)
        wait_until(lambda part=part, history=history: history.count() >= part, LONGEST, lambda: "")  # type: ignore[misc]
        process.kill()
        _, err = process.communicate()
        name = name or re.findall(r"replay ([0-9a-f-]+):", err)[0]
        say(f"killed with {history.count():,} at the CRM")
        process = world.replay("--resume", name, "--share", "1")
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, err
    summary: dict[str, Any] = json.loads(out)
    return summary


class Orders:
    """What the CRM has taken of the history."""

    def __init__(self, world: Backfill) -> None:
        """Looks at it when it is asked."""
        self._world, self._seen, self._found = world, 0, 0

    def count(self) -> int:
        """Events of orders that are not live."""
        events = self._world.sandbox.crm.events
        self._found += sum(not is_live(str(one.params["externalOrderId"])) for one in events[self._seen :])
        self._seen = len(events)
        return self._found


def is_live(order: str) -> bool:
    """By its number."""
    return int(order[1:]) >= LIVE


def claims(world: Backfill, live: Live, summary: dict[str, Any], records: int) -> dict[str, bool]:
    """What has to be so."""
    sent, outcomes = world.sent, summary["outcomes"]
    history = Counter({order: count for order, count in sent.items() if not is_live(order)})
    commits = live.commits
    return {
        "every record of the range was settled": (summary["finished"], summary["records"]) == (True, records),
        "the CRM has each order of the range, once": history == {f"o{n}": 1 for n in range(records)},
        "the summary is what the CRM has": outcomes.keys() <= {"delivered", "duplicate"}
        and sum(outcomes.values()) == history.total(),
        "the CRM has each live order, once": len(sent) - len(history) == live.written
        and sent.total() - history.total() == live.written,
        "the live group's offsets only went forward, to the end": all(
            before[place] <= after[place] for before, after in pairwise(commits) for place in before
        ),
        "no claim is open": open_claims(world.ledger) == set(),
    }


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="make backfill", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    records = parser.parse_args().records
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.0f} s  {text}\n")
        sys.stdout.flush()

    with ExitStack() as stack:
        broker = find_broker(stack)
        if not broker.is_real:
            sys.stderr.write(f"make backfill: needs a real Kafka: {broker.why_embedded}\n")
            return 2
        registry = stack.enter_context(running_registry())
        sandbox = stack.enter_context(SandboxServer(rate_per_second=0))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crm-connector-backfill-")))
        create, (port,) = TopicFactory(broker), free_ports(1)
        topics = create("orders", partitions=PARTITIONS), create("contacts")
        world = Backfill(folder, broker, topics, registry, sandbox, port=port)
        stack.callback(world.close)
        world.write(records)
        world.commit(records // PARTITIONS)  # the live group has read it, with another ledger, long ago
        say(f"{records:,} records are history")
        with traffic(world, Instance(world.file, port)) as live:
            summary = replayed(world, records, say)
        say(f"{live.written:,} live orders meanwhile; {json.dumps(summary['outcomes'])}")
        found = claims(world, live, summary, records)
    for claim, holds in found.items():
        say(f"{'✓' if holds else '✗'} {claim}")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
