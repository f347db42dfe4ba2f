"""Each safeguard taken away is noticed within 300 seeds: the simulation would find its loss."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from connector.core.letters import Letter
from connector.errors import DeadLettersDown
from connector.ports import DeadLetters
from tests.simulation.batch import How, over
from tests.simulation.mutants import CARELESS, MUTANTS, UNAWARE, Mutant
from tests.simulation.run import run
from tests.simulation.scenario import Dialect, Fault, Scenario, Who, Write, draw
from tests.simulation.shrink import shrink

SEEDS = range(300)
ALIKE = {("doubt", "resend")}
"""What only a doubt that is held can show: where it is resent, the CRM gets the same with and without."""

PLAIN = Scenario(
    0, "resend", "lock", eager=False, tight=False, replicas=1, partitions=1, conflict=0.0, dawdle=0.0,
    writes=(), fates=(), faults=(),
)  # fmt: skip


@pytest.mark.parametrize("dialect", ["resend", "hold"])
@pytest.mark.parametrize("name", MUTANTS)
def test_without_it_a_seed_fails(name: str, dialect: Dialect) -> None:
    if (name, dialect) in ALIKE:
        return
    tally = over(SEEDS, How(MUTANTS[name], dialect))
    assert tally.failed is not None, f"without the {name} nothing was noticed in {len(SEEDS)} seeds"


class Full:
    """A dead-letter topic that takes nothing, for ever."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    def write(self, letters: Sequence[Letter]) -> None:
        raise DeadLettersDown("full")


def test_what_never_settles_is_noticed() -> None:
    poisoned = replace(PLAIN, writes=(Write(1.0, "order", 1, "poison"),))
    assert run(poisoned).wrong == ()
    assert "not everything is settled" in run(poisoned, Mutant(letters=Full)).wrong[0]


def test_a_request_written_without_a_look_at_the_lease_is_noticed() -> None:
    """Stopped while a refused request waits for its next attempt, which comes at once when it goes on."""
    stopped = Fault(0.9, "stop", calls=1, place="http answered", seconds=16.0)
    scenario = replace(PLAIN, owners="lease", writes=(Write(0.9, "contact", 1),), faults=(stopped,))
    scenarios = [replace(scenario, seed=seed, fates=((1, "503"),)) for seed in range(3)]
    assert [run(one).wrong for one in scenarios] == [(), (), ()]
    assert any("of its lease left" in str(run(one, CARELESS).wrong) for one in scenarios)


@pytest.mark.parametrize("who", ["order", "guest"])
def test_an_order_that_relies_on_an_address_that_may_have_moved_is_noticed(who: Who) -> None:
    """One that is read while its contact's change is under way, or after its process was killed over that."""
    known, moves = Write(0.5, "contact", 0), Write(2.0, "contact", 0, moved=True)
    killed = Fault(2.2, "crash", place="http", seconds=1.0)
    late = Write(8.0, who, 3), (killed,)
    soon = Write(2.35, who, 3), ()
    scenarios = [
        replace(PLAIN, seed=seed, writes=(known, moves, order), faults=faults)
        for seed in range(5)
        for order, faults in (late, soon)
    ]
    assert [run(one).wrong for one in scenarios] == [()] * len(scenarios)
    assert any("ignored" in str(run(one, UNAWARE).wrong) for one in scenarios)


def test_a_failing_scenario_shrinks_to_what_it_needs() -> None:
    """An older state after a newer one that was accepted."""
    guard = MUTANTS["version guard"]
    scenario = next(one for seed in SEEDS if run(one := draw(seed), guard).wrong)
    smaller, runs = shrink(scenario, lambda one: bool(run(one, guard).wrong))
    assert run(smaller, guard).wrong
    assert (len(smaller.writes), smaller.faults, smaller.fates, smaller.replicas) == (3, (), (), 1)
    assert runs < 300


def test_a_fault_that_is_needed_stays() -> None:
    """Without claims that others see, one process alone sends nothing twice, unless it dies."""
    blind = MUTANTS["claim"]
    dies = Fault(1.0, "crash", calls=1, place="http answered", seconds=1.0)
    writes = Write(0.5, "contact", 1), Write(1.5, "order", 1)
    faults = dies, Fault(3.0, "move"), Fault(4.0, "refuse")
    scenario = replace(PLAIN, dialect="hold", writes=writes, faults=faults)
    assert run(scenario).wrong == ()
    assert "held" in run(scenario, blind).wrong[0]
    smaller, _ = shrink(scenario, lambda one: bool(run(one, blind).wrong))
    assert smaller.faults == (dies,)
