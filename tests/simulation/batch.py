"""Many seeds, one after the other or on all cores, until one fails."""

import gc
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from tests.simulation.mutants import NONE, Mutant
from tests.simulation.run import Outcome, run
from tests.simulation.scenario import Dialect, Scenario, draw

CHUNK = 20
MEMORY = Path("/dev/shm")  # where a file costs no disk, if there is such a place


class How(Struct, frozen=True):
    """How seeds are run. mutant: what is broken on purpose. dialect: None: each seed its own.

    sqlite: where owners hold locks, the ledger is a real file. checked: by the checker of trials, too.
    """

    mutant: Mutant = NONE
    dialect: Dialect | None = None
    sqlite: bool = False
    checked: bool = False

    def scenario(self, seed: int) -> Scenario:
        """What happens for a seed."""
        return draw(seed, self.dialect)

    def run(self, scenario: Scenario) -> Outcome:
        """What comes of it."""
        if not self.sqlite:
            return run(scenario, self.mutant, checked=self.checked)
        with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            return run(scenario, self.mutant, file=Path(folder) / "ledger.db", checked=self.checked)


class Tally(Struct):
    """What came of seeds, in their order. seconds: of virtual time. failed: the first that did.

    reached: how often each thing happened.
    """

    seeds: int = 0
    seconds: float = 0.0
    failed: int | None = None
    reached: Counter[str] = Counter()

    def add(self, other: "Tally") -> None:
        """Those that come after these."""
        self.seeds += other.seeds
        self.seconds += other.seconds
        self.failed = other.failed if self.failed is None else self.failed
        self.reached.update(other.reached)


def over(seeds: Sequence[int], how: How) -> Tally:
    """One after the other, in this process, until one fails."""
    tally = Tally(reached=Counter())
    with _without_collector():
        for number, seed in enumerate(seeds):
            outcome = how.run(how.scenario(seed))
            failed = seed if outcome.wrong else None
            tally.add(Tally(1, outcome.seconds, failed, outcome.history.count()))
            if failed is not None:
                break
            if number % CHUNK == CHUNK - 1:
                gc.collect()
    return tally


def spread(seeds: Sequence[int], how: How, jobs: int) -> Iterator[Tally]:
    """On so many cores, until one fails; yields what has come of the first so many."""
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    total, context = Tally(reached=Counter()), multiprocessing.get_context("fork")
    with context.Pool(jobs, _begin, (context.Value("i", 0), how)) as pool:
        for tally in pool.imap(_chunk, chunks):
            total.add(tally)
            yield total
            if total.failed is not None:
                return


class _Worker:
    """What a worker process was told."""

    how = How()


def _begin(started: Any, how: How) -> None:
    """Keep to one core: the threads of a run, of which one works at a time, take turns faster there."""
    _Worker.how = how
    with started.get_lock():
        started.value += 1
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[started.value % len(cores)]})


def _chunk(seeds: Sequence[int]) -> Tally:
    return over(seeds, _Worker.how)


@contextmanager
def _without_collector() -> Iterator[None]:
    """It took a quarter of the time, and finds what a run leaves just as well after some runs."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
