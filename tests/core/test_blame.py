"""An event is blamed for its failures by what others met meanwhile, never by their number alone."""

import random

from hypothesis import given
from hypothesis import strategies as st

from connector.core.blame import PROVEN, Blame, Score

BUDGET = 16


def after(windows: list[tuple[int, int]], blame: Blame | None = None) -> Blame:
    """The blame of an event that failed, and failed again after each of these (passed, failed) of others."""
    blame = (blame or Blame()).failed(Score(), Score(0, 1))
    for passed, failed in windows:
        seen = blame.seen
        assert seen is not None
        before = Score(seen.passed + passed, seen.failed + failed)
        blame = blame.failed(before, Score(before.passed, before.failed + 1))
    return blame


def test_an_outage_in_which_nobody_passes_blames_nobody() -> None:
    """However often it fails, alone or with others."""
    for window in ((0, 0), (0, 1), (0, 1000)):
        blame = after([window] * 10_000)
        assert (blame.own, blame.chance, blame.spent(1)) == (0, 1.0, False)


def test_one_that_fails_while_all_others_pass_is_given_up_after_its_budget_and_not_before() -> None:
    """Fifty others pass between two attempts."""
    assert not after([(50, 0)] * (BUDGET - 1)).spent(BUDGET)
    assert after([(50, 0)] * BUDGET).spent(BUDGET)


def test_little_traffic_is_little_evidence() -> None:
    """One other event between two attempts: each halves the chance, so it takes twenty."""
    assert not after([(1, 0)] * 19).spent(BUDGET)
    assert after([(1, 0)] * 20).spent(BUDGET)


def test_where_most_others_fail_too_it_takes_long() -> None:
    """Nine of ten fail: after a hundred failures it may still be the destination."""
    assert not after([(10, 90)] * 100).spent(BUDGET)
    assert after([(10, 90)] * 150).spent(BUDGET)


def test_time_without_evidence_in_between_changes_nothing() -> None:
    """An outage of a day in the middle."""
    assert after([(50, 0)] * 8 + [(0, 30)] * 1000 + [(50, 0)] * 7).own == 15


def test_one_that_fails_only_as_often_as_the_others_do_is_not_given_up() -> None:
    """20,000 events and a destination that fails six of ten at random: each is tried until it passes."""
    chance = random.Random(4)
    given_up = 0
    for _ in range(20_000):
        blame, failing = Blame(), chance.random() < 0.6
        while failing and not blame.spent(1):
            failed = sum(chance.random() < 0.6 for _ in range(10))
            seen = blame.seen or Score()
            before = Score(seen.passed + 10 - failed, seen.failed + failed)
            blame = blame.failed(before, before)
            failing = chance.random() < 0.6
        given_up += blame.spent(1)
    assert given_up == 0


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=60), st.integers(1, 40))
def test_blame_only_grows_and_needs_both_a_budget_spent_and_proof(
    windows: list[tuple[int, int]], budget: int
) -> None:
    """Whatever the others met."""
    earlier = Blame()
    for count in range(len(windows) + 1):
        blame = after(windows[:count])
        assert blame.own >= earlier.own
        assert 0 < blame.chance <= earlier.chance
        assert blame.own == sum(passed > 0 for passed, _ in windows[:count])
        assert blame.spent(budget) == (blame.own >= budget and blame.chance < PROVEN)
        earlier = blame
