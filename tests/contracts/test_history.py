"""The History port: the file and the fake keep the same lines."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from connector.adapters.history_file import FileHistory
from connector.ports import History
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory, Line
from tests.fakes.meter import FakeMeter
from tests.support.stage_ports import StageLog

Start = Callable[[], History]
Read = Callable[[], list[Line]]
Subject = tuple[Start, Read, FakeClock]


class Point(Struct, omit_defaults=True):
    name: str
    offset: int = -1


@pytest.fixture(params=["fake", "file"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """How to start another process with a history, how to read all of them, and their clock."""
    clock, path = FakeClock(1000.5), tmp_path / "history.jsonl"
    opened: list[FileHistory] = []
    if request.param == "fake":
        lines: list[Line] = []
        starts = iter(range(9))
        yield lambda: FakeHistory(clock, f"start-{next(starts)}", lines), lambda: lines, clock
        return

    def start() -> History:
        opened.append(FileHistory(path, clock, FakeMeter(), StageLog()))
        return opened[-1]

    yield start, lambda: read(path), clock
    for history in opened:
        history.close()


def read(path: Path) -> list[Line]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_a_line_has_number_time_start_and_its_fields(subject: Subject) -> None:
    start, read_all, clock = subject
    history = start()
    history.note("received", records=[1, 2])
    clock.advance(1)
    history.note("lost", partitions=[])

    first, second = read_all()
    assert first == {"n": 0, "at": 1000.5, "by": first["by"], "what": "received", "records": [1, 2]}
    assert second == {"n": 1, "at": 1001.5, "by": first["by"], "what": "lost", "partitions": []}


def test_a_struct_is_written_as_an_object_without_its_defaults(subject: Subject) -> None:
    start, read_all, _ = subject
    start().note("sent", events=[Point("a", 3), Point("b")])

    assert read_all()[0]["events"] == [{"name": "a", "offset": 3}, {"name": "b"}]


def test_each_start_has_a_name_of_its_own_and_counts_from_zero(subject: Subject) -> None:
    start, read_all, _ = subject
    one, two = start(), start()
    for history in (one, two, one):
        history.note("received")

    lines = read_all()
    assert [line["n"] for line in lines] == [0, 0, 1]
    assert lines[0]["by"] == lines[2]["by"] != lines[1]["by"]


def test_a_line_can_be_read_as_soon_as_it_is_noted(subject: Subject) -> None:
    start, read_all, _ = subject
    history = start()
    for count in range(1, 4):
        history.note("received")
        assert len(read_all()) == count


def test_lines_of_several_threads_stand_whole_and_in_their_numbers_order(subject: Subject) -> None:
    start, read_all, _ = subject
    history = start()

    def work() -> None:
        for _ in range(50):
            history.note("sent", body="x" * 2000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [line["n"] for line in read_all()] == list(range(200))
