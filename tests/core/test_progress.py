"""The watermark: every received record below it is settled, and it goes as far as that allows."""

from hypothesis import given
from hypothesis import strategies as st

from connector.core.progress import Track

Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["open", "settle", "reach"]), st.integers(min_value=0, max_value=30)),
    max_size=80,
)


@given(start=st.integers(min_value=0, max_value=5), steps=STEPS)
def test_the_watermark_never_passes_an_open_position_and_never_goes_back(
    start: int, steps: list[Step]
) -> None:
    """For any interleaving of records with gaps, settlements in any order, and ends behind markers."""
    track, still_open, end = Track(start, 1), dict[int, int](), start
    before = start
    for what, number in steps:
        if what == "open":
            offset = end + number % 4  # what is left out was compacted, or is a marker
            track.open(offset, timestamp_ms=offset * 10)
            still_open[offset], end = offset * 10, offset + 1
        elif what == "settle" and still_open:
            offset = sorted(still_open)[number % len(still_open)]
            track.settle(offset)
            del still_open[offset]
        elif what == "reach":
            end += number % 3
            track.reach(end)

        watermark = track.watermark
        assert watermark == min(still_open, default=end)
        assert watermark >= before
        assert len(track) == len(still_open)
        assert track.oldest_ms == still_open.get(watermark)
        assert track.spread == end - watermark
        before = watermark


def test_an_end_that_was_passed_already_changes_nothing() -> None:
    track = Track(0, 1)
    track.open(9, timestamp_ms=1)
    track.settle(9)
    track.reach(5)

    assert track.watermark == 10
    assert track.next == 10


def test_the_age_of_nothing_open_is_none() -> None:
    assert Track(3, 1).oldest_ms is None
