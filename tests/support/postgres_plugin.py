"""The pytest side of PostgreSQL: a server a worker, and a database a test."""

from collections.abc import Iterator

import pytest

from connector.adapters.ledger_postgres_link import Link
from connector.adapters.ledger_postgres_schema import migrate
from tests.support.postgres import (
    Database,
    LocalPostgres,
    NoPostgresError,
    given,
)
from tests.support.required import POSTGRES

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
        POSTGRES.without(str(error))
