"""The history file where disks fill, processes are killed and directories are not ours."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from connector.adapters.history_file import FileHistory
from connector.errors import ConfigError
from tests.fakes.clock import FakeClock
from tests.fakes.meter import FakeMeter
from tests.support.stage_ports import StageLog

LOST = "history_lost_lines_total"
KILLED = """
import os, signal, sys
from pathlib import Path
from connector.adapters.history_file import FileHistory
from tests.fakes.clock import FakeClock
from tests.fakes.meter import FakeMeter
from tests.support.stage_ports import StageLog
history = FileHistory(Path(sys.argv[1]), FakeClock(), FakeMeter(), StageLog())
for number in range(100):
    history.note("received", number=number)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Opened:
    """A history with what it says and counts."""

    def __init__(self, path: Path) -> None:
        self.meter, self.log = FakeMeter(), StageLog()
        self.history = FileHistory(path, FakeClock(), self.meter, self.log)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(level, event) for level, event, _ in self.log.lines]


def test_a_killed_process_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "history"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)

    assert ended.returncode == -signal.SIGKILL
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert [line["number"] for line in lines] == list(range(100))


def test_after_a_torn_line_the_next_start_begins_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b'{"n":0}\n{"n":1,"wha')
    opened = Opened(path)
    opened.history.note("started")
    opened.history.note("received")
    opened.history.close()

    whole, torn, *new = path.read_bytes().splitlines()
    assert (whole, torn) == (b'{"n":0}', b'{"n":1,"wha')
    assert [msgspec.json.decode(line)["what"] for line in new] == ["started", "received"]


def test_a_full_disk_is_counted_said_once_and_raises_nothing() -> None:
    opened = Opened(Path("/dev/full"))
    for _ in range(3):
        opened.history.note("received")
    opened.history.close()

    assert opened.meter.value(LOST) == 3
    assert opened.said == [("warning", "history has a gap")]


def test_once_there_is_room_again_it_goes_on_in_a_new_line(tmp_path: Path) -> None:
    path = tmp_path / "history"
    opened = Opened(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        opened.history.note("received")
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, before[1]))
        opened.history.note("torn")
        opened.history.note("lost")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    opened.history.note("received")
    opened.history.close()

    first, torn, last = path.read_bytes().splitlines()
    assert len(torn) == 10
    assert [msgspec.json.decode(line)["n"] for line in (first, last)] == [0, 3]
    assert opened.meter.value(LOST) == 2
    assert opened.said == [("warning", "history has a gap"), ("info", "history goes on")]


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    opened = Opened(tmp_path / "history")
    opened.history.close()

    assert (tmp_path / "history").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["none/history", "file/history", "."])
def test_what_cannot_be_written_is_refused_with_place_and_remedy(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as refused:
        Opened(tmp_path / place)

    (line,) = refused.value.problems
    assert line.startswith(f"history: {tmp_path / place} cannot be written (")
    assert line.endswith("; name a file in a directory that can be written, or leave history out")
