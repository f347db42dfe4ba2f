"""RULES 1, sentence by sentence, and what must hold of judging in general."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.core.heads import Epoch, Head, State
from connector.core.judge import Judgement, advance, clear, compare, judge, rank_of
from connector.core.model import Version
from tests.support.changes import contact, order, version


def apart(ts: int | None = None, offset: int = 0, timestamp: int = 0) -> Version:
    """A version without lsn from another topic and partition."""
    return version(None, ts, topic="elsewhere", partition=7, offset=offset, timestamp=timestamp)


def read(lsn: int, ts: int, offset: int = 0) -> Version:
    """A version of a row that a snapshot read."""
    return version(lsn, ts, offset=offset, snapshot=True)


def head_of(at: Version, content: str = "") -> Head:
    return advance(None, order("1", at, content))


@pytest.mark.parametrize(
    ("seen", "new", "reading"),
    [
        # A configured version field, if set, is the only reading.
        (version(5, 5, declared=7), version(1, 1, declared=8, clock="other"), "newer"),
        (version(5, 5, declared=7), version(9, 9, declared=7), "same"),
        (version(5, 5, declared="2025-02"), version(9, 9, declared="2025-01"), "older"),
        # … but only where both have one of a kind: setting it later lets nothing old pass.
        (version(5, 5), version(4, 4, declared=8), "older"),
        (version(5, 5, declared="7"), version(6, 4, declared=6), "newer"),
        (version(5, 5, declared=7), version(4, 4), "older"),
        # 1. Both have an lsn: it decides, equal = duplicate; ts_ms and offset say nothing.
        (version(5, 9, offset=9), version(6, 1, offset=1), "newer"),
        (version(5, 1, offset=1), version(5, 9, offset=9), "same"),
        (version(5, 1, offset=1), version(4, 9, offset=9), "older"),
        # 2. Exactly one has an lsn: same topic and partition: offset decides, else ts_ms.
        (version(5, 9, offset=3), version(None, 1, offset=4), "newer"),
        (version(5, 1, offset=3), version(None, 9, offset=2), "older"),
        (version(None, 1, offset=3), version(5, 9, offset=2), "older"),
        (version(5, 3, offset=3), apart(ts=4, offset=1), "newer"),
        (version(5, 3, offset=3), apart(ts=2, offset=9), "older"),
        (version(5, 3), apart(ts=3, offset=9), "newer"),
        # 3. Both have only ts_ms: it decides, the offset says nothing; equal with another digest is newer.
        (version(None, 3, offset=9), version(None, 4, offset=1), "newer"),
        (version(None, 3, offset=1), version(None, 2, offset=9), "older"),
        (version(None, 3, offset=9), version(None, 3, offset=1), "newer"),
        # 4. Neither: same topic and partition: offset; else record timestamp.
        (version(offset=3, timestamp=9), version(offset=4, timestamp=1), "newer"),
        (version(offset=3), version(offset=3), "same"),
        (version(offset=3, timestamp=1), version(offset=2, timestamp=9), "older"),
        (version(offset=3, timestamp=5), apart(offset=1, timestamp=6), "newer"),
        (version(offset=3, timestamp=5), apart(offset=9, timestamp=4), "older"),
        (version(offset=3, timestamp=5), apart(offset=9, timestamp=5), "newer"),
        # Only one has a ts_ms (a lone tombstone): as 4.
        (version(None, 3, offset=3), version(offset=4), "newer"),
        (version(None, 3, offset=3), version(offset=2), "older"),
        (version(None, 3, timestamp=5), apart(timestamp=6), "newer"),
        # An lsn that went back with a ts_ms more than 60 s newer is never superseded.
        (version(5, 1_000), version(4, 61_000), "older"),
        (version(5, 1_000), version(4, 61_001), "clock"),
        (version(5, None), version(4, 61_001), "older"),
        # A snapshot has the lsn at which it began, and did not see what was committed later: that comes after
        # it in the same partition.
        (read(5, 20, offset=2), version(5, 21, offset=3), "newer"),
        (read(5, 20, offset=2), version(4, 21, offset=3), "newer"),
        (read(5, 20, offset=2), version(4, 20, offset=3), "older"),
        (read(5, 20, offset=2), version(4, None, offset=3), "older"),
        (read(5, 20, offset=2), version(4, 21, offset=1), "older"),
        (read(5, 20, offset=2), version(4, 21, offset=3, partition=7), "older"),
        (read(5, 20, offset=2), version(5, 20, offset=3), "same"),
        (read(5, 20, offset=2), version(6, 19, offset=1), "newer"),
        (version(4, 21, offset=3), read(5, 20, offset=2), "older"),
        (version(4, 19, offset=3), read(5, 20, offset=2), "newer"),
        (version(4, 21, offset=3), read(5, 22, offset=4), "newer"),
        (version(6, 19, offset=3), read(5, 20, offset=4), "older"),
        (read(5, 20, offset=2), read(5, 21, offset=4), "same"),
        (read(5, 20, offset=2), read(4, 21, offset=4), "older"),
        (read(5, 1_000, offset=2), version(4, 61_001, offset=3), "clock"),
        # Nor is another clock than the head's.
        (version(5, 5), version(4, 4, clock="other"), "clock"),
        (version(5, 5), version(6, 6, clock="other"), "clock"),
    ],
)  # fmt: skip
def test_which_version_is_newer(seen: Version, new: Version, reading: str) -> None:
    assert compare(head_of(seen), new, b"another digest ..") == reading


def test_a_digest_accepted_at_the_same_ts_ms_is_a_duplicate() -> None:
    first, second = order("1", version(None, 3), "a"), order("1", version(None, 3), "b")
    head = advance(advance(None, first), second)
    assert judge(head, first) == "duplicate"
    assert judge(head, order("1", version(None, 3), "c")) == "newer"
    later = advance(head, order("1", version(None, 4), "d"))
    assert later.ties == (later.digest,)


def test_a_digest_accepted_in_doubt_stays_a_duplicate_at_its_ts_ms() -> None:
    event = order("1", version(None, 3), "a")
    assert judge(clear(advance(None, event)), event) == "duplicate"


def test_a_row_without_lsn_with_the_same_digest_is_unchanged() -> None:
    head = head_of(version(5, 5, offset=5), "a")
    newer = order("1", version(None, 6, offset=6), "a")
    older = order("1", version(None, 4, offset=4), "a")
    assert (judge(head, newer), judge(head, older)) == ("unchanged", "unchanged")
    assert advance(head, older) is head


def test_accepting_a_row_without_lsn_never_changes_the_heads_lsn() -> None:
    head = advance(head_of(version(100, 5, offset=10)), order("1", version(None, 9, offset=20)))
    assert head.version == version(100, 9, offset=20)
    assert judge(head, order("1", version(90, 4, offset=30))) == "superseded"
    assert judge(head, order("1", version(110, 10, offset=31))) == "newer"


def test_what_a_snapshot_did_not_see_is_sent_and_what_it_saw_is_not() -> None:
    """A transaction that was open as it began; Debezium repeats what was streamed before, and goes on.

    The second time by clocks that do not agree: what was streamed before is told by its lsn.
    """
    for late in (0, 100):
        before, row = version(3, 30 + late, offset=0), read(8, 80, offset=1)
        repeated, missed = version(3, 30 + late, offset=2), version(5, 50, offset=3)
        unseen, after = version(7, 81, offset=4), version(9, 90, offset=6)
        story = [before, row, repeated, missed, unseen, version(7, 81, offset=5), after]
        head, sent = None, []
        for at in [*story, *story]:
            change = order("1", at, f"lsn {at.lsn}")
            if judge(head, change) == "newer":
                head = advance(head, change)
                sent.append(at)
        assert sent == [before, row, unseen, after]


def test_a_row_without_lsn_leaves_open_what_a_snapshot_did_not_see() -> None:
    head = advance(head_of(read(8, 80, offset=1)), order("1", version(None, 85, offset=2)))
    assert judge(head, order("1", version(7, 84, offset=3))) == "superseded"
    assert judge(head, order("1", version(7, 86, offset=3))) == "newer"


def test_a_tombstone_without_ts_ms_does_not_let_a_repeated_older_state_pass() -> None:
    head = advance(head_of(version(None, 9, offset=1)), contact("1", version(offset=2), deleted=True))
    assert head.version == version(None, 9, offset=2)
    assert judge(head, order("1", version(None, 8, offset=3))) == "superseded"


@pytest.mark.parametrize(
    ("state", "deleted", "same_version", "verdict"),
    [
        (State.ACCEPTED, False, False, "unchanged"),
        (State.ACCEPTED, True, False, "newer"),
        (State.ERASED, False, False, "newer"),
        (State.ERASED, True, False, "unchanged"),
        (State.ERASED, True, True, "duplicate"),
        (State.REMOVED, False, False, "newer"),
        (State.REMOVED, False, True, "newer"),
    ],
)
def test_unchanged_means_that_the_destination_holds_this_very_content(
    state: State, deleted: bool, same_version: bool, verdict: Judgement
) -> None:
    event = contact("1", version(5 if same_version else 6), deleted=deleted)
    head = Head(version(5), 0, event.digest, b"", (event.digest,), state)
    assert judge(head, event) == verdict


def test_nothing_is_unchanged_against_cleared_digests() -> None:
    head = clear(head_of(version(5), "a"))
    assert judge(head, order("1", version(6), "a")) == "newer"


def test_older_than_a_removed_version_is_still_superseded() -> None:
    head = replace(head_of(version(5)), state=State.REMOVED)
    assert judge(head, order("1", version(4))) == "superseded"
    assert advance(head, order("1", version(5))).state is State.ACCEPTED


def test_a_key_known_without_version_is_older_than_any_change() -> None:
    known = advance(None, contact("1", None))
    assert judge(known, contact("1", version(0, 0))) == "newer"
    assert judge(known, contact("1", None)) == "duplicate"


def test_an_order_never_downgrades_or_brings_back_its_contact() -> None:
    ensured = contact("1", None)
    real = advance(None, contact("1", version(5)))
    erased = advance(real, contact("1", version(6), deleted=True))
    assert judge(real, ensured) == "duplicate"
    assert advance(real, ensured) is real
    assert judge(erased, ensured) == "erased"


def test_a_delete_is_a_version() -> None:
    erased = advance(head_of(version(5)), contact("1", version(6), deleted=True))
    assert erased.state is State.ERASED
    assert judge(erased, contact("1", version(5))) == "superseded"
    assert judge(erased, contact("1", version(7))) == "newer"
    assert advance(erased, contact("1", version(7))).state is State.ACCEPTED


class TestEpochs:
    """The operator accepted another clock, or a rebuilt database."""

    restored = (Epoch(1, "shop", 1_000),)
    moved = (Epoch(1, "new", 1_000),)

    def test_a_record_falls_under_the_highest_epoch_of_its_clock_that_had_begun(self) -> None:
        epochs = (Epoch(3, "a", 30), Epoch(2, "b", 20), Epoch(1, "a", 10))
        ranks = [rank_of(version(1, ts, clock="a"), epochs) for ts in (9, 10, 29, 30)]
        assert ranks == [0, 1, 1, 3]
        assert rank_of(version(timestamp=10, clock="a"), epochs) == 1
        assert rank_of(version(1, 99, clock="c"), epochs) == 0

    def test_a_restored_database_is_newer_although_its_lsn_is_lower(self) -> None:
        head = head_of(version(900, 900))
        assert judge(head, order("1", version(5, 1_000)), self.restored) == "newer"
        head = advance(head, order("1", version(5, 1_000)), self.restored)
        assert head.version == version(5, 1_000)
        assert judge(head, order("1", version(901, 901)), self.restored) == "superseded"
        assert judge(head, order("1", version(6, 1_001)), self.restored) == "newer"
        assert judge(head, order("1", version(4, 1_001)), self.restored) == "superseded"

    def test_an_accepted_clock_is_newer_and_the_old_one_superseded_until_it_goes_on(self) -> None:
        event = order("1", version(None, 1_000, clock="new"))
        head = head_of(version(900, 900))
        assert judge(head, event, self.moved) == "newer"
        head = advance(head, event, self.moved)
        assert head.version == version(None, 1_000, clock="new")
        assert judge(head, order("1", version(901, 999)), self.moved) == "superseded"
        assert judge(head, order("1", version(902, 1_000)), self.moved) == "clock"

    def test_before_its_time_an_accepted_clock_still_asks(self) -> None:
        assert judge(head_of(version(5, 5)), order("1", version(6, 999, clock="new")), self.moved) == "clock"

    def test_a_clock_accepted_after_a_claim_does_not_unmake_what_is_known(self) -> None:
        event = order("1", version(5, 2_000))
        head = advance(None, event)
        assert judge(head, event, self.restored) == "unchanged"
        assert judge(advance(head, event, self.restored), event, self.restored) == "duplicate"


times = st.none() | st.integers(0, 3)
versions = st.builds(
    version, times, times,
    clock=st.sampled_from(["shop", "shop", "other"]), partition=st.integers(0, 1),
    offset=st.integers(0, 4), timestamp=st.integers(0, 3), snapshot=st.booleans(),
)  # fmt: skip
epochs = st.sampled_from([(), TestEpochs.moved, (Epoch(2, "other", 2), Epoch(1, "shop", 1))])


@given(st.lists(versions, min_size=1, max_size=6), epochs)
def test_judging_the_version_just_accepted_says_duplicate(
    history: Sequence[Version], known: tuple[Epoch, ...]
) -> None:
    head: Head | None = None
    for at in history:
        event = order("1", at)
        if judge(head, event, known) == "newer":
            head = advance(head, event, known)
            assert judge(head, event, known) == "duplicate"


@given(versions, versions)
def test_no_two_versions_are_each_older_than_the_other(one: Version, other: Version) -> None:
    readings = {compare(head_of(one), other, b"x"), compare(head_of(other), one, b"y")}
    assert readings != {"older"}
    if one.clock != other.clock:
        assert readings == {"clock"}


@given(st.permutations(range(6)), st.data())
def test_whatever_the_order_of_arrival_the_highest_lsn_stays(order_: list[int], data: st.DataObject) -> None:
    offsets = data.draw(st.permutations(range(6)))
    changes = [order("1", version(10 + lsn, lsn, offset=offsets[lsn])) for lsn in order_]
    head, sent = None, []
    for change in itertools.chain(changes, changes):
        if judge(head, change) == "newer":
            head = advance(head, change)
            sent.append(change.version)
    assert head is not None
    assert head.version == version(15, 5, offset=offsets[5])
    assert [v.lsn for v in sent if v] == sorted({v.lsn for v in sent if v and v.lsn})


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=8))
def test_with_ts_ms_alone_a_replay_of_everything_sends_nothing(changes: list[tuple[int, str]]) -> None:
    events = [order("1", version(None, ts, offset=at), what) for at, (ts, what) in enumerate(sorted(changes))]
    head: Head | None = None
    for event in events:
        if judge(head, event) in {"newer", "unchanged"}:
            head = advance(head, event)
    assert all(judge(head, event) in {"duplicate", "superseded"} for event in events)
