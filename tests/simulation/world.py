"""What is outside the processes of a run, and outlives them: broker, ledger's store, CRM, dead letters."""

from collections import deque
from collections.abc import Callable
from math import inf
from pathlib import Path

from connector.adapters.ledger_sqlite import SqliteLedger
from connector.lane.intake import Reading
from connector.recording.settling import Counting
from tests.fakes.ledger import FakeLedger, Scope, Store
from tests.fakes.source import FakeBroker, Group
from tests.simulation.checked import Witnesses
from tests.simulation.history import History
from tests.simulation.judge import Judge
from tests.simulation.mutants import Mutant
from tests.simulation.network import Flight, Network
from tests.simulation.ports import Surroundings
from tests.simulation.scenario import Scenario
from tests.simulation.sim import Sim
from tests.simulation.source import Source
from tests.support.stage import GROUP, NAME
from tests.support.stage_crm import StageCrm
from tests.support.stage_ports import Letters
from tests.support.stage_reading import CONTACTS, ORDERS, JsonDecoder, Outside, Trouble, readings

MAPPERS = {name: one.mapper for name, one in readings(Outside(), "ignore", {}).items()}
LEASE, SESSION = 10.0, 6.0
"""Seconds that claims, and membership of the group, outlive a process that is silent."""


class Troubles:
    """Of the next calls of ledger and dead letters, one each."""

    def __init__(self) -> None:
        self._next: deque[Trouble] = deque()

    def add(self, trouble: Trouble) -> None:
        self._next.append(trouble)

    def clear(self) -> None:
        self._next.clear()

    def __iter__(self) -> "Troubles":
        return self

    def __next__(self) -> Trouble:
        if not self._next:
            raise StopIteration
        return self._next.popleft()


class World:
    """wrong: called with each violation. file: where a real ledger keeps what is owned by locks.

    checked: the processes write histories.
    """

    def __init__(
        self,
        scenario: Scenario,
        mutant: Mutant,
        wrong: Callable[[str], object],
        *,
        file: Path | None,
        checked: bool,
    ) -> None:
        self.scenario, self.mutant, self._file = scenario, mutant, file
        self.sim = Sim(scenario.seed, lambda error: wrong(f"raised {type(error).__name__}: {error}"))
        self.history = History(self.sim.clock.monotonic)
        self.outside, self.troubles = Surroundings(), Troubles()
        self.outside.troubles = self.troubles
        self.readings = {name: Reading(JsonDecoder(self.outside, name), one) for name, one in MAPPERS.items()}
        self.crm = StageCrm(self.sim.clock, conflict_seconds=scenario.conflict)
        self.witnesses = Witnesses(self.sim.clock, self.crm) if checked else None
        self.network = Network(self.sim, self.crm, dict(scenario.fates))
        self.letters: Letters = {}
        self.broker = FakeBroker()
        for topic in (ORDERS, CONTACTS):
            self.broker.create(topic, scenario.partitions)
        self.group.eager = scenario.eager
        self.source = Source(self.broker)
        self._store = Store(scopes={NAME: Scope()})
        self.judge = Judge(self.source, self.history, wrong, hold=self.holds)
        self.network.written, self.network.applied = self.judge.write, self._applied
        self._ignored = 0

    def _applied(self, flight: Flight) -> None:
        self.judge.arrive(flight)
        ignored = self.crm.crm.ignored
        for one in ignored[self._ignored :]:
            self.judge.ignored(flight, one.params)
        self._ignored = len(ignored)

    @property
    def holds(self) -> bool:
        """Whether a doubt about an order is held."""
        return self.scenario.dialect != "resend"

    @property
    def group(self) -> Group:
        return self.broker.group(GROUP)

    def ledger(self) -> Counting:
        """One more owner."""
        if self._file is not None and self.scenario.owners == "lock":
            return SqliteLedger(self._file, NAME, now=self.sim.clock.now)
        lease = LEASE if self.scenario.owners == "lease" else inf
        store = self.mutant.store(self._store)
        return FakeLedger(store, NAME, self.sim.clock.now, lease, self.mutant.rules)

    @property
    def done(self) -> bool:
        """Everything that was written is committed."""
        commits = self.group.commits
        keys = self.broker.keys([ORDERS, CONTACTS])
        return all(commits.get(key, (0, ""))[0] >= self.broker.log(key).end for key in keys)
