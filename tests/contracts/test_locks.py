"""The Lock port: one process at a time. Runs on a file beside SQLite's and on PostgreSQL."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from connector.adapters.ledger_postgres_lock import SessionLock
from connector.adapters.ledger_sqlite_lock import FileLock
from connector.ports.archive import Lock
from tests.support.instance import wait_until
from tests.support.postgres import Database

HOLDER = """
import sys, time
from pathlib import Path
from connector.adapters.ledger_postgres_lock import SessionLock
from connector.adapters.ledger_sqlite_lock import FileLock
kind, place, name = sys.argv[1:]
lock = FileLock(Path(place), name) if kind == "sqlite" else SessionLock(lambda: place, name)
print(lock.take(), flush=True)
time.sleep(600)
"""


class World:
    """One store. `lock`: somebody who would like to hold it."""

    def __init__(self, kind: str, place: str, cleanup: ExitStack) -> None:
        self.kind, self.place, self._cleanup = kind, place, cleanup

    def lock(self, name: str = "replay 1") -> Lock:
        place = self.place
        made = FileLock(Path(place), name) if self.kind == "sqlite" else SessionLock(lambda: place, name)
        self._cleanup.callback(made.close)
        return made

    def process(self, name: str = "replay 1") -> subprocess.Popen[str]:
        """Another process that holds it."""
        command = [sys.executable, "-c", HOLDER, self.kind, self.place, name]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._cleanup.enter_context(process)
        self._cleanup.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        return process


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    file = str(tmp_path / "ledger.db")
    place = file if request.param == "sqlite" else request.getfixturevalue("database").url
    with ExitStack() as cleanup:
        yield World(request.param, place, cleanup)


def test_one_holds_it_until_it_lets_go(world: World) -> None:
    first, second = world.lock(), world.lock()
    assert (first.take(), second.take(), first.take()) == (True, False, True)
    first.close()
    assert second.take()
    assert not world.lock().take()


def test_each_name_has_a_lock_of_its_own(world: World) -> None:
    assert world.lock().take()
    assert world.lock("../replay 2").take()


def test_it_goes_with_its_process_however_that_ends(world: World) -> None:
    process, lock = world.process(), world.lock()
    assert not lock.take()
    process.kill()
    process.wait(120)
    wait_until(lock.take, 120, lambda: "it did not go")


def test_never_do_two_hold_it_however_they_come_and_go(tmp_path: Path) -> None:
    """Of a file, which is removed by its holder while others reach for it."""
    holders, most, lock = 0, 0, threading.Lock()

    def come_and_go() -> None:
        nonlocal holders, most
        for _ in range(200):
            with closing(FileLock(tmp_path / "ledger.db", "x")) as own:
                if own.take():
                    with lock:
                        holders += 1
                        most = max(most, holders)
                    with lock:
                        holders -= 1

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
def test_who_lost_its_session_holds_it_again_unless_another_was_quicker(database: Database) -> None:
    with (
        closing(SessionLock(lambda: database.url, "x")) as one,
        closing(SessionLock(lambda: database.url, "x")) as other,
    ):
        assert one.take()
        end_sessions(database)
        assert (one.take(), other.take()) == (True, False)
        end_sessions(database)
        wait_until(other.take, 120, lambda: "it did not go")
        assert not one.take()


def end_sessions(database: Database) -> None:
    """As a server that is restarted does; each has ended on return."""
    of_others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    ended = {pid for (pid, _) in database.psql(f"SELECT pid, pg_terminate_backend(pid) {of_others}")}
    wait_until(lambda: ended.isdisjoint(pid for (pid,) in database.psql(f"SELECT pid {of_others}")), 120, str)
