"""The pytest side of PostgreSQL: a server a worker, a database a test, and the closing lines."""

from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter

from connector.adapters.ledger_postgres_link import Link
from connector.adapters.ledger_postgres_schema import migrate
from tests.support.postgres import (
    NO_POSTGRES,
    REQUIRED,
    Database,
    LocalPostgres,
    NoPostgresError,
    given,
    is_required,
    without_postgres,
)

_EMPTY = "TRUNCATE " + ", ".join(
    f"crm_connector.{table}"
    for table in (
        "destinations",
        "sources",
        "owners",
        "heads",
        "aliases",
        "rows",
        "answers",
        "epochs",
        "history",
        "quotas",
        "days",
        "discards",
        "clients",
        "products",
    )
)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A server's address: the given one, else one of this worker's own."""
    if (server := given()) is not None:
        yield server
        return
    yield from (local.url for local in _local())


@pytest.fixture
def own_postgres() -> Iterator[LocalPostgres]:
    """A running server of this test alone, to be killed, frozen and restarted (about 2 s)."""
    yield from _local()


@pytest.fixture
def database(postgres_server: str) -> Iterator[Database]:
    """An empty database of this test alone."""
    made = Database(postgres_server)
    yield made
    made.drop()


@pytest.fixture(scope="session")
def _kept(postgres_server: str) -> Iterator[Database]:
    made = Database(postgres_server)
    yield with_tables(made)
    made.drop()


@pytest.fixture
def migrated(_kept: Database) -> Database:
    """A database with the ledger's tables, empty: the same for each test of a worker."""
    _kept.psql(_EMPTY)
    return _kept


def with_tables(database: Database) -> Database:
    """What `ledger migrate` does."""
    link = Link(lambda: database.url, 5.0)
    try:
        migrate(link)
    finally:
        link.close()
    return database


def _local() -> Iterator[LocalPostgres]:
    try:
        server = LocalPostgres()
        try:
            server.start()
            yield server
        finally:
            server.close()
    except NoPostgresError as error:
        without_postgres(str(error))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that had to show the PostgreSQL tests and ran none."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, TerminalReporter) or hasattr(session.config, "workerinput"):
        return
    if session.exitstatus == pytest.ExitCode.OK and is_required() and not _ran(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say which tests could not run for want of a PostgreSQL, and why."""
    skipped = [each for each in terminalreporter.getreports("skipped") if NO_POSTGRES in each.longreprtext]
    if skipped:
        terminalreporter.section("not run: no real PostgreSQL", yellow=True)
        first = skipped[0]
        terminalreporter.line(first.longrepr[2] if isinstance(first.longrepr, tuple) else first.longreprtext)
        for name in sorted(each.nodeid for each in skipped):
            terminalreporter.line(f"  {name}")
    if is_required() and not _ran(terminalreporter):
        terminalreporter.line(f"ERROR: {REQUIRED} is set and no test ran on a real PostgreSQL", red=True)


def _ran(reporter: TerminalReporter) -> bool:
    passed = reporter.getreports("passed")
    return any(report.when == "call" and "postgres" in report.keywords for report in passed)
