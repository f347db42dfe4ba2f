"""Retry waits are capped, exponential and fully jittered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.retry import Backoff

RANDOM = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(("failures", "ceiling"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 10), (10**9, 10)])
def test_the_ceiling_doubles_up_to_the_cap(failures: int, ceiling: float) -> None:
    """However many failures there were, no overflow and no wait past the cap."""
    assert Backoff(base=1, cap=10, floor=0).ceiling(failures) == ceiling


def test_jitter_spans_everything_from_the_floor_to_the_ceiling() -> None:
    """Full jitter: the random number alone decides where in the span."""
    backoff = Backoff(base=1, cap=10, floor=0.2)
    assert backoff.delay(3, 0.0) == pytest.approx(0.2)
    assert backoff.delay(3, 0.5) == pytest.approx(2.1)
    assert backoff.delay(3, 1.0) == pytest.approx(4)


@given(st.integers(0, 10_000), RANDOM, st.none() | st.floats(0, 10_000))
def test_a_wait_is_never_shorter_than_asked_nor_longer_than_needed(
    failures: int, random: float, asked: float | None
) -> None:
    """Retry-After is a lower bound; our own part stays between floor and cap."""
    delay = Backoff().delay(failures, random, asked)
    assert delay >= (asked or 0)
    assert 0.05 <= delay <= max(60.0, asked or 0)
