"""The token bucket lets through what the rate allows, in order, and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.quota import Quota


def test_rate_zero_is_unlimited() -> None:
    """Nothing is counted and nobody waits."""
    quota = Quota(rate=0)
    assert quota.take(5.0) == (quota, 0.0)


def test_a_burst_passes_and_the_next_requests_wait_their_turn() -> None:
    """Two a second with a burst of two: the third waits half a second, the fourth a whole one."""
    quota, waits = Quota(rate=2, burst=2), []
    for _ in range(4):
        quota, wait = quota.take(100.0)
        waits.append(wait)
    assert waits == pytest.approx([0, 0, 0.5, 1.0])


def test_idle_time_fills_the_bucket_to_the_burst_and_no_further() -> None:
    """After an hour of silence there is one burst, not an hour's worth."""
    quota, _ = Quota(rate=2, burst=2).take(0.0)
    waits = []
    for _ in range(3):
        quota, wait = quota.take(3600.0)
        waits.append(wait)
    assert waits == pytest.approx([0, 0, 0.5])


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 2), min_size=1, max_size=100),
)
def test_no_span_has_more_than_the_burst_and_the_rate_allow(
    rate: float, burst: int, pauses: list[float]
) -> None:
    """For any arrivals, sends in order and at most burst + rate * seconds of them in every span."""
    quota, now, sent = Quota(rate=rate, burst=burst), 0.0, list[float]()
    for pause in pauses:
        now += pause
        quota, wait = quota.take(now)
        sent.append(now + wait)
    assert sent == sorted(sent)
    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + rate * (sent[last] - start) + 1e-6 * (last + 1)
