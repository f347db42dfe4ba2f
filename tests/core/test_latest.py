"""Which record is the latest of its entity, and when one that has no version was overtaken."""

from hypothesis import given
from hypothesis import strategies as st

from connector.core.heads import Head
from connector.core.latest import Latest, faulty, is_later, is_past, latest
from connector.core.model import Position, Record, Reject, Version
from tests.support.changes import TOPIC, order, version

REJECT = Reject("mapping", "status: is none of the five")


def record(offset: int, partition: int = 0, time_ms: int = 0) -> Record:
    return Record(Position(TOPIC, partition, offset), time_ms, None, b"")


def seen(at: Version) -> Latest:
    return latest(order("1", at), record(at.offset, at.partition, at.timestamp_ms))


def bad(offset: int, partition: int = 0, time_ms: int = 0, key: str | None = "1") -> Latest:
    return faulty("order", key, REJECT, record(offset, partition, time_ms))


def test_the_version_decides_and_not_the_place() -> None:
    repeated, newest = seen(version(100, 1, offset=9)), seen(version(200, 2, offset=3))
    assert is_later(newest, repeated)
    assert not is_later(repeated, newest)
    assert not is_later(newest, newest)


def test_what_has_no_version_is_judged_by_its_place() -> None:
    assert is_later(bad(8), seen(version(100, offset=7)))
    assert not is_later(bad(6), seen(version(100, offset=7)))
    assert is_later(bad(1, partition=1, time_ms=5), seen(version(100, offset=7, timestamp=4)))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_of_two_never_both_are_later(lsn: int, offset: int, other: int, place: int) -> None:
    one, two = seen(version(lsn, offset=offset)), seen(version(other, offset=place))
    assert not (is_later(one, two) and is_later(two, one))


def test_a_record_that_costs_itself_is_past_once_a_later_one_was_accepted() -> None:
    assert not is_past(None, TOPIC, bad(5))
    assert not is_past(Head(), TOPIC, bad(5))
    assert not is_past(Head(version(1, offset=4)), TOPIC, bad(5))
    assert is_past(Head(version(1, offset=6)), TOPIC, bad(5))
    assert is_past(Head(version(1, topic="other", timestamp=9)), TOPIC, bad(5, time_ms=8))


def test_records_without_a_key_stand_for_themselves() -> None:
    assert bad(5, key=None).slot != bad(6, key=None).slot
    assert bad(5).slot == seen(version(1)).slot
