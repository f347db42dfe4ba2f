"""Two replicas with one group, one ledger and one CRM, while partitions move and processes die.

Who steps next, who dies, who stalls past its session and who owns what is drawn: the same properties hold,
above all the order of each entity at the CRM. Several partitions of one entity do not happen (Kafka keys).
"""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.test_crash_anywhere import MODES, behave, ops, troubles
from tests.support.fuse import Fuse
from tests.support.stage import Process, Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import CONTACTS, ORDERS, Trouble
from tests.support.stage_truth import Op, Truth, finish

PARTITIONS = 2
STEPS = ("turn", "turn", "turn", "turn", "run", "give", "expire", "die", "write")

steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1), st.integers(0, 3)), max_size=60)
fates = st.lists(st.sampled_from(["ok", "ok", "ok", *get_args(Fate)]), max_size=12)
fuses = st.lists(st.integers(1, 200), max_size=3)


class Replicas:
    """Two lanes and what happens to them. A stalled process goes on after its partitions are another's."""

    def __init__(self, stage: Stage, truth: Truth, traffic: list[Op], deaths: list[int], mode: str) -> None:
        self._stage, self._truth, self._options = stage, truth, MODES[mode]
        self._traffic, self._deaths = iter(traffic), iter(deaths)
        self._members = [self._start(), self._start()]
        self._plan = {(topic, n): n % 2 for topic in (ORDERS, CONTACTS) for n in range(PARTITIONS)}
        self._share()

    def step(self, what: str, who: int, which: int) -> None:
        """One thing that happens."""
        member = self._members[who]
        match what:
            case "turn":
                member.turn()
            case "run":
                member.run(0.3)
            case "give":
                self._plan[sorted(self._plan)[which]] = who
            case "expire":
                if member.source in self._stage.group.members:
                    self._stage.group.lose(member.source)
            case "die":
                member.die()
            case "write":
                self._truth.write([op for op, _ in zip(self._traffic, range(6), strict=False)])
        self._revive()

    def settle(self) -> Process:
        """Write the rest, end one of them, give everything to the other."""
        self._truth.write(list(self._traffic))
        last, other = self._members
        for _ in range(40):
            last.turn()
            other.turn()
        other.drain()
        self._members = [last]
        self._plan = dict.fromkeys(self._plan, 0)
        self._revive(mortal=False)
        return self._members[0]

    def _start(self, *, mortal: bool = True) -> Process:
        fuse = Fuse(next(self._deaths, None)) if mortal else Fuse()
        return self._stage.start(fuse, options=self._options, drain_seconds=1.0)

    def _revive(self, *, mortal: bool = True) -> None:
        self._members = [m if m.alive else self._start(mortal=mortal) for m in self._members]
        if not mortal:
            self._members[0].fuse.left = None
        self._share()

    def _share(self) -> None:
        self._stage.group.plan = {key: self._members[who].source for key, who in self._plan.items()}


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=50)
@given(traffic=ops, answers=fates, failures=troubles, deaths=fuses, script=steps)
def test_two_replicas_keep_every_promise_while_partitions_move(
    mode: str,
    traffic: list[Op],
    answers: list[Fate],
    failures: list[Trouble],
    deaths: list[int],
    script: list[tuple[str, int, int]],
) -> None:
    with staged(partitions=PARTITIONS) as stage:
        truth = Truth(stage, hold=mode != "resend", partitions=PARTITIONS)
        behave(stage, answers, failures)
        replicas = Replicas(stage, truth, traffic, deaths, mode)
        for step in script:
            replicas.step(*step)
        finish(stage, replicas.settle(), truth)
