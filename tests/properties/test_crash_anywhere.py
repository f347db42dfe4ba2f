"""Killed at any call of any port, restarted, as often as it takes: promises 1 to 7 hold."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.dialects.yespo import YespoOptions
from tests.support.fuse import Fuse
from tests.support.stage import Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import Trouble
from tests.support.stage_truth import Op, Truth, finish

RESEND = YespoOptions()
HOLD = YespoOptions(in_doubt="hold")
PAST = YespoOptions(orders_via="past_events")
MODES = {"resend": RESEND, "hold": HOLD, "past": PAST}

ops = st.lists(
    st.builds(
        Op,
        entity=st.sampled_from(["order", "order", "contact"]),
        number=st.integers(0, 4),
        do=st.sampled_from(["change", "change", "change", "touch", "again", "again", "poison", "null"]),
        back=st.integers(0, 3),
        marked=st.sampled_from([False, False, False, True]),
    ),
    max_size=24,
)
fates = st.lists(st.sampled_from(["ok", "ok", "ok", *get_args(Fate)]), max_size=20)
troubles = st.lists(st.sampled_from(["none", "none", "none", *get_args(Trouble)]), max_size=12)
fuses = st.lists(st.integers(1, 150), max_size=4)


def behave(stage: Stage, answers: list[Fate], failures: list[Trouble]) -> None:
    """These fates and failures in turn, then all is well."""
    rest = iter(answers)
    stage.crm.fate = lambda _: next(rest, "ok")
    stage.outside.troubles = iter(failures)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=80)
@given(traffic=ops, answers=fates, failures=troubles, deaths=fuses)
def test_killed_anywhere_it_keeps_every_promise(
    mode: str, traffic: list[Op], answers: list[Fate], failures: list[Trouble], deaths: list[int]
) -> None:
    options = MODES[mode]
    with staged(partitions=2) as stage:
        truth = Truth(stage, hold=mode != "resend", partitions=2)
        behave(stage, answers, failures)
        share = len(traffic) // (len(deaths) + 1) + 1
        for life, at in enumerate(deaths):
            truth.write(traffic[life * share : (life + 1) * share])
            process = stage.start(Fuse(at), options=options)
            while process.turn() and not stage.done:
                pass
            process.die()
        truth.write(traffic[len(deaths) * share :])
        finish(stage, stage.start(options=options), truth)
