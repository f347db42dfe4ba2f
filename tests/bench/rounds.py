"""The rows of the paths, and of growth. A round runs all paths, so that a drift of the machine hits all."""

import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from tests.bench.heads import copied, fill_postgres, fill_sqlite, prepare_postgres
from tests.bench.pipeline import Result
from tests.bench.records import Ids
from tests.bench.scene import Scene
from tests.bench.targets import CPU, FLOOR, PEAK, RATE, Samples
from tests.support.postgres import NoPostgresError

PER = 100_000
"""Records for which CPU is told."""
Say = Callable[[str], None]


class Sizes(Struct, frozen=True):
    """Records of a bulk and of a live run; heads in the ledger of the row of UUIDs."""

    bulk: int = 100_000
    live: int = 40_000
    heads: int = 1_000_000


def per(cpu: float, records: int) -> float:
    """CPU seconds for 100,000 records."""
    return cpu / records * PER


class Paths:
    """The paths of the table, a round after the other."""

    def __init__(self, scene: Scene, samples: Samples, sizes: Sizes) -> None:
        """Fill the topics, and a ledger with heads."""
        self._scene, self._samples, self._sizes = scene, samples, sizes
        scene.topic(max(sizes.bulk, sizes.live))
        scene.topic(max(sizes.bulk, sizes.live), "uuid")
        self._filled = scene.file("db")
        fill_sqlite(self._filled, sizes.heads)
        self.lacking: list[str] = []

    def round(self) -> float:
        """Each path once; CPU a record of the plain bulk path, sequential ids."""
        floor = self._floor("sequential")
        ledger = self._scene.ledger()
        bulk = self._bulk("bulk", "sequential", ledger, floor)
        self._replay(ledger)
        self._bulk("uuids", "uuid", self._scene.ledger())
        self._bulk("uuid", "uuid", f"sqlite://{copy(self._scene, self._filled)}", self._floor("uuid"))
        self._postgres()
        self._live("live", "sequential", 0)
        self._live("live_uuids", "uuid", 0)
        self._live("live_slow", "sequential", 20)
        return bulk

    def _topic(self, ids: Ids) -> str:
        return self._scene.topic(max(self._sizes.bulk, self._sizes.live), ids)

    def _floor(self, ids: Ids) -> float:
        told = self._scene.floor(self._topic(ids), self._sizes.bulk)
        cpu = per(told["cpu"], self._sizes.bulk)
        if ids == "sequential":
            self._samples.add("floor", **{CPU: cpu, RATE: told["rate"]})
        return cpu

    def _bulk(self, row: str, ids: Ids, ledger: str, floor: float | None = None) -> float:
        result = self._run(ids, "past_events", ledger)
        cpu = per(result.cpu, self._sizes.bulk)
        against = {} if floor is None else {FLOOR: cpu / floor}
        self._samples.add(row, **{CPU: cpu, RATE: result.rate, PEAK: result.peak_mb, **against})
        return cpu

    def _replay(self, ledger: str) -> None:
        result = self._run("sequential", "past_events", ledger)
        if result.outcomes.get("duplicate", 0) < self._sizes.bulk:
            raise RuntimeError(f"not everything was found delivered: {result.outcomes}")
        self._samples.add("replay", **{CPU: per(result.cpu, self._sizes.bulk), RATE: result.rate})

    def _postgres(self) -> None:
        try:
            database = self._scene.database()
        except NoPostgresError as error:
            self.lacking = [f"bulk, PostgreSQL ledger: {error}"]
            return
        prepare_postgres(database)
        self._bulk("postgres", "sequential", database.url)

    def _live(self, row: str, ids: Ids, delay_ms: float) -> None:
        records = self._sizes.live
        result = self._scene.pipeline(
            self._topic(ids), records, via="events", ledger=self._scene.ledger(), delay_ms=delay_ms
        )
        self._samples.add(row, **{CPU: per(result.cpu, records), RATE: result.rate, PEAK: result.peak_mb})

    def _run(self, ids: Ids, via: str, ledger: str) -> Result:
        return self._scene.pipeline(self._topic(ids), self._sizes.bulk, via=via, ledger=ledger)


def copy(scene: Scene, filled: Path) -> Path:
    """A ledger file of its own with the same heads."""
    path = scene.file("db")
    shutil.copy(filled, path)
    return path


def backlog(scene: Scene, samples: Samples, records: int, figure: str, small: float) -> None:
    """What a large backlog costs a record against a small one, and how much memory it takes."""
    result = scene.pipeline(scene.topic(records), records, via="past_events", ledger=scene.ledger())
    samples.add("growth", **{figure: per(result.cpu, records) / small})
    samples.add("memory", **{"peak" if figure == "three" else figure: result.peak_mb})


def many_heads(scene: Scene, samples: Samples, sizes: Sizes, heads: int, runs: int, say: Say) -> None:
    """What many orders in the ledger cost against none. Ids are UUIDs, which know no near page."""
    say(f"making two ledgers of {heads:,} orders")
    full = scene.file("db")
    fill_sqlite(full, heads)
    database = scene.database()
    fill_postgres(database, heads)
    for number in range(runs):
        say(f"{heads:,} orders in the ledger, run {number + 1} of {runs}")
        few = _uuid(scene, sizes, scene.ledger())
        path = copy(scene, full)
        samples.add("growth", sqlite=_uuid(scene, sizes, f"sqlite://{path}") / few)
        path.unlink()
        empty = scene.database()
        prepare_postgres(empty)
        few = _uuid(scene, sizes, empty.url)
        samples.add("growth", postgres=_uuid(scene, sizes, copied(scene.postgres(), database)) / few)


def _uuid(scene: Scene, sizes: Sizes, ledger: str) -> float:
    topic = scene.topic(sizes.bulk, "uuid")
    return scene.pipeline(topic, sizes.bulk, via="past_events", ledger=ledger).cpu
