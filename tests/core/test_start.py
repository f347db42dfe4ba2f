"""Where a partition begins: by the group's commits and their notes (RULES 3)."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.core.assignment import Assigned
from connector.core.start import Begin, Hold, Note, Resolve, carry, decide, parse

NOW = Note("ledger", "topic-id")
OURS = Note("ledger", "topic-id", partitions=3, began=1_700_000_000_000).encode()


def given_partition(committed: int | None = None, note: str = "", **changes: object) -> Assigned:
    one = Assigned(
        topic="orders",
        partition=0,
        committed=committed,
        note=note,
        low=10,
        high=20,
        topic_id="topic-id",
        topic_has_commits=committed is not None,
        partitions=3,
    )
    return replace(one, **changes)


def test_a_group_without_commits_begins_where_the_configuration_says() -> None:
    assert decide(given_partition(), NOW) == Resolve(None)


def test_a_partition_that_appeared_later_begins_at_its_beginning() -> None:
    later = given_partition(partition=3, topic_has_commits=True, sibling_note=OURS)

    assert decide(later, NOW) == Begin(10, fresh=True)


def test_a_partition_that_was_there_when_the_group_began_begins_when_the_group_did() -> None:
    sibling = given_partition(partition=2, topic_has_commits=True, sibling_note=OURS)

    assert decide(sibling, NOW) == Resolve(1_700_000_000_000)


def test_a_sibling_of_an_earlier_topic_or_a_foreign_commit_tells_nothing_of_how_the_group_began() -> None:
    for note in ("", "x", Note("ledger", "another-id", 3, 1).encode(), NOW.encode()):
        one = given_partition(topic_has_commits=True, sibling_note=note)
        assert decide(one, NOW) == Begin(10, fresh=True)


def test_a_commit_is_gone_on_from_with_our_note_or_without_any() -> None:
    for note in (OURS, "", "made by kafka-consumer-groups", "[1]", '{"ledger": 5}'):
        assert decide(given_partition(12, note), NOW) == Begin(12)


def test_both_ends_of_what_is_there_are_in_range() -> None:
    assert [decide(given_partition(at, OURS), NOW) for at in (9, 10, 20, 21)] == [
        Hold("expired"),
        Begin(10),
        Begin(20),
        Hold("expired"),
    ]


def test_a_log_that_was_cut_off_asks_though_it_has_the_offset_again() -> None:
    assert decide(given_partition(12, OURS, cut=True), NOW) == Hold("expired")


def test_another_topic_id_asks_before_another_ledger_and_that_before_an_expired_offset() -> None:
    assert decide(given_partition(99, Note("other", "other").encode()), NOW) == Hold("recreated")
    assert decide(given_partition(99, Note("other", "topic-id").encode()), NOW) == Hold("other_ledger")


def test_an_unknown_topic_id_on_either_side_is_no_other_topic() -> None:
    assert decide(given_partition(12, Note("ledger", "").encode()), NOW) == Begin(12)
    assert decide(given_partition(12, OURS), Note("ledger", "")) == Begin(12)


def test_a_topic_recreated_under_this_process_asks_although_its_commits_are_gone() -> None:
    assert decide(given_partition(), NOW, seen="another-id") == Hold("recreated")
    assert decide(given_partition(), NOW, seen="topic-id") == Resolve(None)


def test_how_the_group_began_is_carried_from_commit_to_commit() -> None:
    began = carry(given_partition(), NOW, at=5)
    assert began == Note("ledger", "topic-id", partitions=3, began=5)

    grown = given_partition(12, began.encode(), partitions=9)
    assert carry(grown, NOW, at=7) == began
    later = given_partition(partition=8, topic_has_commits=True, sibling_note=began.encode(), partitions=9)
    assert carry(later, NOW, at=7) == began
    assert carry(grown, Note("ledger", "new-id"), at=7) == Note("ledger", "new-id")


@given(st.text(), st.text(), st.integers(min_value=0), st.integers(min_value=0))
def test_a_note_comes_back_as_it_was_written(ledger: str, topic: str, partitions: int, began: int) -> None:
    note = Note(ledger, topic, partitions, began if partitions else 0)

    assert parse(note.encode()) == note


@given(st.text())
def test_any_metadata_is_read_without_failing(text: str) -> None:
    assert parse(text) is None or isinstance(parse(text), Note)
