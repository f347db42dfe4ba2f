"""The checker on real lanes: what they do in a simulated world is clean, however they die."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.core.claims import Done, Grant, Settlement, Verdict, Want
from connector.core.events import Event
from connector.core.lots import Lot
from connector.dialects.yespo import Yespo
from connector.ports import Ledger
from tests.chaos.check import reading
from tests.chaos.check.findings import Kind
from tests.chaos.check.verdict import Verdict as Judged
from tests.chaos.check.verdict import judge
from tests.fakes.history import FakeHistory, Line
from tests.properties.test_crash_anywhere import MODES, behave, fates, fuses, troubles
from tests.properties.test_order import Replicas, steps
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

    def start(self, fuse: Fuse | None = None, **more: Any) -> Process:
        self.starts += 1
        history = FakeHistory(self.stage.clock, f"process-{self.starts}", self.lines)
        return self.stage.start(fuse, options=self._options, history=history, **more)

    def source(self) -> list[reading.Written]:
        return [self._written(*at, what) for at, what in self.truth.records.items()]

    def verdict(self, *, running: bool = False) -> Judged:
        self.stage.crm.crm.counts()
        return judge(reading.told(self.lines), self.source(), self.accepted, running=running)

    def found(self) -> dict[Kind, str]:
        """What there is no excuse for."""
        findings = self.verdict().findings
        return {kind: findings.example(kind) for kind in findings.kinds}

    def _written(self, key: tuple[str, int], offset: int, what: object) -> reading.Written:
        if not isinstance(what, Version):
            return reading.Written(*key, offset)
        return reading.Written(*key, offset, what.entity, what.key, what.rev, what.lsn)


@contextmanager
def trial(mode: str = "resend", **crm: Any) -> Iterator[Trial]:
    with staged(partitions=2, **crm) as stage:
        yield Trial(stage, mode)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=40)
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
        assert here.found() == {}


class Newest(Yespo):
    """Of an entity's changes that wait, the last one alone is sent."""

    def lot(self, event: Event) -> Lot:
        return replace(super().lot(event), newest=True)


@settings(max_examples=40)
@given(traffic=ops, answers=fates, failures=troubles, deaths=fuses)
def test_a_lane_that_sends_the_last_of_several_changes_is_found_clean(
    traffic: list[Op], answers: list[Fate], failures: list[Trouble], deaths: list[int]
) -> None:
    with trial() as here:
        behave(here.stage, answers, failures)
        here.truth.write(traffic)
        for at in deaths:
            process = here.start(Fuse(at), dialect=Newest)
            while process.turn() and not here.stage.done:
                pass
            process.die()
        last = here.start(dialect=Newest)
        last.until_done(2000)
        last.drain()
        assert here.found() == {}


def test_what_waits_behind_a_newer_change_is_closed_without_the_ledgers_word() -> None:
    """So that the test above is about something."""
    with trial() as here:
        here.truth.write([Op("order", 0)] * 4)
        process = here.start(dialect=Newest)
        process.until_done()
        process.drain()

        assert [one.rev for one in here.accepted if one.entity == "order"] == ["4"]
        assert here.found() == {}


class Recorded(Replicas):
    """Two lanes with histories, and what happens to them."""

    def __init__(self, here: Trial, traffic: list[Op], deaths: list[int], mode: str, **more: Any) -> None:
        self._here, self._more = here, more
        super().__init__(here.stage, here.truth, traffic, deaths, mode)

    def _start(self, *, mortal: bool = True) -> Process:
        fuse = Fuse(next(self._deaths, None)) if mortal else Fuse()
        return self._here.start(fuse, drain_seconds=1.0, **self._more)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25)
@given(traffic=ops, answers=fates, failures=troubles, deaths=fuses, script=steps)
def test_replicas_between_which_partitions_move_are_found_clean(
    mode: str,
    traffic: list[Op],
    answers: list[Fate],
    failures: list[Trouble],
    deaths: list[int],
    script: list[tuple[str, int, int]],
) -> None:
    with trial(mode) as here:
        behave(here.stage, answers, failures)
        replicas = Recorded(here, traffic, deaths, mode)
        for step in script:
            replicas.step(*step)
        last = replicas.settle()
        last.until_done(2000)
        last.drain()
        assert here.found() == {}


class Unheeded:
    """A ledger whose word is not heeded: what it says is done is sent, or no doubt is marked."""

    def __init__(self, ledger: Ledger, what: str) -> None:
        self._ledger, self._what = ledger, what
        self.keys_of, self.answers, self.answer = ledger.keys_of, ledger.answers, ledger.answer
        self.accept_clock, self.lease_left, self.close = ledger.accept_clock, ledger.lease_left, ledger.close
        self.upkeep = ledger.upkeep

    @property
    def identity(self) -> str:
        return self._ledger.identity

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        return [self._change(verdict) for verdict in self._ledger.turn(settled, wanted)]

    def _change(self, verdict: Verdict) -> Verdict:
        if self._what == "done" and isinstance(verdict, Done):
            return Grant(known=True)
        if self._what == "doubts" and isinstance(verdict, Grant):
            return replace(verdict, doubtful=False)
        return verdict


def test_a_lane_that_sends_what_its_ledger_calls_done_is_found_out() -> None:
    with trial(conflict_seconds=0) as here:
        here.truth.write([Op("order", 0), Op("order", 0), Op("order", 0, "again", 1)])
        process = here.start(wrap=lambda ledger: Unheeded(ledger, "done"))
        process.until_done()

        assert here.found().keys() == {"duplicate", "overwritten"}


def test_a_lane_that_marks_no_doubt_is_found_out() -> None:
    with trial(conflict_seconds=0) as here:
        here.truth.write([Op("order", 0)])
        first = here.start()
        first.until(lambda: here.accepted and here.accepted[-1].entity == "order")
        first.die()
        second = here.start(wrap=lambda ledger: Unheeded(ledger, "doubts"))
        second.until_done()

        assert here.found() == {
            "duplicate": "order o0 rev 1 sent 2 times, accepted 2 times: "
            "in doubt, and sent again by process-2 without a mark"
        }
