"""One run: worlds, the scenarios that are done to each, and what came of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import Struct, field

from tests.chaos.check.reading import Unreadable
from tests.chaos.check.verdict import Verdict
from tests.chaos.figures import Figures, figures
from tests.chaos.judging import histories_of, judge_world, merged
from tests.chaos.machines import Machines
from tests.chaos.scenarios import Scenario
from tests.chaos.small_disk import NoDiskError
from tests.chaos.state import differences
from tests.chaos.world import World
from tests.chaos.worlds import cluster_world, shared_world, single_world

FENCED = "Static consumer fenced"
Say = Callable[[str], None]
Make = Callable[[Machines, Path, int], AbstractContextManager[World]]
WORLDS: Mapping[str, Make] = {"shared": shared_world, "single": single_world, "cluster": cluster_world}


class Row(Struct):
    """One scenario as it went. begun, ended: seconds since the epoch; ended: all flowed again."""

    scenario: Scenario
    times: int
    begun: float
    ended: float
    figures: Figures = Figures()

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.begun


class Report(Struct):
    """What came of a run.

    failures: what did not go on by itself; differences: from the source, at the end; undone: scenarios that
    this machine does not allow, each with the reason. torn: lines of histories that a kill has cut.
    fenced: static members that had to end, and were started again: a broker that is killed may forget which
    of its members was the last of its name.
    """

    seed: int
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    fenced: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    torn: int = 0
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return self.verdict.clean and not (self.failures or self.differences)

    @property
    def verdict(self) -> Verdict:
        """The checker's, of all worlds."""
        return merged(self.verdicts)


class Story:
    """seconds: of each scenario instead of its own. say: told what is being done."""

    def __init__(self, machines: Machines, folder: Path, seed: int, say: Say, seconds: float | None) -> None:
        """Nothing has happened."""
        self.report = Report(seed)
        self._machines, self._folder, self._say, self._seconds = machines, folder, say, seconds

    def tell(self, scenarios: Sequence[Scenario]) -> Report:
        """Do all of these, and judge."""
        for name, make in WORLDS.items():
            chosen = [each for each in scenarios if each.world == name]
            try:
                if chosen:
                    self.live(make, name, chosen)
            except NoDiskError as error:
                why = f"no small disk can be mounted: {error}"
                self.report.undone += [f"{each.name}: {why}" for each in chosen]
        return self.report

    def live(self, make: Make, name: str, scenarios: Sequence[Scenario]) -> None:
        """A world from its beginning to its end, with what is done to it between; and its verdict."""
        begun = time.monotonic()
        with make(self._machines, self._folder / name, self.report.seed) as world:
            rows: list[Row] = []
            ended = False
            try:
                world.begin()
                self._say(f"{name}: {len(world.replicas)} at work")
                for scenario in scenarios:
                    self._do(world, scenario, rows)
                world.finish()
                ended = True
            except AssertionError as error:
                self.report.failures.append(f"{name}, after {[row.scenario.name for row in rows]}: {error}")
                world.close()
            self._judge(world, rows, ended=ended)
        self.report.seconds += time.monotonic() - begun

    def _do(self, world: World, scenario: Scenario, rows: list[Row]) -> None:
        row = Row(scenario, 0, time.time(), 0.0)
        row.times = scenario.act(world, self._seconds or scenario.seconds)
        world.await_recovery()
        row.ended = time.time()
        self._say(f"{scenario.name}: {row.times} times, {row.seconds:.0f} s, {world.accepted} accepted")
        rows.append(row)

    def _judge(self, world: World, rows: Sequence[Row], *, ended: bool) -> None:
        report = self.report
        report.rows += rows
        report.fenced += [line for line in world.replicas.ended if FENCED in line]
        report.failures += [line for line in world.replicas.ended if FENCED not in line]
        try:
            histories, torn = histories_of(world)
            for row in rows:
                row.figures = figures(histories, row.begun, row.ended)
            report.torn += torn
            report.verdicts.append(judge_world(world, histories, running=not ended))
        except Unreadable as error:
            report.failures.append(f"{world.group}: cannot be judged: {error}")
        if ended:
            report.differences += differences(world)
