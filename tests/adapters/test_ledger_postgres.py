"""What is PostgreSQL's own: replicas, leases, crashes of the server, migrations, and the fake's answers."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from msgspec.structs import replace

from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_postgres_keys import indexed, read, written
from connector.adapters.ledger_postgres_link import Link
from connector.adapters.ledger_postgres_schema import STEPS, migrate
from connector.core.assignment import Answer
from connector.core.claims import Busy, Done, Grant, Settlement, Verdict, Want
from connector.core.events import Contact, Event, Requirement
from connector.core.model import Version
from connector.core.removal import Removed, Span
from connector.errors import Fatal, LedgerDown
from tests.adapters.test_ledger_sqlite import LOCATORS, orders, spans, wants
from tests.fakes.ledger import FakeLedger
from tests.support.changes import contact, order, version
from tests.support.postgres import Database, LocalPostgres, silence
from tests.support.postgres_plugin import with_tables
from tests.support.waiting import wait_for

pytestmark = pytest.mark.postgres

LEASE = 4.0
"""Seconds: a machine that stands still for less buries nobody."""
V1, V2 = (order("1", version(lsn, lsn)) for lsn in (1, 2))


@contextmanager
def opened(database: Database, **options: float) -> Iterator[PostgresLedger]:
    ledger = PostgresLedger(lambda: database.url, "yespo", **options)  # type: ignore[arg-type]
    try:
        yield ledger
    finally:
        ledger.close()


@pytest.fixture
def ledger(migrated: Database) -> Iterator[PostgresLedger]:
    with opened(migrated) as made:
        yield made


def ask(ledger: PostgresLedger, event: Event) -> Verdict:
    return ledger.turn([], [Want(event)])[0]


def accept(ledger: PostgresLedger, *events: Event, aliases: tuple[str, ...] = ()) -> None:
    ledger.turn([], list(map(Want, events)))
    ledger.turn([Settlement(event, "accepted", aliases=aliases) for event in events], [])


class TestReplicas:
    def test_many_hammer_the_same_keys_and_each_version_is_granted_once(self, migrated: Database) -> None:
        rounds = [[order(f"n{n}", version(lsn, lsn)) for n in range(60)] for lsn in (1, 2, 3, 4)]
        granted: list[tuple[str, Version | None]] = []
        failures: list[BaseException] = []
        together = threading.Barrier(4)

        def play(ledger: PostgresLedger, left: list[Event]) -> None:
            while left:
                verdicts = ledger.turn([], list(map(Want, left)))
                pairs = list(zip(left, verdicts, strict=True))
                mine = [event for event, verdict in pairs if isinstance(verdict, Grant)]
                granted.extend((event.key, event.version) for event in mine)
                for start in range(0, len(mine), 7):
                    settled = [
                        Settlement(event, "accepted", client=f"C{len(event.key)}{event.key[-1]}")
                        for event in mine[start : start + 7]
                    ]
                    ledger.turn(settled, [])
                left = [event for event, verdict in pairs if verdict != Done("duplicate")]

        def hammer(seed: int) -> None:
            try:
                with opened(migrated) as ledger:
                    for events in rounds:
                        together.wait(120)
                        play(ledger, events if seed % 2 else events[::-1])
                    assert ledger.stale_sends == 0
            except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                together.abort()
                failures.append(error)

        threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        wanted = [(event.key, event.version) for events in rounds for event in events]
        assert sorted(map(repr, granted)) == sorted(map(repr, wanted))
        assert migrated.psql("SELECT sum(orders) FROM crm_connector.clients") == [(len(wanted),)]

    def test_contacts_that_trade_aliases_and_orders_that_need_them_never_wait_for_each_other(
        self, migrated: Database
    ) -> None:
        failures: list[BaseException] = []

        def trade(seed: int) -> None:
            try:
                with opened(migrated) as ledger:
                    settled: list[Settlement] = []
                    for number in range(1, 25):
                        at = version(2 * number + seed, 1)
                        moved = Contact(email="another")
                        events = [
                            contact(f"C{n}", at, body=moved, row=f"r/{(n + seed) % 5}") for n in range(5)
                        ]
                        wanted = [order(f"o{seed}{number}", at), *(events if seed else events[::-1])]
                        needs = Requirement("C1", "email:1")
                        verdicts = ledger.turn(settled, [Want(wanted[0], needs), *map(Want, wanted[1:])])
                        settled = [
                            Settlement(
                                event, "accepted",
                                aliases=(f"email:{(n + number) % 5}",) if event.entity == "contact" else (),
                            )
                            for n, (event, verdict) in enumerate(zip(wanted, verdicts, strict=True))
                            if isinstance(verdict, Grant)
                        ]  # fmt: skip
                    ledger.turn(settled, [])
            except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                failures.append(error)

        threads = [threading.Thread(target=trade, args=(seed,)) for seed in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []

    def test_what_another_locks_now_is_busy_and_waits_for_nobody(
        self, migrated: Database, ledger: PostgresLedger
    ) -> None:
        accept(ledger, V1)
        with psycopg.connect(migrated.url) as other:
            other.execute("SELECT FROM crm_connector.heads FOR UPDATE")
            assert ledger.turn([], [Want(V2), Want(order("2", version(1)))]) == [Busy(), Grant()]
        assert ask(ledger, V2) == Grant(known=True)

    def test_what_another_locks_while_past_events_are_marked_is_left_to_it_and_counted(
        self, migrated: Database, ledger: PostgresLedger
    ) -> None:
        ledger.turn([], [Want(V1, past=0)])
        ledger.turn([Settlement(V1, "accepted", live=False)], [])
        day = Span(datetime(1970, 1, 1), datetime(1970, 1, 2), UTC)  # noqa: DTZ001 - of a wall
        seen = ledger.removable(day)
        with psycopg.connect(migrated.url) as other:
            other.execute("SELECT FROM crm_connector.heads FOR UPDATE")
            assert ledger.remove(day, seen) == Removed(0, 0, 1)
        assert ledger.remove(day, seen) == Removed(1, 0, 0)

    def test_duplicates_write_nothing(self, migrated: Database, ledger: PostgresLedger) -> None:
        accept(ledger, V2)
        before = migrated.psql("SELECT xmin::text, xmax::text, ctid::text FROM crm_connector.heads")
        assert ledger.turn([], [Want(V2)]) == [Done("duplicate")]
        assert ledger.turn([], [Want(V1)]) == [Done("superseded")]
        after = migrated.psql("SELECT xmin::text, xmax::text, ctid::text FROM crm_connector.heads")
        assert after == before


class TestLease:
    def test_a_late_settle_of_a_lost_claim_is_told_by_the_history(self, migrated: Database) -> None:
        first, second = (order("1", version(lsn), "same") for lsn in (1, 2))
        with opened(migrated, lease=LEASE) as late, opened(migrated, lease=LEASE) as heir:
            assert ask(late, first) == Grant()
            silence(late)
            wait_for(lambda: ask(heir, first) == Grant(doubtful=True))
            heir.turn([Settlement(first, "accepted")], [])
            assert ask(heir, second) == Done("unchanged")
            late.turn([Settlement(first, "accepted")], [])
            outcomes = migrated.psql("SELECT outcome FROM crm_connector.history ORDER BY at")
            assert outcomes == [("accepted",), ("stale",)]

    def test_the_clocks_of_the_replicas_play_no_part(
        self, migrated: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with opened(migrated, lease=30) as ledger:
            assert ask(ledger, V1) == Grant()
            with monkeypatch.context() as skewed:
                skewed.setattr(time, "time", lambda: 4e9)
                with opened(migrated, lease=30) as ahead:
                    assert ask(ahead, V1) == Busy()
            ledger.turn([Settlement(V1, "accepted")], [])
            assert ledger.stale_sends == 0

    def test_a_restart_of_the_server_buries_nobody(self, own_postgres: LocalPostgres) -> None:
        database = with_tables(Database(own_postgres.url))
        with opened(database, lease=LEASE) as one, opened(database, lease=LEASE) as other:
            assert ask(one, V1) == Grant()
            own_postgres.stop()
            time.sleep(LEASE + 0.5)
            own_postgres.start()
            wait_for(lambda: answers(other, V1))
            assert ask(other, V1) == Busy()
            wait_for(lambda: one.lease_left() > 0)
            one.turn([Settlement(V1, "accepted")], [])
            assert one.stale_sends == 0


def ledger_verdicts(ledger: PostgresLedger, *events: Event) -> list[Verdict]:
    return ledger.turn([], list(map(Want, events)))


def answers(ledger: PostgresLedger, event: Event) -> bool:
    try:
        ask(ledger, event)
    except LedgerDown:
        return False
    return True


def patiently(ledger: PostgresLedger, settled: list[Settlement], wanted: list[Want]) -> list[Verdict]:
    """Until the server has noticed that a broken connection's turn is over."""
    verdicts: list[Verdict] = []

    def answered() -> bool:
        try:
            verdicts[:] = ledger.turn(settled, wanted)
        except LedgerDown:
            return False
        return True

    wait_for(answered)
    return verdicts


class TestOutages:
    def test_a_crash_of_the_server_is_an_outage_and_the_next_turn_works_once_it_is_back(
        self, own_postgres: LocalPostgres
    ) -> None:
        database = with_tables(Database(own_postgres.url))
        with opened(database, wait=4) as ledger:
            accept(ledger, V1)
            assert ask(ledger, V2) == Grant(known=True)
            own_postgres.stop()
            started = time.monotonic()
            with pytest.raises(LedgerDown, match=r"^ledger 127\.0\.0\.1:\d+/test_.*; see that") as caught:
                ledger.turn([Settlement(V2, "accepted")], [])
            assert time.monotonic() - started < 30
            assert "secret" not in str(caught.value)
            assert "\n" not in str(caught.value)
            own_postgres.start()
            ledger.turn([Settlement(V2, "accepted")], [])
            assert ledger_verdicts(ledger, V1, order("3", version(1))) == [Done("superseded"), Grant()]
            assert ledger.stale_sends == 0

    def test_killed_under_way_again_and_again_nothing_is_lost_or_granted_twice(
        self, own_postgres: LocalPostgres
    ) -> None:
        database = with_tables(Database(own_postgres.url))
        stop = threading.Event()

        def crash() -> None:
            for _ in range(3):
                time.sleep(0.5)
                own_postgres.stop()
                time.sleep(2.5)
                own_postgres.start()
            stop.set()

        with opened(database, wait=1.5) as ledger:
            crasher = threading.Thread(target=crash)
            crasher.start()
            number, outages = 0, 0
            settled: list[Settlement] = []
            accepted: list[Event] = []
            batch: list[Event] = []
            while not stop.is_set() or settled:
                batch = batch or [order(f"n{number}.{n}", version(1, 1)) for n in range(20)]
                try:
                    verdicts = ledger.turn(settled, list(map(Want, batch)))
                except LedgerDown:
                    outages += 1
                    continue
                accepted += [one.event for one in settled]
                assert verdicts == [Grant()] * 20
                settled = [] if stop.is_set() else [Settlement(event, "accepted") for event in batch]
                number, batch = number + 1, []
            crasher.join()
            assert outages > 0
            assert set(map(repr, ledger_verdicts(ledger, *accepted))) == {repr(Done("duplicate"))}
            assert ledger.stale_sends == 0

    def test_a_commit_that_was_not_answered_is_found_out(self, migrated: Database) -> None:
        """The connection breaks before the answer: settled is settled, and what is granted was not sent."""
        for breaks_after in (True, False):
            events = [order(f"{breaks_after}{n}", version(1)) for n in range(3)]
            with opened(migrated) as ledger:
                assert ask(ledger, events[0]) == Grant()
                settled = [Settlement(events[0], "accepted")]
                with breaking(ledger, after=breaks_after), pytest.raises(LedgerDown):
                    ledger.turn(settled, [Want(events[1])])
                verdicts = patiently(ledger, settled, [Want(events[1]), Want(events[2])])
                assert verdicts == [Grant(), Grant()]
                assert ledger.stale_sends == 0
                assert ask(ledger, events[0]) == Done("duplicate")

    def test_a_settle_that_a_fail_over_has_lost_leaves_a_doubt_and_no_key_busy_for_ever(
        self, migrated: Database, ledger: PostgresLedger
    ) -> None:
        assert ask(ledger, V1) == Grant()
        migrated.psql("CREATE TABLE standby AS SELECT * FROM crm_connector.heads")
        ledger.turn([Settlement(V1, "accepted")], [])
        migrated.psql("DELETE FROM crm_connector.heads")
        migrated.psql("INSERT INTO crm_connector.heads SELECT * FROM standby")
        assert ask(ledger, V1) == Grant(doubtful=True)
        assert ask(ledger, V2) == Busy()
        ledger.turn([Settlement(V1, "accepted")], [])
        assert (ask(ledger, V2), ledger.stale_sends) == (Grant(known=True), 0)

    def test_a_frozen_server_is_an_outage_in_bounded_time(self, own_postgres: LocalPostgres) -> None:
        database = with_tables(Database(own_postgres.url))
        with opened(database, wait=4) as ledger:
            assert ask(ledger, V1) == Grant()
            own_postgres.freeze()
            try:
                started = time.monotonic()
                with pytest.raises(LedgerDown):
                    ask(ledger, V2)
                assert time.monotonic() - started < 30
            finally:
                own_postgres.thaw()
            wait_for(lambda: answers(ledger, V2))

    def test_a_slow_statement_is_an_outage_that_leaves_nothing_half_done(self, migrated: Database) -> None:
        with opened(migrated, wait=3) as ledger:
            assert ask(ledger, V1) == Grant()
            with psycopg.connect(migrated.url) as other:
                other.execute("LOCK TABLE crm_connector.heads")
                with pytest.raises(LedgerDown, match="timeout"):
                    ledger.turn([Settlement(V1, "accepted")], [Want(order("2", version(1)))])
            assert ledger.turn([Settlement(V1, "accepted")], [Want(order("2", version(1)))]) == [Grant()]
            assert ledger.stale_sends == 0

    def test_a_server_that_takes_no_writes_is_an_outage(self, database: Database) -> None:
        with opened(with_tables(database)) as ledger:
            name = database.url.rpartition("/")[2]
            database.psql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            database.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            with pytest.raises(LedgerDown, match="takes writes"):
                ask(ledger, V1)

    def test_a_wrong_password_is_an_outage_that_shows_none(self, migrated: Database) -> None:
        url = migrated.url.replace("kept%20secret", "wrong%20secret")
        ledger = PostgresLedger(lambda: url, "yespo", wait=2)
        try:
            with pytest.raises(LedgerDown, match="password authentication failed") as caught:
                ask(ledger, V1)
            assert "secret" not in str(caught.value)
        finally:
            ledger.close()

    def test_away_at_start_it_is_there_as_soon_as_the_server_is(self, own_postgres: LocalPostgres) -> None:
        database = with_tables(Database(own_postgres.url))
        own_postgres.stop()
        with opened(database, wait=4) as ledger:
            with pytest.raises(LedgerDown):
                _ = ledger.identity
            own_postgres.start()
            wait_for(lambda: answers(ledger, V1))
            assert ledger.identity


@contextmanager
def breaking(ledger: PostgresLedger, *, after: bool) -> Iterator[None]:
    """The next commit is not answered: it is done (`after`), or the connection breaks before."""
    store = ledger._store  # noqa: SLF001 - the moment between commit and answer has no door
    ordinary = store.connection_commit

    def commit() -> None:
        if after:
            ordinary()
        store.connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    store.connection_commit = commit  # type: ignore[method-assign]
    try:
        yield
    finally:
        store.connection_commit = ordinary  # type: ignore[method-assign]


class TestMigrations:
    def test_an_unmigrated_database_is_refused_with_the_command(self, database: Database) -> None:
        with pytest.raises(Fatal, match="has no tables yet; run crm-connector ledger migrate -c FILE"):
            PostgresLedger(lambda: database.url, "yespo")
        assert database.psql("SELECT FROM pg_namespace WHERE nspname = 'crm_connector'") == []

    def test_migrating_again_changes_nothing_and_many_at_once_make_one(self, database: Database) -> None:
        found: list[tuple[int, int]] = []

        def run() -> None:
            link = Link(lambda: database.url, 10)
            found.append(migrate(link))
            link.close()

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run()
        assert sorted(found) == [(0, len(STEPS)), *[(len(STEPS), len(STEPS))] * 3]
        assert len(database.psql("SELECT identity FROM crm_connector.ledger")) == 1

    @pytest.mark.parametrize(
        ("number", "remedy"),
        [(len(STEPS) + 1, "written by a newer .*; install that one"), (-1, "older .*; run crm-connector")],
    )
    def test_another_version_is_refused_with_the_remedy(
        self, database: Database, number: int, remedy: str
    ) -> None:
        with_tables(database).psql(f"UPDATE crm_connector.ledger SET version = {number}")  # noqa: S608 - ours
        with pytest.raises(Fatal, match=remedy):
            PostgresLedger(lambda: database.url, "yespo")

    def test_migrated_or_replaced_under_way_it_stops(self, database: Database) -> None:
        with_tables(database)
        for change, remedy in (
            ("UPDATE crm_connector.ledger SET version = version + 1", "migrated to another version"),
            (
                "UPDATE crm_connector.ledger SET identity = 'other'",
                "another ledger took its place",
            ),
        ):
            database.psql(f"UPDATE crm_connector.ledger SET version = {len(STEPS)}")  # noqa: S608 - ours
            with opened(database) as ledger:
                assert ledger.turn([], []) == []
                database.psql(change)
                with pytest.raises(Fatal, match=remedy):
                    ask(ledger, V1)

    def test_tables_that_go_under_way_are_fatal(self, database: Database) -> None:
        with opened(with_tables(database)) as ledger:
            database.psql("DROP SCHEMA crm_connector CASCADE")
            with pytest.raises(Fatal, match="run crm-connector ledger migrate"):
                ask(ledger, V1)


class TestUpkeep:
    def test_history_tells_what_was_accepted_and_goes_after_its_time(self, migrated: Database) -> None:
        with opened(migrated) as ledger:
            accept(ledger, V1, contact("C1", version(1)))
            accept(ledger, V2)
        found = migrated.psql(
            "SELECT key, attempts, via, outcome FROM crm_connector.history ORDER BY at, key"
        )
        assert found == [
            ("1", 1, "live", "accepted"), ("C1", 1, "contacts", "accepted"), ("1", 1, "live", "accepted"),
        ]  # fmt: skip
        migrated.psql("UPDATE crm_connector.history SET at = at - interval '8 days' WHERE key = 'C1'")
        with opened(migrated, retention_days=7, lease=0.3):
            wait_for(lambda: migrated.psql("SELECT count(*) FROM crm_connector.history") == [(2,)])

    def test_without_retention_there_is_no_history(self, migrated: Database) -> None:
        with opened(migrated, retention_days=0) as ledger:
            accept(ledger, V1)
        assert migrated.psql("SELECT FROM crm_connector.history") == []

    def test_sizes_are_seen_by_psql_too(self, migrated: Database) -> None:
        with opened(migrated) as ledger:
            accept(ledger, *(order(f"n{number}", version(1)) for number in range(100)))
            wait_for(lambda: ledger.sizes().heads >= 100)
            assert ledger.sizes().bytes > 8192
        ((rows, size),) = migrated.psql(
            "SELECT rows, bytes FROM crm_connector.sizes WHERE table_name = 'heads'"
        )
        assert int(str(rows)) >= 100  # an estimate: an analyze may count what is being reported as well
        assert int(str(size)) > 8192


class TestData:
    def test_no_personal_data_is_in_the_database(self, migrated: Database) -> None:
        secret = ("email:ivan@shop.example", "phone:380501234567")
        with opened(migrated) as ledger:
            row = 'shop/contacts/{"email":"ivan@shop.example"}'
            events = contact(secret[0], version(1), row="r/1"), contact("C1", version(2), row=row)
            accept(ledger, *events, aliases=secret)
            done = order("1", version(1), row="r/2")
            assert ledger.turn([], [Want(done, Requirement(secret[0], secret[0]))]) == [Grant()]
            ledger.turn([Settlement(done, "accepted", contact_key=secret[0], client=secret[0])], [])
            assert ledger.keys_of([row]) == ["C1"]
        tables = migrated.psql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'crm_connector'"
        )
        assert len(tables) == 16
        for (table,) in tables:
            text = repr(migrated.psql(f"SELECT t::text FROM crm_connector.{table} t"))  # noqa: S608 - ours
            for word in ("ivan", "380501234567", b"ivan".hex(), b"380501234567".hex()):
                assert word not in text

    def test_a_row_that_an_earlier_version_kept_in_clear_leads_on_and_goes_with_its_next_change(
        self, migrated: Database, ledger: PostgresLedger
    ) -> None:
        accept(ledger, V1)
        row = 'shop/orders/{"email":"a"}'
        kept = """SELECT number, 'shop/orders/{"email":"a"}', 0, '1' FROM crm_connector.destinations"""
        migrated.psql(f"INSERT INTO crm_connector.rows {kept}")
        assert ledger.keys_of([row]) == ["1"]
        accept(ledger, order("2", version(1), row=row), order("3", version(1), row='shop/orders/{"id":3}'))
        assert ledger.keys_of([row, 'shop/orders/{"id":3}']) == ["2", "3"]
        assert migrated.psql("SELECT count(*) FROM crm_connector.rows WHERE row_key ~ 'email'") == [(0,)]

    def test_a_damaged_row_is_fatal(self, migrated: Database) -> None:
        with opened(migrated) as ledger:
            accept(ledger, V1)
            migrated.psql(r"UPDATE crm_connector.heads SET head = '\xc1'")
            with pytest.raises(Fatal, match="damaged; restore its backup"):
                ask(ledger, V2)

    def test_a_failed_turn_changes_nothing(self, ledger: PostgresLedger) -> None:
        assert ask(ledger, V1) == Grant()
        with pytest.raises(OverflowError):
            ledger.turn([Settlement(V1, "accepted")], [Want(order("2", version(2**80)))])
        assert ask(ledger, V2) == Busy()
        ledger.turn([Settlement(V1, "accepted")], [])
        assert ask(ledger, V2) == Grant(known=True)

    def test_different_keys_are_written_differently(self) -> None:
        keys = ["", "\0", "\\0", "\\", "\\\\", "a" * 512, "a" * 513, "b" * 600, "\\h", indexed("a" * 513)]
        assert len({indexed(key) for key in keys}) == len(keys)
        assert [read(written(key)) for key in keys] == keys

    def test_a_key_of_random_text_of_any_length_is_indexed(self, ledger: PostgresLedger) -> None:
        events = [
            order("".join(str(uuid.uuid4()) for _ in range(n)), version(1), row="r" * 9000) for n in (1, 200)
        ]
        for event in events:
            accept(ledger, event)
        assert ledger_verdicts(ledger, *events) == [Done("duplicate")] * 2
        assert ledger.keys_of(["r" * 9000]) == [events[1].key]

    def test_an_answer_has_the_servers_time(self, ledger: PostgresLedger) -> None:
        ledger.answer(Answer("orders", 3, None, "seen", 0))
        (found,) = ledger.answers()
        assert abs(found.at - time.time()) < 60


class SameAsTheFake(RuleBasedStateMachine):
    """Two owners, who crash, on PostgreSQL and on the fake: whatever they are asked, they answer alike."""

    url: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self._destination = f"d{uuid.uuid4().hex}"
        first = FakeLedger()
        self._owners = [(self._open(), first), (self._open(), FakeLedger(first.store))]
        self._granted: list[Event] = []

    def _open(self) -> PostgresLedger:
        return PostgresLedger(type(self).url, self._destination)

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
            aliases=st.lists(st.sampled_from(LOCATORS), unique=True).map(tuple),
            contact_key=st.sampled_from([None, "C1", "email:a"]), remote_id=st.none() | st.just("77"),
            client=st.sampled_from([None, "C1", "email:a"]),
        )  # fmt: skip

    @rule(owner=st.integers(0, 1))
    def crash(self, owner: int) -> None:
        real, fake = self._owners[owner]
        real.close()
        self._owners[owner] = (self._open(), fake.crash())

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


# The pool spreads the ages of its connections by chance, in a thread of its own.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
def test_it_does_the_same_as_the_fake(migrated: Database) -> None:
    machine = type("OnThisDatabase", (SameAsTheFake,), {"url": lambda: migrated.url})
    run = settings(max_examples=25, stateful_step_count=12, deadline=None)
    run_state_machine_as_test(machine, settings=run)
