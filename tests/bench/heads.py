"""A ledger that has seen much: heads of orders that the benchmark never sends, straight into its tables.

One order is settled through the ledger itself; the others are its row under other keys.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_postgres_link import Link
from connector.adapters.ledger_postgres_schema import migrate
from connector.adapters.ledger_rows import spread
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.core.claims import Settlement, Want
from connector.ports import Ledger
from tests.bench.records import order_id
from tests.support.changes import order, version
from tests.support.postgres import Database

DESTINATION = "yespo"
FIRST = 1_000_000_000
"""Numbers of their orders: beyond those of any topic."""
WAIT = 3600.0
COPIES = """
    INSERT INTO crm_connector.heads (destination, entity, key, live, head)
    SELECT destination, entity, md5(n::text)::uuid::text, live, head
    FROM crm_connector.heads, generate_series(1, {count}) AS n
"""


def fill_sqlite(path: Path, count: int) -> None:
    """So many heads in a ledger file, which is made."""
    _settle_one(SqliteLedger(path, DESTINATION))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF")
        put = "INSERT INTO heads (spread, destination, entity, key, live, head) VALUES (?, ?, 0, ?, ?, ?)"
        db.executemany(put, _rows(db, count))
        db.execute("INSERT INTO spreads SELECT spread, number FROM heads ORDER BY spread, number")
        db.execute("UPDATE meta SET value = (SELECT max(number) FROM heads) WHERE name = 'merged'")
        db.execute("UPDATE destinations SET heads = heads + ?", (count,))
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows(db: sqlite3.Connection, count: int) -> Iterator[tuple[int, int, str, int, bytes]]:
    number, live, head = db.execute("SELECT destination, live, head FROM heads").fetchone()
    for key in (order_id(FIRST + n, "uuid") for n in range(count)):
        yield spread(key, number << 1), number, key, live, head


def prepare_postgres(database: Database) -> None:
    """The ledger's tables."""
    link = Link(lambda: database.url, WAIT)
    migrate(link)
    link.close()


def fill_postgres(database: Database, count: int) -> None:
    """So many heads in a ledger of its own, whose tables are made."""
    prepare_postgres(database)
    _settle_one(PostgresLedger(lambda: database.url, DESTINATION, wait=WAIT))
    for statement in (
        "ALTER TABLE crm_connector.heads DROP CONSTRAINT heads_pkey",
        COPIES.format(count=count),
        "ALTER TABLE crm_connector.heads ADD PRIMARY KEY (destination, entity, key)",
        "VACUUM ANALYZE crm_connector.heads",
    ):
        database.psql(statement)


def copied(server: str, database: Database) -> str:
    """The URL of a copy of a database that nobody is connected to."""
    name, parts = urlsplit(database.url).path[1:], urlsplit(server)
    copy = f"{name}_copy"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {copy} TEMPLATE {name} STRATEGY file_copy".encode())
    return parts._replace(path=f"/{copy}").geturl()


def _settle_one(ledger: Ledger) -> None:
    event = order("seed", version(1, 1))
    ledger.turn([], [Want(event)])
    ledger.turn([Settlement(event, "accepted")], [])
    ledger.close()
