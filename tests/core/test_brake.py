"""The flood brake: a share of the last records, over a full window, until it is released."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.brake import Brake

NOTES = st.lists(st.tuples(st.booleans(), st.integers(min_value=1, max_value=12)), max_size=30)


@given(window=st.integers(min_value=1, max_value=10), share=st.floats(min_value=0, max_value=1), notes=NOTES)
def test_it_holds_from_the_first_full_window_with_too_large_a_share(
    window: int, share: float, notes: list[tuple[bool, int]]
) -> None:
    brake, seen, held = Brake(window, share), list[bool](), False
    for dead, count in notes:
        brake.note(dead=dead, count=count)
        seen += [dead] * count
        last = seen[-window:]
        held = held or (len(last) == window and sum(last) > share * window)
        assert brake.holds == held


def test_it_holds_until_it_is_released_and_then_looks_at_a_new_window() -> None:
    brake, held = Brake(4, 0.5), list[bool]()
    brake.note(dead=True, count=4)
    brake.note(dead=False, count=100)
    held.append(brake.holds)
    brake.release()
    brake.note(dead=True, count=3)
    held.append(brake.holds)
    brake.note(dead=True)
    held.append(brake.holds)

    assert held == [True, False, True]


@pytest.mark.parametrize(("share", "holds"), [(1.0, False), (0.0, True), (0.75, False), (0.74, True)])
def test_the_share_itself_is_allowed(share: float, *, holds: bool) -> None:
    brake = Brake(4, share)
    brake.note(dead=True, count=3)
    brake.note(dead=share == 1.0)

    assert brake.holds == holds


def test_what_is_read_and_what_is_settled_press_it_each_by_itself() -> None:
    read, settled = Brake(4, 0.5), Brake(4, 0.5)
    for dead in (True, False, True, True):
        read.read(dead=dead)
        settled.read(dead=False)
        settled.note(dead=dead)
    assert read.holds
    assert settled.holds


def test_unreadable_records_do_not_count_against_what_was_settled() -> None:
    brake = Brake(4, 0.5)
    brake.note(dead=True, count=2)
    for dead in (False, True, False, True):
        brake.read(dead=dead)
    assert not brake.holds
