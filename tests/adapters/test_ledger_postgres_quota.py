"""A rate that replicas share through a real PostgreSQL: two clients with nothing else in common."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_postgres_quota import PostgresQuotas
from connector.core.quota import SPAN, VOID, Taken
from connector.courier.pace import SharedPace
from connector.errors import LedgerDown
from tests.support.postgres import Database, LocalPostgres
from tests.support.postgres_plugin import with_tables
from tests.support.waiting import wait_for

pytestmark = pytest.mark.postgres

RATE = 100.0


class SystemClock:
    """The Clock port; one for all processes of a machine."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class Replica:
    """Writes as fast as the shared rate lets it, on a thread, a loop and a ledger of its own.

    due: when it was let to write, as a machine that is not busy would have. took: seconds of each statement.
    """

    def __init__(self, url: str) -> None:
        self._ledger = PostgresLedger(lambda: url, "yespo")
        self._quotas = self._ledger.quotas(RATE)
        self.due: list[float] = []
        self.took: list[float] = []

    async def take(self, tokens: int, lead: float, *, refused: bool, answered: bool) -> Taken:
        asked = time.monotonic()
        taken = await self._quotas.take(tokens, lead, refused=refused, answered=answered)
        self.took.append(time.monotonic() - asked)
        return taken

    def run(self, seconds: float) -> None:
        asyncio.run(self._run(time.monotonic() + seconds))

    async def _run(self, until: float) -> None:
        pace = SharedPace(self, SystemClock(), lambda: 0.5, lambda _: None)
        await asyncio.gather(*(self._write(pace, until) for _ in range(8)))
        pace.close()

    async def _write(self, pace: SharedPace, until: float) -> None:
        while time.monotonic() < until:
            asked, wait = time.monotonic(), pace.reserve()
            if wait is None:
                await pace.fill()
                continue
            self.due.append(asked + wait)
            await asyncio.sleep(wait)

    def close(self) -> None:
        self._ledger.close()


@contextmanager
def opened(database: Database, rate: float = RATE, wait: float = 5.0) -> Iterator[PostgresQuotas]:
    ledger = PostgresLedger(lambda: database.url, "yespo", wait=wait)
    try:
        yield ledger.quotas(rate)
    finally:
        ledger.close()


def take(quotas: PostgresQuotas, tokens: int = 1) -> Taken:
    return asyncio.run(quotas.take(tokens, 0.0, refused=False, answered=False))


def test_two_clients_never_exceed_the_rate_together_by_more_than_the_burst(migrated: Database) -> None:
    """In any span of the run; and a chunk costs one statement, not a token."""
    replicas = [Replica(migrated.url) for _ in range(2)]
    threads = [threading.Thread(target=replica.run, args=(2.0,)) for replica in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for replica in replicas:
        replica.close()
    due = sorted(at for replica in replicas for at in replica.due)
    slow = max(VOID, *(took for replica in replicas for took in replica.took))
    burst = max(1.0, RATE * SPAN) + RATE * slow + 1
    for first, start in enumerate(due):
        for last in range(first, len(due)):
            assert last - first + 1 <= burst + RATE * (due[last] - start)
    assert all(replica.due for replica in replicas)
    assert sum(len(replica.took) for replica in replicas) < len(due)


def test_destinations_have_rates_of_their_own(migrated: Database) -> None:
    ledger = PostgresLedger(lambda: migrated.url, "metrica")
    with opened(migrated, 10.0) as yespo:
        take(yespo, 100)
        assert take(yespo).wait > 5
        assert asyncio.run(ledger.quotas(10.0).take(1, 0.0, refused=False, answered=False)).wait <= 0
    ledger.close()


def test_a_new_configured_rate_holds_at_once(migrated: Database) -> None:
    with opened(migrated, 100.0) as before, opened(migrated, 20.0) as after:
        assert take(before).rate == 100
        assert take(after).rate == 20


def test_a_clock_of_the_server_that_was_set_back_stops_nothing_for_long(migrated: Database) -> None:
    with opened(migrated) as quotas:
        take(quotas)
        migrated.psql("UPDATE crm_connector.quotas SET full_at = full_at + 86400, lowered = lowered + 86400")
        assert take(quotas).wait < 15


def test_a_crash_of_the_server_costs_a_full_bucket_and_an_outage_nothing(own_postgres: LocalPostgres) -> None:
    database = with_tables(Database(own_postgres.url))
    with opened(database, wait=4) as quotas:
        assert take(quotas).rate == RATE
        own_postgres.stop()
        with pytest.raises(LedgerDown):
            take(quotas)
        own_postgres.start()

        def answers() -> bool:
            try:
                return take(quotas).rate == RATE
            except LedgerDown:
                return False

        wait_for(answers)
