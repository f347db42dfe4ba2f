"""A run as the checker of trials sees it: what the processes recorded, the source, what the CRM accepted."""

from collections.abc import Callable

from msgspec.structs import replace

from connector.recording import Unrecorded, recorder
from tests.chaos.check import reading
from tests.chaos.check.verdict import judge
from tests.fakes.history import FakeHistory, Line
from tests.simulation.scenario import Scenario
from tests.simulation.source import Source, Version
from tests.support.stage import NAME
from tests.support.stage_courier import StageClock
from tests.support.stage_crm import StageCrm


class ProcessHistory(FakeHistory):
    """The file of a process that is killed ends there."""

    def __init__(self, clock: StageClock, by: str, lines: list[Line], alive: Callable[[], bool]) -> None:
        super().__init__(clock, by, lines)
        self._alive = alive

    def note(self, what: str, /, **fields: object) -> None:
        if self._alive():
            super().note(what, **fields)


class Witnesses:
    """lines: of the histories of all processes."""

    def __init__(self, clock: StageClock, crm: StageCrm) -> None:
        self.lines: list[Line] = []
        self._clock, self._crm = clock, crm
        self._accepted: list[reading.Accepted] = []
        crm.crm.on_accepted = lambda one: self._accepted.append(
            reading.Accepted(one.at, one.entity, one.key, one.rev, one.resource)
        )

    def tape(self, by: str, alive: Callable[[], bool]) -> Unrecorded:
        """What stands between a lane and its ports."""
        return recorder(ProcessHistory(self._clock, by, self.lines, alive), NAME, self._clock)

    def findings(self, source: Source) -> list[str]:
        """What there is no excuse for."""
        self._crm.crm.counts()  # finishes the imports whose time has come
        written = [_written(*at, what) for at, what in source.records.items()]
        found = judge(reading.told(self.lines), written, self._accepted, skew=0.0).findings
        return [f"checker: {kind}: {found.example(kind)}" for kind in sorted(found.kinds)]


def distinct(scenario: Scenario) -> Scenario:
    """The same with a content of its own for each version, by which alone the checker can tell them.

    No address moves: it has no excuse for an order that the CRM ignores (docs/RULES.md 5, Limit), as the
    judge has, who knows what was under way.
    """
    writes = [replace(w, do="change" if w.do == "touch" else w.do, moved=False) for w in scenario.writes]
    return replace(scenario, writes=tuple(writes))


def _written(key: tuple[str, int], offset: int, what: object) -> reading.Written:
    if not isinstance(what, Version):
        return reading.Written(*key, offset)
    return reading.Written(*key, offset, *what.slot, what.rev, what.lsn)
