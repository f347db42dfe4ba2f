"""The checker on real lanes: what they do in a simulated world is clean, however they die."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos.check import reading
from tests.chaos.check.verdict import Verdict, judge
from tests.fakes.history import FakeHistory, Line
from tests.properties.test_crash_anywhere import MODES, behave, fates, fuses, troubles
from tests.support.fuse import Fuse
from tests.support.stage import Process, Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import Trouble
from tests.support.stage_truth import Op, Truth, Version

ops = st.lists(
    st.builds(
        Op,
        entity=st.sampled_from(["order", "order", "contact"]),
        number=st.integers(0, 4),
        do=st.sampled_from(["change", "change", "change", "again", "poison", "null"]),
        back=st.integers(0, 3),
        marked=st.sampled_from([False, False, False, True]),
    ),
    max_size=24,
)


class Trial:
    """A stage with all three witnesses."""

    def __init__(self, stage: Stage, mode: str) -> None:
        self.stage, self._options = stage, MODES[mode]
        self.truth = Truth(stage, hold=mode != "resend", partitions=2)
        self.lines: list[Line] = []
        self.accepted: list[reading.Accepted] = []
        self.starts = 0
        stage.crm.crm.on_accepted = lambda one: self.accepted.append(
            reading.Accepted(one.at, one.entity, one.key, one.rev)
        )

    def start(self, fuse: Fuse | None = None) -> Process:
        self.starts += 1
        history = FakeHistory(self.stage.clock, f"process-{self.starts}", self.lines)
        return self.stage.start(fuse, options=self._options, history=history)

    def source(self) -> list[reading.Written]:
        return [self._written(*at, what) for at, what in self.truth.records.items()]

    def verdict(self, *, running: bool = False) -> Verdict:
        self.stage.crm.crm.counts()
        return judge(reading.told(self.lines), self.source(), self.accepted, running=running)

    def _written(self, key: tuple[str, int], offset: int, what: object) -> reading.Written:
        if not isinstance(what, Version):
            return reading.Written(*key, offset)
        return reading.Written(*key, offset, what.entity, what.key, what.rev, what.lsn)


@contextmanager
def trial(mode: str = "resend") -> Iterator[Trial]:
    with staged(partitions=2) as stage:
        yield Trial(stage, mode)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60)
@given(traffic=ops, answers=fates, failures=troubles, deaths=fuses)
def test_a_lane_killed_anywhere_is_found_clean(
    mode: str, traffic: list[Op], answers: list[Fate], failures: list[Trouble], deaths: list[int]
) -> None:
    with trial(mode) as here:
        behave(here.stage, answers, failures)
        share = len(traffic) // (len(deaths) + 1) + 1
        for life, at in enumerate(deaths):
            here.truth.write(traffic[life * share : (life + 1) * share])
            process = here.start(Fuse(at))
            while process.turn() and not here.stage.done:
                pass
            process.die()
        here.truth.write(traffic[len(deaths) * share :])
        last = here.start()
        last.until_done(2000)
        last.drain()
        verdict = here.verdict()
        found = {kind: verdict.findings.example(kind) for kind in verdict.findings.kinds}
        assert not found
        assert verdict.clean
