"""Rows of the real process, `crm-connector run`: how soon an event is accepted, how soon after a start, and
whether memory grows while it works.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from confluent_kafka import Producer
from msgspec.structs import replace

from tests.bench.records import CUSTOMERS, messages
from tests.bench.rounds import Say
from tests.bench.scene import Scene
from tests.bench.targets import Samples
from tests.support.instance import Instance, wait_until

PER_SECOND, DELAY_MS = 200, 20.0
PATIENCE = 60.0
IMPORT = "import time; t = time.perf_counter(); import connector.cli; print(time.perf_counter() - t)"
WARM_MINUTES, EVERY_SECONDS = 10.0, 10.0
MB_OF_A_PAGE = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


class Traffic:
    """Orders written to a topic one by one, and when; and the diary of a destination that accepts them."""

    def __init__(self, scene: Scene, rate: float = 0) -> None:
        """A topic of its own, the connector that reads it, and a destination that is 20 ms away.

        rate: requests a second, 0 = unlimited.
        """
        self._url, self._topic = scene.new_destination(DELAY_MS, "diary"), scene.empty_topic()
        self._producer = Producer(
            {"bootstrap.servers": scene.broker.bootstrap, "linger.ms": 0, "log_level": 2}
        )
        self._messages: Iterator[tuple[bytes, bytes]] = messages(99_999_999, "sequential")
        ledger = scene.ledger()
        self.run = replace(
            scene.run_of(self._topic, 0, via="events", url=self._url, ledger=ledger), rate=rate
        )
        self.connector = Instance(self.run.write(), 0)

    def write(self, count: int, per_second: float = 0) -> dict[str, float]:
        """Write orders; when each was written. per_second: 0 = all at once."""
        written: dict[str, float] = {}
        began = time.monotonic()
        for number, (key, value) in enumerate(islice(self._messages, count)):
            if per_second:
                time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            written[key.decode()] = time.time()
            self._producer.produce(self._topic, key=key, value=value)
            self._producer.poll(0)
        self._producer.flush(PATIENCE)
        return written

    def accepted(self, written: dict[str, float]) -> list[float]:
        """How many seconds after it was written each was accepted. Raises AssertionError: not in time."""
        wait_until(lambda: written.keys() <= self._diary().keys(), PATIENCE, self.connector.trouble)
        diary = self._diary()
        return [diary[order] - since for order, since in written.items()]

    @contextmanager
    def running(self) -> Iterator[None]:
        """While the connector runs."""
        with closing(self.connector):
            self.connector.start()
            yield
            self.connector.end(signal.SIGTERM)

    def _diary(self) -> dict[str, float]:
        time.sleep(0.1)
        with urllib.request.urlopen(f"{self._url}/diary") as answer:  # noqa: S310 - our own server
            told: dict[str, float] = json.load(answer)
        return told


def freshness(scene: Scene, samples: Samples, runs: int, seconds: float) -> Traffic:
    """From produce to acceptance while every customer is known already; the traffic, for more."""
    traffic = Traffic(scene)
    with traffic.running():
        traffic.accepted(traffic.write(CUSTOMERS))
        for _ in range(runs):
            ages = traffic.accepted(traffic.write(int(PER_SECOND * seconds), PER_SECOND))
            hundredths = statistics.quantiles(ages, n=100)
            samples.add("fresh", p50=hundredths[49] * 1000, p99=hundredths[98] * 1000)
    return traffic


def start(traffic: Traffic, samples: Samples, runs: int) -> None:
    """From exec to the acceptance of an order that waits; and what the import of the package takes."""
    for _ in range(runs):
        (order,) = traffic.write(1)
        since = time.time()
        with traffic.running():
            (first,) = traffic.accepted({order: since})
        done = subprocess.run([sys.executable, "-c", IMPORT], check=True, stdout=subprocess.PIPE, text=True)
        samples.add("start", **{"first": first, "import": float(done.stdout)})


def slope(scene: Scene, samples: Samples, minutes: float, say: Say) -> None:
    """Megabytes an hour that the process grows by at 200 events a second, once it is warm."""
    traffic, seen = Traffic(scene), []
    with traffic.running():
        traffic.accepted(traffic.write(CUSTOMERS))
        pid, began = traffic.connector.pid, time.monotonic()
        while (minute := (time.monotonic() - began) / 60) < minutes:
            traffic.write(int(PER_SECOND * EVERY_SECONDS), PER_SECOND)
            if minute >= min(WARM_MINUTES, minutes / 6):
                seen.append((minute / 60, _resident(pid)))
    say(f"memory after {minutes:g} minutes: from {seen[0][1]:.1f} to {seen[-1][1]:.1f} MB")
    hours, sizes = zip(*seen, strict=True)
    samples.add("memory", slope=statistics.linear_regression(hours, sizes).slope)


def _resident(pid: int) -> float:
    """Megabytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * MB_OF_A_PAGE
