"""Never two messages: the CRM's log of workflows has each version of an order once (RULES 2, 4).

The CRM calls no body "repeated" here, so that nothing but the connector keeps a second message back.
"""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.dialects.yespo import YespoOptions
from tests.properties.test_crash_anywhere import HOLD, RESEND, behave, fates, fuses, troubles
from tests.support.fuse import Fuse
from tests.support.stage import Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import ORDERS, Trouble, order
from tests.support.stage_truth import Op, Truth

ops = st.lists(
    st.builds(
        Op,
        entity=st.sampled_from(["order", "order", "contact"]),
        number=st.integers(0, 4),
        do=st.sampled_from(["change", "change", "again", "again", "null"]),
        back=st.integers(0, 3),
    ),
    max_size=24,
)


def workflows(stage: Stage) -> Counter[tuple[str, str]]:
    """How many were started by each version of each order."""
    events = {event.id: event for event in stage.crm.crm.events}
    started = Counter(
        (str(one.external_order_id), str(events[one.event_id].params.get("rev")))
        for one in stage.crm.crm.triggers
    )
    assert started.total() == len(stage.crm.crm.triggers)
    return started


def replay(stage: Stage) -> None:
    """The group begins anew: every record is read again, with the same ledger."""
    stage.group.commits.clear()


def lives(stage: Stage, traffic: list[Op], deaths: list[int], options: YespoOptions) -> None:
    """Killed at these calls of a port, begun anew each time; then all is worked off, and read once more."""
    truth = Truth(stage, hold=True, partitions=1)
    stage.on_commit = lambda _: None
    share = len(traffic) // (len(deaths) + 1) + 1
    for life, at in enumerate(deaths):
        truth.write(traffic[life * share : (life + 1) * share])
        process = stage.start(Fuse(at), options=options)
        while process.turn() and not stage.done:
            pass
        process.die()
    truth.write(traffic[len(deaths) * share :])
    for _ in range(2):
        last = stage.start(options=options)
        last.until_done()
        last.drain()
        replay(stage)


@settings(max_examples=60)
@given(traffic=ops, answers=fates, failures=troubles, deaths=fuses)
def test_where_doubts_are_held_nothing_ever_starts_a_second_workflow(
    traffic: list[Op], answers: list[Fate], failures: list[Trouble], deaths: list[int]
) -> None:
    """Duplicates, older states, lost answers, outages, kills at any call, restarts and a replay."""
    with staged(conflict_seconds=0) as stage:
        behave(stage, answers, failures)
        lives(stage, traffic, deaths, HOLD)
        assert all(count == 1 for count in workflows(stage).values())


@settings(max_examples=40)
@given(traffic=ops, answers=fates, failures=troubles, deaths=fuses)
def test_where_doubts_are_resent_only_a_doubt_can_start_a_second_workflow(
    traffic: list[Op], answers: list[Fate], failures: list[Trouble], deaths: list[int]
) -> None:
    with staged(conflict_seconds=0) as stage:
        behave(stage, answers, failures)
        lives(stage, traffic, deaths, RESEND)
        for (key, rev), count in workflows(stage).items():
            assert count <= 1 + stage.crm.doubts["order", key, rev]


def test_duplicates_restarts_and_a_replay_start_each_workflow_once() -> None:
    with staged(conflict_seconds=0) as stage:
        for _ in range(3):
            process = stage.start()
            stage.produce(ORDERS, *[order("o", lsn) for lsn in (1, 2, 1, 2)])
            stage.produce(ORDERS, order("p", 3), order("p", 3))
            process.until_done()
            process.drain()
            replay(stage)
        assert workflows(stage) == {("o", "1"): 1, ("o", "2"): 1, ("p", "3"): 1}


def test_the_exception_is_an_answer_that_was_lost_and_is_resent() -> None:
    """Within a minute Yespo's own 409 tells that the first one arrived; held, it is sent no second time."""
    for options, conflict_seconds, expected in ((RESEND, 0, 2), (RESEND, 60, 1), (HOLD, 0, 1)):
        with staged(conflict_seconds=conflict_seconds) as stage:
            answers: list[Fate] = ["lost"]
            stage.crm.fate = lambda one, left=answers: (  # type: ignore[misc]  # a lambda's default
                left.pop() if one.resource == "events" and left else "ok"
            )
            process = stage.start(options=options)
            stage.produce(ORDERS, order("o", 1))
            process.until_done()
            assert workflows(stage) == {("o", "1"): expected}
