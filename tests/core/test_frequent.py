"""What comes most often is never forgotten, however little is remembered."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from connector.core.frequent import Frequent


@given(st.lists(st.integers(0, 20)), st.integers(1, 8))
def test_a_count_is_never_too_low_and_bounded_above(keys: list[int], room: int) -> None:
    frequent, true = Frequent(room), Counter[int]()
    for number, key in enumerate(keys, 1):
        true[key] += 1
        assert true[key] <= frequent.add(key) <= true[key] + number // room
        assert len(frequent) <= room
