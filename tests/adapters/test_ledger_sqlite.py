"""What is SQLite's own: files, processes, crashes, a full disk, and that it does the same as the fake."""

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from msgspec.structs import replace

from connector.adapters.ledger_rows import pack_first, pack_head, spread, unpack_head
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.adapters.ledger_sqlite_schema import STEPS, migrate
from connector.core.claims import Busy, Done, Grant, Settlement, Verdict, Want
from connector.core.events import Contact, Event, Requirement
from connector.core.heads import Epoch, Epochs, Head
from connector.core.judge import advance
from connector.core.moving import change_of
from connector.core.past import Sizes
from connector.core.removal import Span
from connector.errors import Fatal, LedgerDown
from tests.fakes.ledger import FakeLedger
from tests.support.changes import contact, fact, order, version

V1, V2 = (order("1", version(lsn, lsn)) for lsn in (1, 2))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@contextmanager
def opened(path: Path, **options: float) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger(path, "yespo", **options)  # type: ignore[arg-type]
    try:
        yield ledger
    finally:
        ledger.close()


def ask(ledger: SqliteLedger, event: Event) -> Verdict:
    return ledger.turn([], [Want(event)])[0]


def run(script: str, *args: object) -> "subprocess.Popen[str]":
    """A process with a ledger of its own; it says a line when it is ready."""
    head = (
        "import sys, time\nfrom pathlib import Path\n"
        "from connector.adapters.ledger_sqlite import SqliteLedger\n"
        "from connector.core.claims import *\nfrom tests.support.changes import order, version\n"
        "path = Path(sys.argv[1])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + script, *map(str, args)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stdin=subprocess.PIPE,
    )  # fmt: skip


MERGE = """
from connector.adapters.ledger_sqlite_places import Places
from connector.adapters.ledger_sqlite_schema import connect

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

db = connect(path, 5)
places = Places(db, 0)
db.execute("BEGIN IMMEDIATE")
places.refresh()
db.execute("SELECT max(number) FROM spreads").fetchone()  # the cache is full from here on
before = peak()
places.tidy()
print(peak() - before, flush=True)
db.execute("COMMIT")
"""

HOLD = """
ledger = SqliteLedger(path, "yespo")
print(ledger.turn([], [Want(order("1", version(1, 1)))]), flush=True)
sys.stdin.read()
"""


class TestProcesses:
    def test_a_claim_of_a_living_process_is_waited_for_and_of_a_killed_one_taken_at_once(
        self, path: Path
    ) -> None:
        with opened(path) as ledger, run(HOLD, path) as child:
            assert child.stdout is not None
            assert child.stdout.readline().startswith("[Grant(")
            child.send_signal(signal.SIGSTOP)
            assert ask(ledger, V1) == Busy()
            child.kill()
            child.wait()
            assert ask(ledger, V1) == Grant(doubtful=True)
            ledger.turn([Settlement(V1, "accepted", certain=False)], [])
        assert [*path.parent.glob("*-owner-*")] != [], "the dead owner's file is there until the next opens"
        with opened(path) as heir:
            assert ask(heir, V1) == Done("duplicate")
            assert len([*path.parent.glob("*-owner-*")]) == 1

    def test_many_processes_open_one_new_file_and_grant_each_version_once(self, path: Path) -> None:
        script = """
ledger = SqliteLedger(path, "yespo", wait=60)
events = [order(f"n{number}", version(1, 1)) for number in range(400)]
granted = 0
for start in range(0, 400, 20):
    batch = events[start:start + 20]
    verdicts = ledger.turn([], [Want(event) for event in batch])
    mine = [event for event, verdict in zip(batch, verdicts) if isinstance(verdict, Grant)]
    ledger.turn([Settlement(event, "accepted") for event in mine], [])
    granted += len(mine)
print(granted, flush=True)
ledger.close()
"""
        children = [run(script, path) for _ in range(3)]
        granted = [int(child.communicate(timeout=240)[0]) for child in children]
        assert sum(granted) == 400

    def test_many_open_new_files_at_one_moment(self, tmp_path: Path) -> None:
        paths = [tmp_path / f"ledger{number}.db" for number in range(40)]
        together = threading.Barrier(4)

        def open_all(_: int) -> None:
            for path in paths:
                together.wait(60)
                SqliteLedger(path, "yespo", wait=60).close()

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(open_all, range(4))) == [None] * 4

    def test_a_new_file_that_another_has_locked_is_waited_for(self, path: Path) -> None:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        lets_go = threading.Timer(0.1, other.close)
        lets_go.start()
        with opened(path, wait=60) as ledger:
            assert ask(ledger, V1) == Grant()
        lets_go.join()

    def test_what_a_killed_process_had_settled_is_settled(self, path: Path) -> None:
        script = """
ledger = SqliteLedger(path, "yespo")
number = 0
while True:
    event = order(f"n{number}", version(1, 1))
    ledger.turn([], [Want(event)])
    ledger.turn([Settlement(event, "accepted")], [])
    print(number, flush=True)
    number += 1
"""
        with run(script, path) as child:
            assert child.stdout is not None
            for _ in range(20):
                last = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            last = max([last, *map(int, child.stdout.read().splitlines())])
        with opened(path) as ledger:
            events = [order(f"n{number}", version(1, 1)) for number in range(last + 1)]
            verdicts = ledger.turn([], [Want(event) for event in events])
            assert verdicts == [Done("duplicate")] * len(events)


def rows_of_claims(path: Path) -> int:
    database = sqlite3.connect(path)
    try:
        return int(database.execute("SELECT count(*) FROM claims").fetchone()[0])
    finally:
        database.close()


class TestRowsOfClaims:
    def test_a_row_stays_until_its_last_claim_is_settled(self, path: Path) -> None:
        with opened(path) as ledger:
            many = [order(f"n{number}", version(1)) for number in range(100)]
            ledger.turn([], [Want(event) for event in many])
            assert rows_of_claims(path) == 2
            ledger.turn([Settlement(event, "accepted") for event in many[:61]], [])
            assert rows_of_claims(path) == 2
            ledger.turn([Settlement(many[61], "released")], [])
            assert rows_of_claims(path) == 1
            ledger.turn([Settlement(event, "accepted", certain=False) for event in many[62:]], [])
            assert rows_of_claims(path) == 0

    def test_what_dead_owners_left_goes_too(self, path: Path) -> None:
        many = [order(f"n{number}", version(1)) for number in range(100)]
        for taken in (100, 60, 10):
            with opened(path) as ledger:
                ledger.turn([], [Want(event) for event in many[:taken]])
        with opened(path) as ledger:
            ledger.turn([], [Want(event) for event in many])
            ledger.turn([Settlement(event, "released") for event in many[:30]], [])
            assert rows_of_claims(path) == 32, "two of its own, and a doubt each of the released ones"
            ledger.turn([], [Want(event) for event in many[:30]])
            ledger.turn([Settlement(event, "accepted") for event in many], [])
            assert rows_of_claims(path) == 0

    def test_a_failed_turn_costs_memory_only(self, path: Path) -> None:
        with opened(path) as ledger:
            many = [order(f"n{number}", version(1), "same") for number in range(100)]
            ledger.turn([], [Want(event) for event in many])
            settled = [Settlement(event, "accepted") for event in many]
            for _ in range(2):
                with pytest.raises(OverflowError):
                    ledger.turn(settled[:50], [Want(order("bad", version(2**80)))])
            assert ask(ledger, many[0]) == Busy()
            more = order("more", version(1))
            assert ask(ledger, more) == Grant()
            ledger.turn([*settled, Settlement(more, "accepted")], [])
            assert (ledger.stale_sends, rows_of_claims(path)) == (0, 0)
            assert ask(ledger, order("n7", version(2), "same")) == Done("unchanged")

    def test_an_owner_taken_for_dead_loses_what_was_taken_and_keeps_the_rest(self, path: Path) -> None:
        with opened(path) as ledger, opened(path) as other:
            many = [order(f"n{number}", version(1)) for number in range(10)]
            ledger.turn([], [Want(event) for event in many])
            for lock in path.parent.glob("*-owner-1"):
                lock.unlink()  # an operator's mistake
            assert ask(other, many[3]) == Grant(doubtful=True)
            ledger.turn([Settlement(event, "accepted") for event in many], [])
            assert ledger.stale_sends == 1
            assert ask(ledger, many[3]) == Busy()
            other.turn([Settlement(many[3], "accepted")], [])
            assert (other.stale_sends, rows_of_claims(path)) == (0, 0)
            verdicts = other.turn([], [Want(event) for event in many])
            assert verdicts == [Done("duplicate")] * 10


class TestFinding:
    @pytest.mark.parametrize("fresh", [0, 1, 100])
    def test_a_head_is_found_in_memory_in_the_file_after_a_start_and_by_others(
        self, path: Path, fresh: int
    ) -> None:
        many = [order(str(n), version(n)) for n in range(10)]
        with opened(path, fresh=fresh) as ledger, opened(path, fresh=2) as other:
            for event in many:
                assert ask(ledger, event) == Grant()
                ledger.turn([Settlement(event, "accepted")], [])
            for one in (ledger, other):
                assert one.turn([], [Want(event) for event in many]) == [Done("duplicate")] * 10
        with opened(path, fresh=fresh) as again:
            assert again.turn([], [Want(event) for event in many]) == [Done("duplicate")] * 10

    def test_a_head_that_another_wrote_in_place_of_one_that_was_rolled_back_is_found(
        self, path: Path
    ) -> None:
        with opened(path) as ledger, opened(path) as other:
            assert (ask(ledger, V1), ask(other, order("2", version(1)))) == (Grant(), Grant())
            with pytest.raises(ValueError, match="two wants"):
                ledger.turn([Settlement(V1, "accepted")], [Want(V2), Want(V2)])
            other.turn([Settlement(order("2", version(1)), "accepted")], [])
            assert ask(ledger, order("2", version(1))) == Done("duplicate")
            ledger.turn([Settlement(V1, "accepted")], [])
            assert ask(other, V1) == Done("duplicate")

    def test_a_head_written_after_the_last_one_was_pruned_is_found_by_others(self, path: Path) -> None:
        with opened(path) as ledger, opened(path, fresh=0) as other:
            for owner, key in ((ledger, "1"), (other, "2"), (other, "3")):
                event = order(key, version(1, 1))
                assert ask(owner, event) == Grant()
                owner.turn([Settlement(event, "accepted")], [])
            assert other.prune(10) == 3
            with closing(sqlite3.connect(path)) as database:
                assert database.execute("SELECT count(*) FROM spreads").fetchone() == (0,)
            newer = order("4", version(20, 20))
            assert ask(other, newer) == Grant()
            other.turn([Settlement(newer, "accepted")], [])
            assert ask(ledger, newer) == Done("duplicate")
            assert (ledger.sizes().heads, ledger.prune(10)) == (1, 0)

    @pytest.mark.parametrize("fresh", [0, 1, 100])
    def test_two_keys_that_are_found_by_one_number_are_two_entities(self, path: Path, fresh: int) -> None:
        numbers: dict[int, str] = {}
        keys = (f"{key}-{key * key}-ua" for key in itertools.count())
        two = next((numbers[at], key) for key in keys if numbers.setdefault(at := spread(key, 2), key) != key)
        with opened(path, fresh=fresh) as ledger:
            first, second = (order(key, version(1)) for key in two)
            assert ask(ledger, first) == Grant()
            ledger.turn([Settlement(first, "accepted")], [])
            assert ask(ledger, second) == Grant()
            ledger.turn([Settlement(second, "accepted", live=False)], [])
            newer = [order(key, version(2)) for key in two]
            assert ledger.turn([], [Want(event) for event in newer]) == [Grant(known=True), Grant()]
            ledger.turn([Settlement(event, "accepted") for event in newer], [])
            assert ledger.turn([], [Want(first), Want(second)]) == [Done("superseded")] * 2

    def test_what_is_new_goes_into_a_large_file_in_little_memory(self, path: Path) -> None:
        SqliteLedger(path, "yespo").close()
        random_heads = (
            "INSERT INTO heads (spread, destination, entity, key, live, head) "
            "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {}) "
            "SELECT random() >> 1, 1, 0, n, 0, x'' FROM n"
        )
        with closing(sqlite3.connect(path)) as db:
            db.execute(random_heads.format(400_000))
            db.execute("INSERT INTO spreads SELECT spread, number FROM heads ORDER BY spread, number")
            db.execute("UPDATE meta SET value = (SELECT max(number) FROM heads) WHERE name = 'merged'")
            db.execute(random_heads.format(20_000))
            db.commit()
        with run(MERGE, path) as merging:
            kilobytes, _ = merging.communicate()
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT count(*) FROM spreads").fetchone() == (420_000,)
        assert int(kilobytes) < 3_000


class TestOutages:
    def test_a_locked_file_is_an_outage_that_passes(self, path: Path) -> None:
        with opened(path, wait=0.05) as ledger:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerDown, match="locked"):
                ask(ledger, V1)
            other.execute("ROLLBACK")
            other.close()
            assert ask(ledger, V1) == Grant()

    def test_a_full_disk_is_an_outage_that_leaves_nothing_half_done(self, path: Path) -> None:
        script = """
import resource
from connector.errors import LedgerDown
ledger = SqliteLedger(path, "yespo")
first = [order(f"n{number}", version(1, 1)) for number in range(50)]
ledger.turn([], [Want(event) for event in first])
many = [order(f"m{number:09}" * 20, version(2, 2, topic="new")) for number in range(2000)]
turn = [Settlement(event, "accepted") for event in first], [Want(event) for event in many]
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
largest = max(file.stat().st_size for file in path.parent.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 8192, limits[1]))
for _ in range(2):
    try:
        ledger.turn(*turn)
    except LedgerDown as error:
        print("down", flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print(all(isinstance(verdict, Grant) for verdict in ledger.turn(*turn)))
print(ledger.turn([], [Want(event) for event in first]) == [Done("duplicate")] * 50)
print(ledger.stale_sends)
"""
        with run(script, path) as child:
            out, _ = child.communicate(timeout=240)
        assert out.split() == ["down", "down", "True", "True", "0"]

    def test_a_settle_that_finds_its_claim_taken_clears_the_digest_and_is_counted(self, path: Path) -> None:
        with opened(path) as ledger:
            first, second = (order("1", version(lsn), "same") for lsn in (1, 2))
            ask(ledger, first)
            for lock in path.parent.glob("*-owner-*"):
                lock.unlink()  # an operator's mistake: now the owner passes for dead
            with opened(path) as other:
                assert ask(other, first) == Grant(doubtful=True)
                other.turn([Settlement(first, "accepted")], [])
                assert ask(other, order("1", version(2), "new")) == Grant(known=True)
                ledger.turn([Settlement(first, "accepted")], [])
                assert ledger.stale_sends == 1
                other.turn([Settlement(order("1", version(2), "new"), "released")], [])
            assert ask(ledger, second) == Grant(known=True)

    def test_a_failed_turn_changes_nothing(self, path: Path) -> None:
        with opened(path) as ledger:
            assert ask(ledger, V1) == Grant()
            bad = order("2", version(2**80))
            with pytest.raises(OverflowError):
                ledger.turn([Settlement(V1, "accepted")], [Want(bad)])
            assert ask(ledger, V2) == Busy()
            ledger.turn([Settlement(V1, "accepted")], [])
            assert ask(ledger, V2) == Grant(known=True)


class TestFile:
    def test_no_personal_data_is_in_the_file(self, path: Path) -> None:
        with opened(path) as ledger:
            secret = ("email:ivan@shop.example", "phone:380501234567")
            row = 'shop/contacts/{"email":"ivan@shop.example"}'
            events = [contact(secret[0], version(1), row="r/1"), contact("C1", version(1), row=row)]
            ledger.turn([], [Want(event) for event in events])
            ledger.turn([Settlement(event, "accepted", aliases=secret) for event in events], [])
            done = order("1", version(1), row="r/2")
            assert ledger.turn([], [Want(done, Requirement(secret[0], secret[0]))]) == [Grant()]
            ledger.turn([Settlement(done, "accepted", contact_key=secret[0], client=secret[0])], [])
            assert ledger.keys_of([row]) == ["C1"]
            written = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert b"ivan" not in written
        assert b"380501234567" not in written

    def test_the_hashes_differ_from_ledger_to_ledger(self, tmp_path: Path) -> None:
        seen = set()
        for name in "ab":
            with opened(tmp_path / name) as ledger:
                event = contact("email:a", version(1))
                ledger.turn([], [Want(event)])
                ledger.turn([Settlement(event, "accepted")], [])
            database = sqlite3.connect(tmp_path / name)
            seen.add(database.execute("SELECT key FROM heads").fetchone()[0])
            database.close()
        assert len(seen) == 2

    def test_a_turn_that_changes_nothing_writes_nothing(self, path: Path) -> None:
        with opened(path) as ledger:
            ask(ledger, V2)
            ledger.turn([Settlement(V2, "accepted")], [])
            log = path.with_name("ledger.db-wal")
            before = log.read_bytes()
            assert ledger.turn([], []) == []
            assert ledger.turn([], [Want(V1)]) == [Done("superseded")]
            assert ledger.turn([], [Want(order("2", version(1)), Requirement("C1", "email:a"))])
            assert log.read_bytes() == before

    def test_it_may_be_opened_in_one_thread_and_used_in_another(self, path: Path) -> None:
        with opened(path) as ledger:
            found: list[Verdict] = []
            thread = threading.Thread(target=lambda: found.append(ask(ledger, V1)))
            thread.start()
            thread.join()
            assert found == [Grant()]

    def test_a_file_that_is_no_ledger_is_refused_in_one_line(self, path: Path) -> None:
        path.write_bytes(os.urandom(8192))
        with pytest.raises(
            Fatal, match=r"ledger\.db: not a ledger, or damaged; restore its backup"
        ) as caught:
            SqliteLedger(path, "yespo")
        assert "\n" not in str(caught.value)

    def test_a_database_of_another_program_is_left_alone(self, path: Path) -> None:
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE theirs (x)")
        database.close()
        before = path.read_bytes()
        with pytest.raises(Fatal, match="another program; name another file"):
            SqliteLedger(path, "yespo")
        assert path.read_bytes() == before

    def test_an_older_ledger_is_brought_up_to_date_and_keeps_what_it_knows(self, path: Path) -> None:
        with opened(path) as ledger:
            ledger.turn([], [Want(V1), Want(order("claimed", version(1)))])
            ledger.turn([Settlement(V1, "accepted")], [])
            identity = ledger.identity
        database = sqlite3.connect(path)
        row = 'shop/orders/{"email":"a"}'
        database.execute("INSERT INTO rows VALUES (1, ?, 0, '1')", (row,))
        database.commit()
        database.executescript(
            "DROP TABLE spreads; DELETE FROM meta WHERE name = 'merged';"
            "CREATE INDEX heads_by_spread ON heads (spread);"
            "DROP TABLE products; DROP TABLE clients; DROP TABLE discards; DROP TABLE days;"
            "DROP TABLE history;"
            "ALTER TABLE destinations DROP COLUMN horizon_ms;"
            "ALTER TABLE destinations DROP COLUMN heads; ALTER TABLE destinations DROP COLUMN history;"
            "PRAGMA user_version = 1"
        )
        database.close()
        assert migrate(path, 5.0) == (1, len(STEPS))
        assert migrate(path, 5.0) == (len(STEPS), len(STEPS))
        with opened(path) as ledger:
            assert ledger.identity == identity
            assert ask(ledger, V1) == Done("duplicate")
            assert ask(ledger, order("claimed", version(1))) == Grant(doubtful=True)
            assert (ledger.sizes().heads, ledger.sizes().history) == (1, 0)
            assert ledger.keys_of([row]) == ["1"]
            moved = order("2", version(1), row=row)
            ledger.turn([], [Want(moved)])
            ledger.turn([Settlement(moved, "accepted")], [])
            assert ledger.keys_of([row]) == ["2"]
        with closing(sqlite3.connect(path)) as database:
            assert [row for (row,) in database.execute("SELECT row FROM rows") if "email" in row] == []

    def test_a_file_of_another_program_is_not_migrated(self, path: Path) -> None:
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE theirs (x)")
        database.close()
        with pytest.raises(Fatal, match="another program; name another file"):
            migrate(path, 5.0)

    def test_a_newer_ledger_is_refused_with_a_remedy(self, path: Path) -> None:
        with opened(path):
            pass
        database = sqlite3.connect(path)
        database.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        database.close()
        with pytest.raises(Fatal, match=r"written by a newer crm-connector .* install that one"):
            SqliteLedger(path, "yespo")

    def test_a_ledger_damaged_under_way_is_fatal(self, path: Path) -> None:
        with opened(path) as ledger:
            events = [order(f"n{number}" * 30, version(1)) for number in range(2000)]
            ledger.turn([], [Want(event) for event in events])
        raw = bytearray(path.read_bytes())
        for start in range(4096, len(raw), 4096):
            raw[start : start + 100] = b"\xff" * 100
        path.write_bytes(raw)
        with pytest.raises(Fatal, match="damaged"), opened(path) as ledger:
            ledger.turn([], [Want(event) for event in events])

    def test_a_damaged_row_is_fatal(self, path: Path) -> None:
        with opened(path) as ledger:
            ask(ledger, V1)
            ledger.turn([Settlement(V1, "accepted")], [])
            database = sqlite3.connect(path)
            with database:
                database.execute("UPDATE heads SET head = x'c1'")
            database.close()
            with pytest.raises(Fatal, match="damaged"):
                ask(ledger, V2)

    def test_a_missing_directory_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(Fatal, match="its directory does not exist; create it"):
            SqliteLedger(tmp_path / "nowhere" / "ledger.db", "yespo")


def blocks(path: Path) -> int:
    database = sqlite3.connect(path)
    try:
        return int(database.execute("SELECT count(*) FROM history").fetchone()[0])
    finally:
        database.close()


def sent(ledger: SqliteLedger, *events: Event) -> None:
    ledger.turn([], [Want(event) for event in events])
    ledger.turn([Settlement(event, "accepted") for event in events], [])


class TestHistory:
    def test_a_turns_history_is_one_block_and_goes_after_its_time_by_itself(self, path: Path) -> None:
        now = [1_700_000_000.0]
        ledger = SqliteLedger(path, "yespo", now=lambda: now[0], retention_days=7)
        other = SqliteLedger(path, "metrica", now=lambda: now[0], retention_days=7)
        try:
            for day in range(10):
                now[0] += 86_400
                sent(ledger, *(order(f"{day}-{number}", version(1)) for number in range(100)))
                sent(other, order("1", version(day + 1)))
            assert blocks(path) == 20
            ledger.upkeep()
            assert blocks(path) == 16
            assert ledger.sizes().history == 800 + 8
            assert [ledger.history("order", f"{day}-7") != [] for day in range(10)] == [False] * 2 + [
                True
            ] * 8
            assert len(other.history("order", "1")) == 8
            ledger.upkeep()
            assert blocks(path) == 16
        finally:
            ledger.close()
            other.close()

    def test_a_long_history_goes_in_small_parts(self, path: Path) -> None:
        now = [1_700_000_000.0]
        ledger = SqliteLedger(path, "yespo", now=lambda: now[0], retention_days=1)
        try:
            for number in range(600):
                sent(ledger, order(str(number), version(1)))
            now[0] += 86_401
            left = []
            for _ in range(3):
                ledger.upkeep()
                left.append(blocks(path))
            assert left == [344, 88, 0]
            assert ledger.sizes() == Sizes(600, 0, 0, ledger.sizes().bytes)
        finally:
            ledger.close()

    def test_without_retention_there_is_none(self, path: Path) -> None:
        with opened(path, retention_days=0) as ledger:
            sent(ledger, V1)
            ledger.upkeep()
            assert (blocks(path), ledger.history("order", "1")) == (0, [])

    def test_random_keys_are_kept_as_they_are_and_others_compressed(self, path: Path) -> None:
        random = [order(os.urandom(16).hex(), version(1)) for _ in range(500)]
        regular = [order(f"ORD-{number:09}", version(1)) for number in range(500)]
        with opened(path) as ledger:
            for _ in range(2):
                sent(ledger, *random)
                random = [order(event.key, version(2)) for event in random]
            sent(ledger, *regular)
            assert len(ledger.history("order", random[77].key)) == 2
            assert len(ledger.history("order", regular[77].key)) == 1

    def test_a_turn_that_failed_leaves_nothing_of_it(self, path: Path) -> None:
        with opened(path) as ledger:
            ask(ledger, V1)
            with pytest.raises(ValueError, match="two wants"):
                ledger.turn([Settlement(V1, "accepted")], [Want(V2), Want(V2)])
            assert (ledger.history("order", "1"), ledger.sizes().heads) == ([], 0)
            ledger.turn([Settlement(V1, "accepted")], [])
            assert (len(ledger.history("order", "1")), ledger.sizes().heads) == (1, 1)


LOCATORS = ["email:a", "email:b", "phone:1"]
numbers = st.none() | st.integers(0, 4)
shapes = st.builds(
    version, numbers, numbers, clock=st.sampled_from(["shop"] * 5 + ["new"]), partition=st.integers(0, 1),
    offset=st.integers(0, 5), timestamp=st.integers(0, 3), snapshot=st.booleans(),
)  # fmt: skip
contents = st.sampled_from(["", "", "a", "b"])
rows = st.sampled_from([None, "r/1", "r/2"])
bodies = st.sampled_from([Contact(), Contact(email="x", phone="y"), Contact(email=None)])
orders = st.builds(order, st.sampled_from("123"), shapes, contents, core=contents, row=rows)
contacts = st.builds(
    contact, st.sampled_from(["C1", "C2", "email:a"]), shapes | st.none(), contents,
    body=bodies, deleted=st.sampled_from([False, False, True]), row=rows,
).filter(lambda event: event.version is not None or event.kind == "contact_upserted")  # fmt: skip
requirements = st.none() | st.builds(
    Requirement, st.sampled_from(["C1", "C2", "email:a"]), st.none() | st.sampled_from(LOCATORS)
)
facts = st.builds(fact, st.sampled_from("fg"), st.sampled_from([-1, 5_000]))
pasts = st.sampled_from([None, None, 0, 60, 120])
addresses = st.lists(st.sampled_from(LOCATORS), unique=True).map(tuple)
wants = st.lists(
    st.builds(Want, orders, requirements, pasts) | st.builds(Want, contacts, aliases=addresses)
    | st.builds(Want, contacts, aliases=addresses, beside=addresses)
    | st.builds(Want, facts, requirements, pasts), max_size=4,
    unique_by=lambda want: (want.event.entity, want.event.key),
)  # fmt: skip

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of a wall
spans = st.builds(
    lambda since, until: Span(EPOCH + timedelta(minutes=since), EPOCH + timedelta(minutes=until), UTC),
    st.integers(0, 2), st.integers(0, 2),
)  # fmt: skip
EPOCHS = (Epoch(2, "new", 3), Epoch(1, "shop", 2))


@given(event=orders | contacts | facts, epochs=st.sampled_from([(), EPOCHS]), past=pasts)
def test_the_short_way_to_a_first_head_gives_the_same_bytes(
    event: Event, epochs: Epochs, past: int | None
) -> None:
    past = None if event.entity == "contact" else past
    head = replace(advance(None, event, epochs), past=past)
    assert pack_first(event, lambda _: 7, epochs, past) == pack_head(head, lambda _: 7)


def test_a_claim_of_an_earlier_version_takes_no_address_away() -> None:
    """Its row ends before that field; what it moves is not known, and nobody waits for it."""
    claimed = Head(aliases=(b"e",), leaving=(b"e",), past=1)
    row = msgspec.msgpack.decode(pack_head(claimed, lambda _: 7))
    older = unpack_head(msgspec.msgpack.encode(row[:-1]), lambda _: ("", "", 0))
    assert older == replace(claimed, leaving=())
    assert change_of([older], b"e", living=False) is None
    assert change_of([claimed], b"e", living=False) is not None


class SameAsTheFake(RuleBasedStateMachine):
    """Two owners, who crash, on SQLite and on the fake: whatever they are asked, they answer alike."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self._path = Path(self._directory.name) / "ledger.db"
        first = FakeLedger()
        self._owners = [
            (SqliteLedger(self._path, "yespo", fresh=0), first),
            (SqliteLedger(self._path, "yespo", fresh=1), FakeLedger(first.store)),
        ]
        self._granted: list[Event] = []

    @rule(owner=st.integers(0, 1), wanted=wants, data=st.data())
    def turn(self, owner: int, wanted: list[Want], data: st.DataObject) -> None:
        settled = data.draw(st.lists(self._settlements(), max_size=3))
        real, fake = self._owners[owner]
        verdicts = real.turn(settled, wanted)
        assert verdicts == fake.turn(settled, wanted)
        for want, verdict in zip(wanted, verdicts, strict=True):
            if isinstance(verdict, Grant):
                self._granted.append(want.event)

    def _settlements(self) -> st.SearchStrategy[Settlement]:
        events = st.sampled_from(self._granted[-6:]) if self._granted else orders
        return st.builds(
            Settlement, events, st.sampled_from(["accepted", "accepted", "released"]),
            certain=st.sampled_from([True, True, False]), live=st.booleans(),
            aliases=addresses,
            contact_key=st.sampled_from([None, "C1", "email:a"]), remote_id=st.none() | st.just("77"),
            client=st.sampled_from([None, "C1", "email:a"]),
        )  # fmt: skip

    @rule(owner=st.integers(0, 1), fresh=st.integers(0, 3))
    def crash(self, owner: int, fresh: int) -> None:
        real, fake = self._owners[owner]
        real.close()
        self._owners[owner] = (SqliteLedger(self._path, "yespo", fresh=fresh), fake.crash())

    @rule(owner=st.integers(0, 1), want=wants.filter(len), data=st.data())
    def failed_turn(self, owner: int, want: list[Want], data: st.DataObject) -> None:
        settled = data.draw(st.lists(self._settlements(), max_size=3))
        with pytest.raises(ValueError, match="two wants"):
            self._owners[owner][0].turn(settled, [want[0], want[0]])

    @rule(owner=st.integers(0, 1), before=st.integers(0, 4))
    def prune(self, owner: int, before: int) -> None:
        real, fake = self._owners[owner]
        assert real.prune(before) == fake.prune(before)

    @rule(owner=st.integers(0, 1), span=spans)
    def remove(self, owner: int, span: Span) -> None:
        real, fake = self._owners[owner]
        seen, expected = real.removable(span), fake.removable(span)
        assert replace(seen, marks=frozenset()) == replace(expected, marks=frozenset())
        assert real.remove(span, seen) == fake.remove(span, expected)

    @rule(clock=st.sampled_from(["shop", "new"]), since=st.integers(0, 4), owner=st.integers(0, 1))
    def accept_clock(self, clock: str, since: int, owner: int) -> None:
        for ledger in self._owners[owner]:
            ledger.accept_clock(clock, since, "said so")

    def teardown(self) -> None:
        try:
            for real, fake in self._owners:
                assert real.keys_of(["r/1", "r/2"]) == fake.keys_of(["r/1", "r/2"])
                assert real.stale_sends == fake.stale_sends
                for client in ("C1", "email:a"):
                    assert real.look("contact", client).orders == fake.look("contact", client).orders
        finally:
            for real, _ in self._owners:
                real.close()
            self._directory.cleanup()


TestSameAsTheFake = SameAsTheFake.TestCase
TestSameAsTheFake.settings = settings(max_examples=40, stateful_step_count=15)
