"""The source of a redrive: letters as the records that they were."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from msgspec.structs import replace

from connector.core.letters import Filed, Letter, Omitted
from connector.core.model import Position, Record
from connector.errors import BrokerDown
from connector.ports import Assigned, Placed, TopicPartition
from connector.redrive import LetterSource


class Lane:
    """ports.Members that takes all it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, int, str]] = []

    def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
        self.given += [(one.topic, one.partition, one.topic_id) for one in partitions]
        return {(one.topic, one.partition): Placed(0, len(self.given), "") for one in partitions}

    def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        return {}

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        return None


def filed(offset: int, partition: int = 0, *, omitted: bool = False) -> Filed:
    record = Record(Position("orders", partition, offset), 5, b"k", None if omitted else b"v")
    letter = Letter(record, "id", "yespo", "check", "", "check")
    return Filed(f"letter {offset}", (0, offset), letter, Omitted(1, "") if omitted else None)


def source(letters: Iterator[Filed], lane: Lane, record: Record | None = None) -> LetterSource:
    return LetterSource(letters, lane, lambda _: record, lambda _: None)


def offsets(records: list[Record]) -> list[int]:
    return [record.position.offset for record in records]


def test_letters_come_in_order_each_in_the_assignment_of_its_partition() -> None:
    lane = Lane()
    subject = source(iter([filed(7), filed(3, 1), filed(5)]), lane)
    records = subject.poll(2, 1.0)
    assert [(r.position.offset, r.position.lease) for r in records] == [(7, 1), (3, 2)]
    assert (offsets(subject.poll(9, 1.0)), offsets(subject.poll(9, 1.0))) == ([5], [])
    assert (subject.ended, subject.given) == (True, 3)
    assert lane.given == [("orders", 0, "id"), ("orders", 1, "id")]


def test_what_is_paused_waits_and_loses_nothing() -> None:
    subject = source(iter([filed(1), filed(2)]), Lane())
    assert offsets(subject.poll(1, 0)) == [1]
    subject.pause([("orders", 0)])
    assert subject.poll(5, 0) == []
    subject.resume([("orders", 0)])
    assert offsets(subject.poll(5, 0)) == [2]


def test_a_value_that_is_nowhere_any_more_is_told_and_the_others_go_on() -> None:
    subject = source(iter([filed(1, omitted=True), filed(2)]), Lane())
    assert offsets(subject.poll(5, 0)) == [2]
    assert subject.lost == ["letter 1"]
    found = replace(filed(1).letter.record, value=b"large")
    assert [r.value for r in source(iter([filed(1, omitted=True)]), Lane(), found).poll(5, 0)] == [b"large"]


def test_an_outage_while_letters_are_read_ends_it_and_is_kept() -> None:
    def failing() -> Iterator[Filed]:
        yield filed(1)
        raise BrokerDown("gone")

    subject = source(failing(), Lane())
    assert offsets(subject.poll(5, 0)) == [1]
    assert subject.poll(5, 0) == []
    assert (subject.ended, str(subject.failure)) == (True, "gone")


def test_an_outage_at_one_letter_loses_none_of_those_before_it() -> None:
    """Its value, or the ledger that its partition needs, is asked for once more, and it comes after them."""
    down = [BrokerDown("gone")]

    class Moody(Lane):
        def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
            if self.given and down:
                raise down.pop()
            return super().assigned(partitions)

    def fetch(_: Filed) -> Record:
        if down:
            raise down.pop()
        return replace(filed(2).letter.record, value=b"large")

    large = LetterSource(iter([filed(1), filed(2, omitted=True)]), Lane(), fetch, lambda _: None)
    assert (offsets(large.poll(5, 0)), offsets(large.poll(5, 0)), large.given) == ([1], [2], 2)
    down.append(BrokerDown("gone"))
    elsewhere = LetterSource(iter([filed(1), filed(2, 1)]), Moody(), fetch, lambda _: None)
    assert (offsets(elsewhere.poll(5, 0)), offsets(elsewhere.poll(5, 0)), elsewhere.given) == ([1], [2], 2)


def test_an_outage_at_the_first_letter_is_raised() -> None:
    down = [BrokerDown("gone")]

    def fetch(_: Filed) -> Record:
        if down:
            raise down.pop()
        return filed(1).letter.record

    subject = LetterSource(iter([filed(1, omitted=True)]), Lane(), fetch, lambda _: None)
    with pytest.raises(BrokerDown):
        subject.poll(5, 0)
    assert offsets(subject.poll(5, 0)) == [1]
