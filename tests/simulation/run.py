"""One run of a scenario: its replicas live, its records are written, its faults happen; then it is judged."""

from functools import partial
from pathlib import Path

from msgspec import Struct

from tests.simulation.checked import distinct
from tests.simulation.history import History
from tests.simulation.mutants import NONE, Mutant
from tests.simulation.process import Process
from tests.simulation.scenario import Fault, Scenario, Write
from tests.simulation.source import told
from tests.simulation.verdict import verdict
from tests.simulation.world import World
from tests.support.stage_reading import CONTACTS, ORDERS

PATIENCE = 1200.0
"""Virtual seconds after the last fault in which everything has to be settled: one content may be answered 409
a dozen times, and each costs a minute."""
LOOK, QUIET = 0.25, 1.0
"""How often to look whether all is settled, and how long it has to be."""
OUTAGES = {"ledger": "ledger", "registry": "registry", "letters": "letters"}


class Outcome(Struct, frozen=True):
    """wrong: what must not be (empty: nothing). seconds: of virtual time. stale: requests that were."""

    wrong: tuple[str, ...]
    history: History
    seconds: float
    stale: int


class Run:
    """See `run`."""

    def __init__(self, scenario: Scenario, mutant: Mutant, *, file: Path | None, checked: bool) -> None:
        self.scenario, self._wrong = scenario, list[str]()
        self.world = World(scenario, mutant, self._fail, file=file, checked=checked)
        self._lives = [0] * scenario.replicas
        self._processes: list[Process] = []
        self._rest = [0.0] * scenario.replicas
        self._quiet = 0.0
        for seat in range(scenario.replicas):
            self._processes.append(self._start(seat))
        sim = self.world.sim
        for write in scenario.writes:
            sim.at(write.at, partial(self._write, write))
        for fault in scenario.faults:
            sim.at(fault.at, partial(self._happen, fault))
        last = max([w.at for w in scenario.writes] + [f.at + f.seconds for f in scenario.faults], default=0.0)
        sim.at(last + 0.1, self._end_of_faults)

    def go(self) -> Outcome:
        world = self.world
        try:
            world.sim.run()
            if not self._wrong and world.witnesses is not None:
                self._wrong += world.witnesses.findings(world.source)
            if not self._wrong:
                self._wrong += verdict(world.judge, world.source, world.crm, world.letters, hold=world.holds)
        finally:
            world.sim.close()
        return Outcome(tuple(self._wrong), world.history, world.sim.clock.monotonic(), world.judge.stale)

    def _fail(self, what: str) -> None:
        self.world.history.note("judge", "WRONG", what)
        self._wrong.append(what)
        self.world.sim.over = True

    # --- Replicas ---------------------------------------------------------------------------------

    def _start(self, seat: int) -> Process:
        self._lives[seat] += 1
        return Process(self.world, f"r{seat}.{self._lives[seat]}", lambda: self._ended(seat))

    def _ended(self, seat: int) -> None:
        self.world.sim.after(self._rest[seat] + 0.1, lambda: self._restart(seat))
        self._rest[seat] = 0.0

    def _restart(self, seat: int) -> None:
        self._processes[seat] = self._start(seat)

    # --- What happens -----------------------------------------------------------------------------

    def _write(self, write: Write) -> None:
        now = int(self.world.sim.clock.now() * 1000)
        key, offset, what = self.world.source.write(write, now)
        self.world.history.note("source", "writes", f"{key[0]}[{key[1]}]@{offset} {told(what)}")

    def _happen(self, fault: Fault) -> None:
        world, process = self.world, self._processes[fault.who % self.scenario.replicas]
        group = world.group
        world.history.note("fault", fault.what, _told(fault, process.name))
        match fault.what:
            case "crash":
                self._rest[fault.who % self.scenario.replicas] = fault.seconds
                process.nerve.arm(fault)
            case "stop":
                process.nerve.arm(fault)
            case "drain":
                self._rest[fault.who % self.scenario.replicas] = fault.seconds
                process.leaving = True
            case "cut":
                process.cut()
            case "move":
                group.members = group.members[1:] + group.members[:1]
            case "refuse":
                group.refuse += fault.calls % 3 + 1
            case "before" | "after":
                world.troubles.add(fault.what)
            case "partition":
                world.broker.add_partition((ORDERS, CONTACTS)[fault.calls % 2])
            case _:
                self._down(fault)

    def _down(self, fault: Fault) -> None:
        self._set_down(fault, down=True)
        self.world.sim.after(fault.seconds, lambda: self._set_down(fault, down=False))

    def _set_down(self, fault: Fault, *, down: bool) -> None:
        world = self.world
        match fault.what:
            case "broker":
                world.broker.down = down
            case "crm":
                world.network.down = down
            case _:
                setattr(world.outside, OUTAGES[fault.what], down)

    # --- The end ----------------------------------------------------------------------------------

    def _end_of_faults(self) -> None:
        self.world.history.note("fault", "no more")
        self.world.troubles.clear()
        self.world.group.refuse = 0
        for process in self._processes:
            process.nerve.disarm()
        self._deadline = self.world.sim.clock.monotonic() + PATIENCE
        self._look()

    def _look(self) -> None:
        done = self.world.done and not any(process.loop.frozen for process in self._processes)
        self._quiet = self._quiet + LOOK if done else 0.0
        if self._quiet > QUIET:
            self.world.sim.over = True
        elif self.world.sim.clock.monotonic() > self._deadline:
            self._fail(f"not everything is settled {PATIENCE:.0f} s after the last fault")
        else:
            self.world.sim.after(LOOK, self._look)


def _told(fault: Fault, name: str) -> str:
    when = f" at call {fault.calls} of {fault.place or 'any port'}" if fault.what in ("crash", "stop") else ""
    who = f"{name}{when}, " if fault.what in ("crash", "stop", "drain", "cut") else ""
    return f"{who}{fault.seconds} s"


def run(
    scenario: Scenario, mutant: Mutant = NONE, *, file: Path | None = None, checked: bool = False
) -> Outcome:
    """The same scenario has the same outcome. file: see World. checked: by the checker of trials, too."""
    return Run(distinct(scenario) if checked else scenario, mutant, file=file, checked=checked).go()
