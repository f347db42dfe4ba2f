"""A day's quota: how long to linger so that it lasts, and when a backlog will be drained."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.day import DAY, day_left, drained, stretched

MIDNIGHT = 20_000 * DAY


def test_a_day_ends_at_midnight_of_gmt() -> None:
    assert day_left(MIDNIGHT) == DAY
    assert day_left(MIDNIGHT - 1) == 1


def test_the_linger_grows_when_the_rest_of_the_day_is_short() -> None:
    assert stretched(60, 5000, DAY, 5000) == 60
    assert stretched(60, 100, 12 * 3600, 5000) == 864, "contacts and orders: two uploads each time"
    assert stretched(1, 2501, DAY, 5000) == 1, "not short yet"
    assert stretched(60, 0, 500, 5000) == 60, "a pause, not a wait"
    assert stretched(60, 1, 500, 5000) == 500


@given(st.integers(1, 5000), st.floats(1, DAY), st.floats(0, 600))
def test_the_rest_lasts_until_the_day_ends(left: int, seconds: float, linger: float) -> None:
    long = stretched(linger, left, seconds, 10_000)
    assert long >= linger
    assert 2 * (seconds / long) <= max(left, 2) * 1.000001 or long == seconds


@pytest.mark.parametrize(
    ("requests", "left", "end"),
    [
        (0, 5000, 0.0),
        (100, 5000, 10.0),
        (100, 50, 3600 + 5.0),
        (5050, 50, 3600 + 500.0),
        (5051, 50, 3600 + DAY + 0.1),
        (20, None, 2.0),
    ],
)
def test_a_backlog_is_drained_by_the_rate_and_by_the_quota_of_the_days(
    requests: int, left: int | None, end: float
) -> None:
    now = MIDNIGHT - 3600
    assert drained(requests, now, rate=10, left=left, per_day=5000) == pytest.approx(now + end)
