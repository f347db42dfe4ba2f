"""A smaller scenario that fails as well: whatever can be left out is."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec.structs import replace

from tests.simulation.scenario import Scenario

T = TypeVar("T")
RUNS = 500
"""Runs that shrinking may take."""


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool]) -> tuple[Scenario, int]:
    """Greedy: the first smaller one that fails is taken, again and again; and how many runs it took."""
    runs, found = 0, True
    while found and runs < RUNS:
        found = False
        for smaller in _smaller(scenario):
            runs += 1
            if fails(smaller):
                scenario, found = smaller, True
                break
            if runs >= RUNS:
                break
    return scenario, runs


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """The greatest steps first."""
    for faults in _without(scenario.faults):
        yield replace(scenario, faults=faults)
    for writes in _without(scenario.writes):
        yield replace(scenario, writes=writes)
    for fates in _without(scenario.fates):
        yield replace(scenario, fates=fates)
    if scenario.replicas > 1:
        yield replace(scenario, replicas=scenario.replicas - 1)
    if scenario.partitions > 1:
        yield replace(scenario, partitions=1)
    calm = {"dawdle": 0.0, "conflict": 0.0, "tight": False, "eager": False}
    yield from (replace(scenario, **{k: v}) for k, v in calm.items() if getattr(scenario, k) != v)


def _without(parts: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Without a half of them, a quarter, … one."""
    size = len(parts)
    while size > 1:
        size = (size + 1) // 2
        for start in range(0, len(parts), size):
            yield parts[:start] + parts[start + size :]
    if len(parts) == 1:
        yield ()
