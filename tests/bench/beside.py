"""Rows of live traffic beside a replay: how soon an event is accepted while a topic's history is sent too.

Both go to one destination by one ledger, with the request rate that Yespo bears.
"""

import json
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from tests.bench.fresh import Traffic
from tests.bench.records import CUSTOMERS
from tests.bench.scene import Scene
from tests.bench.targets import Samples

RATE, PER_SECOND = 170, 50
HISTORY = 30_000
"""Orders: more than a replay sends while it is measured."""
ROWS = {"alone": "", "beside": "0.2", "beside_all": "1"}
"""By row, the replay's share; the first has none beside it."""


def beside(scene: Scene, samples: Samples, runs: int, seconds: float) -> None:
    """From produce to acceptance while every customer is known already."""
    traffic = Traffic(scene, RATE)
    with traffic.running():
        traffic.accepted(traffic.write(CUSTOMERS))
        for row, share in [*ROWS.items()] * runs:
            summary: dict[str, Any] = {}
            with _replay(scene, traffic, share, summary):
                ages = traffic.accepted(traffic.write(int(PER_SECOND * seconds), PER_SECOND))
            hundredths = statistics.quantiles(ages, n=100)
            sent = {"replayed": summary["outcomes"]["delivered"] / summary["seconds"]} if summary else {}
            samples.add(row, p50=hundredths[49] * 1000, p99=hundredths[98] * 1000, **sent)


@contextmanager
def _replay(scene: Scene, traffic: Traffic, share: str, summary: dict[str, Any]) -> Iterator[None]:
    """One that has begun to deliver, and goes on for longer than the block; then its summary."""
    if not share:
        yield
        return
    topic = scene.topic(HISTORY, "uuid")  # what an earlier one has sent is a duplicate
    config = replace(traffic.run, topic=topic, config=str(scene.file("yaml"))).write()
    command = [sys.executable, "-m", "connector", "replay", "-c", str(config), "--topic", topic]
    command += ["--from", "beginning", "--share", share, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while " delivered" not in (line := process.stderr.readline()):
            assert line, "the replay has ended before it began to deliver"
        yield
        process.send_signal(signal.SIGINT)
        summary |= json.loads(process.communicate(timeout=60)[0])
    assert not summary["finished"], "the replay ended too early: it needs a longer HISTORY"
