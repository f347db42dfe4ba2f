"""What became of each record, counted once, by what is committed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from connector.core.checkpoint import Job, parse
from connector.core.extent import Stretch
from connector.core.model import Position
from connector.core.selection import Selection, Where
from connector.replay import OUTCOMES, Tally, begun

JOB = Job("yespo", "orders", "-7d", "end", 5, "ledger", "id", selection=Selection(frozenset({"A"})))
PLACE = ("orders", 0)
END = 12


@given(
    st.lists(st.sampled_from(OUTCOMES), min_size=END, max_size=END),
    st.permutations(range(END)),
    st.lists(st.integers(0, END), max_size=4),
)
def test_killed_at_any_time_and_resumed_each_record_is_counted_once(
    outcomes: list[str], order: list[int], kills: list[int]
) -> None:
    """Records settle in any order; a note is written at the watermark; what is above it is read again."""
    note, at = begun(JOB, [Stretch(*PLACE, 0, END)])[PLACE].encode(), 0
    for settled in [*sorted(kills), END]:
        mark = parse(note)
        assert mark is not None
        tally, open_ = Tally({PLACE: mark}), set(range(at, END))
        for offset in [one for one in order if one >= at][:settled]:
            tally.close(Position(*PLACE, offset), outcomes[offset])
            open_.discard(offset)
        at = min(open_, default=END)
        note = tally.note(PLACE, at)
        noted = parse(note)
        assert noted is not None
        assert noted.counts == Counter(outcomes[:at])
        assert tally.totals.total() >= at
    last = parse(note)
    assert last is not None
    if at == END:
        assert sum(last.counts.values()) == END


def test_a_mark_is_read_as_it_was_written_and_another_tools_metadata_is_none() -> None:
    job = Job(
        "yespo", "orders", "0", "end", 1, "l", "t", "force", "past_events", 0.5,
        Selection(frozenset({"a", "b"}), (Where("status", "paid"),)),
    )  # fmt: skip
    (mark,) = begun(job, [Stretch("orders", 3, 5, 9, expired=5)]).values()

    assert parse(mark.encode()) == mark
    assert (mark.rest(3, 7).start, mark.rest(3, 99).start) == (7, 9)
    assert [parse(text) for text in ("", "{}", '{"ledger": "l", "topic": "t"}', "null")] == [None] * 4


def test_what_expires_while_it_runs_is_kept_with_the_mark() -> None:
    tally = Tally(begun(JOB, [Stretch(*PLACE, 0, END)]))
    tally.gone(PLACE, 4)
    mark = parse(tally.note(PLACE, 4))

    assert tally.overtaken == 4
    assert mark is not None
    assert (mark.overtaken, mark.counts) == (4, {})
