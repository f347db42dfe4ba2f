"""A lane's last hour in steps."""

from connector.core.day import DAY
from connector.core.spans import span
from connector.core.trend import STEP, STEPS, Trend

NOON = 19_700 * DAY + 43_200


def seen(*lags: int, every: float = 15.0, per_look: int = 0, left: tuple[int, ...] = ()) -> Trend:
    """A trend that was told these lags, one each so many seconds."""
    trend = Trend()
    for number, lag in enumerate(lags):
        quota = left[number] if left else None
        trend.note(NOON + number * every, lag, lag / 10, number * per_look, quota)
    return trend


def test_a_step_keeps_the_most_lag_and_all_that_was_settled_within_it() -> None:
    trend = seen(3, 9, 5, every=5.0, per_look=4)
    (step,) = trend

    assert (step.records, step.seconds, step.settled) == (9, 0.9, 8)


def test_it_remembers_an_hour_whatever_it_is_told() -> None:
    trend = seen(*range(1000))
    steps = list(trend)

    assert len(steps) == STEPS
    assert steps[-1].at - steps[0].at == (STEPS - 1) * STEP
    assert steps[-1].records == 999


def test_a_clock_that_is_set_back_begins_a_new_step_and_spoils_no_pace() -> None:
    trend = seen(5, 5, 5, per_look=30)
    trend.note(NOON - 3600, 5, 0.5, 90, None)
    trend.note(NOON - 3590, 5, 0.5, 100, None)

    assert [step.settled for step in trend] == [0, 30, 30, 40]
    assert trend.rate(NOON - 3590) == 4.0


def test_the_rate_is_of_the_last_minute() -> None:
    trend = seen(*[0] * 100, every=1.0, per_look=7)

    assert trend.rate(NOON + 99) == 7.0
    assert seen(0, 0, 0, every=1.0, per_look=7).rate(NOON + 2) == 7.0
    assert trend.rate(NOON + 4000) == 0.0
    assert Trend().rate(NOON) == 0.0


def test_lag_that_shrinks_is_gone_when_its_pace_says() -> None:
    assert seen(1000, 900, 800, 700).caught_up_at(NOON + 45) == NOON + 45 + 7 * 15


def test_lag_that_does_not_shrink_or_is_not_there_has_no_forecast() -> None:
    assert seen(1000, 1000, 1000, 1000).caught_up_at(NOON + 45) is None
    assert seen(900, 1000, 1100, 1200).caught_up_at(NOON + 45) is None
    assert seen(1000, 500, 100, 0).caught_up_at(NOON + 45) is None
    assert seen(1000, 900).caught_up_at(NOON + 15) is None


def test_the_pace_of_a_days_quota_is_of_the_last_hour() -> None:
    lefts = tuple(range(5000, 4000, -1))
    trend = seen(*[0] * 1000, left=lefts)

    assert trend.per_hour(NOON + 999 * 15) == 240.0
    assert seen(0, 0).per_hour(NOON + 15) is None


def test_a_new_day_begins_a_new_pace() -> None:
    trend = Trend()
    midnight = NOON + DAY / 2
    for number in range(20):
        trend.note(midnight - 300 + 15 * number, 0, 0.0, 0, 100 - number)
    for number in range(20):
        trend.note(midnight + 15 * number, 0, 0.0, 0, 5000 - 2 * number)

    assert trend.per_hour(midnight + 285) == 480.0


def test_spans_are_read_in_their_two_largest_units() -> None:
    told = {0: "0 s", 0.25: "0.2 s", 3: "3 s", 9.94: "9.9 s", 9.96: "10 s", 75: "1 min 15 s", 120: "2 min"}
    more = {3600: "1 h", 3605: "1 h", 12_000: "3 h 20 min", 187_200: "2 d 4 h", 31_536_000: "365 d"}

    assert {seconds: span(seconds) for seconds in [*told, *more]} == told | more
