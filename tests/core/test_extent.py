"""What an operator writes for --from and --to, and the offsets that it comes to."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.extent import Point, Watermarks, parse, stretch, total

NOW = int(datetime(2025, 3, 8, 12, tzinfo=UTC).timestamp() * 1000)
DAY = 86_400_000
BEGINNING, END = Point(word="beginning"), Point(word="end")
offsets = st.integers(0, 50)
points = st.one_of(
    st.sampled_from([BEGINNING, END]),
    st.builds(lambda at: Point(at_ms=at), offsets),
    st.builds(lambda offset: Point(offset=offset), offsets),
)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("beginning", BEGINNING), ("earliest", BEGINNING), ("end", END), ("latest", END),
        ("0", Point(offset=0)), ("1500", Point(offset=1500)),
        ("-7d", Point(at_ms=NOW - 7 * DAY)), ("-90m", Point(at_ms=NOW - 90 * 60_000)),
        ("-12h", Point(at_ms=NOW - DAY // 2)), ("-2w", Point(at_ms=NOW - 14 * DAY)),
        ("2025-03-08T12:00:00Z", Point(at_ms=NOW)), ("2025-03-08T14:00+02:00", Point(at_ms=NOW)),
    ],
)  # fmt: skip
def test_a_place_is_a_word_an_offset_an_age_or_a_time(text: str, point: Point) -> None:
    assert parse(text, NOW) == point


@pytest.mark.parametrize("text", ["", "yesterday", "7d", "-7", "-7y", "--1d", "-1", "1.5", "٣", "2025-02-30"])
def test_anything_else_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"write a time with its zone, .* or an offset, or beginning, or end"
    ):
        parse(text, NOW)


@pytest.mark.parametrize("text", ["2025-03-08T12:00:00", "2025-03-08"])
def test_a_time_needs_its_zone(text: str) -> None:
    with pytest.raises(ValueError, match="is a time without zone; write a time with its zone"):
        parse(text, NOW)


def test_an_age_before_the_epoch_is_the_epoch() -> None:
    assert parse("-999999w", NOW) == Point(at_ms=0)


@pytest.mark.parametrize(
    ("since", "until", "found", "comes_to"),
    [
        (BEGINNING, END, (None, None), (10, 40, 0)),
        (Point(offset=12), Point(offset=20), (None, None), (12, 20, 0)),
        (Point(offset=3), END, (None, None), (10, 40, 7)),
        (Point(offset=3), Point(offset=5), (None, None), (10, 10, 2)),
        (Point(offset=90), END, (None, None), (40, 40, 0)),
        (BEGINNING, Point(offset=90), (None, None), (10, 40, 0)),
        (Point(at_ms=1), Point(at_ms=2), (15, 30), (15, 30, 0)),
        (Point(at_ms=1), Point(at_ms=2), (15, None), (15, 40, 0)),
        (Point(at_ms=1), END, (None, None), (40, 40, 0)),
        (END, BEGINNING, (None, None), (40, 40, 0)),
    ],
)
def test_a_stretch_lies_within_what_is_kept_and_tells_what_is_not(
    since: Point, until: Point, found: tuple[int | None, int | None], comes_to: tuple[int, int, int]
) -> None:
    one = stretch(("orders", 0), since, until, Watermarks(10, 40), found)
    assert (one.start, one.end, one.expired) == comes_to


@given(points, points, offsets, offsets, st.tuples(st.none() | offsets, st.none() | offsets))
def test_no_stretch_leaves_the_partition_or_runs_backwards(
    since: Point, until: Point, low: int, more: int, found: tuple[int | None, int | None]
) -> None:
    one = stretch(("orders", 0), since, until, Watermarks(low, low + more), found)
    assert low <= one.start <= one.end <= low + more
    assert one.expired >= 0
    assert total([one, one]) == 2 * (one.end - one.start)
