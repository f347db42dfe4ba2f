"""What is said about seeds: speed, what was reached, and the first that fails, made small."""

from collections.abc import Iterator

import msgspec

from tests.simulation.batch import How, Tally
from tests.simulation.mutants import NONE
from tests.simulation.run import Outcome
from tests.simulation.scenario import Scenario
from tests.simulation.shrink import shrink


def summary(tally: Tally, first: int, seconds: float, jobs: int) -> Iterator[str]:
    """Lines about all seeds."""
    rate, virtual = tally.seeds / max(seconds, 1e-9), tally.seconds / max(1, tally.seeds)
    speed = f"{rate:.1f} seeds/s on {jobs} cores, {virtual:.0f} virtual seconds each"
    yield f"{tally.seeds:,} seeds from {first}: {speed}"
    reached = ", ".join(f"{what} {count:,}" for what, count in sorted(tally.reached.items()))
    yield f"reached: {reached}"


def failure(seed: int, how: How, again: str) -> Iterator[str]:
    """Lines about a seed that fails. again: what to type to see it once more."""
    scenario = how.scenario(seed)
    yield f"seed {seed} fails: {how.run(scenario).wrong[0]}"
    smaller, runs = shrink(scenario, lambda one: bool(how.run(one).wrong))
    outcome = how.run(smaller)
    yield f"shrunk in {runs} runs to {_size(smaller)}: {outcome.wrong[0]}"
    yield from story(smaller, outcome)
    if how.mutant is NONE:
        yield "the line of JSON belongs into tests/data/simulation_seeds.txt: the test suite runs it for ever"
    yield f"again: {again}"


def story(scenario: Scenario, outcome: Outcome) -> Iterator[str]:
    """A scenario, and what happened."""
    yield msgspec.json.encode(scenario).decode()
    yield from outcome.history.lines()


def _size(scenario: Scenario) -> str:
    writes, faults, fates = len(scenario.writes), len(scenario.faults), len(scenario.fates)
    return f"replicas {scenario.replicas}, records {writes}, faults {faults}, requests with a fate {fates}"
