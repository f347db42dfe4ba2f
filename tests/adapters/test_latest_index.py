"""What is missing, by entity, on disk: the latest stays, and all comes back as it went."""

from contextlib import closing

from connector.adapters.latest_index import LatestIndex
from connector.core.latest import Latest, faulty, latest
from connector.core.model import Position, Record, Reject
from tests.support.changes import TOPIC, order, version


def seen(key: str, lsn: int, offset: int) -> Latest:
    record = Record(Position(TOPIC, 0, offset), 5, None, b"")
    return latest(order(key, version(lsn, offset=offset)), record)


def put(index: LatestIndex, *records: Latest) -> None:
    index.put({one.slot: one for one in records})


def test_the_latest_of_each_stays_and_comes_back_whole() -> None:
    old, new, other = seen("1", 10, 0), seen("1", 20, 1), seen("2", 15, 2)
    bad = faulty(
        "order", None, Reject("truncated", "ends early"), Record(Position(TOPIC, 0, 9), 5, None, b"")
    )
    with closing(LatestIndex()) as index:
        put(index, new, bad)
        put(index, old, other)
        assert len(index) == 3
        assert index.first(10) == [new, other, bad]
        assert index.first(1) == [new]
        assert sorted(one.slot for page in index.pages() for one in page) == ["=1", "=2", "@0/9"]


def test_pages_hold_all_while_some_of_them_are_dropped() -> None:
    with closing(LatestIndex()) as index:
        put(index, *(seen(str(number), 1, number) for number in range(1700)))
        told = 0
        for page in index.pages():
            told += len(page)
            index.drop(one.slot for one in page if one.offset % 2)
        assert (told, len(index)) == (1700, 850)
