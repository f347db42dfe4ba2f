"""The ledger's tables in PostgreSQL: made and changed by `crm-connector ledger migrate`, checked at start."""

import secrets
from typing import Final

from psycopg import sql

from connector.adapters.ledger_postgres_link import MIGRATE, Connection, Link
from connector.errors import Fatal

SCHEMA: Final = "crm_connector"
_LOCK: Final = 0x43524D43
"""An advisory lock: one migration at a time."""

STEPS: Final = (
    """
    CREATE TABLE crm_connector.ledger (one boolean PRIMARY KEY DEFAULT true CHECK (one),
        version integer NOT NULL, identity text NOT NULL, hash_key bytea NOT NULL,
        generation bigint NOT NULL);
    CREATE TABLE crm_connector.destinations (number smallint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL UNIQUE, horizon_ms bigint);
    CREATE TABLE crm_connector.sources (number integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        clock text COLLATE "C" NOT NULL, topic text COLLATE "C" NOT NULL, partition integer NOT NULL,
        UNIQUE (clock, topic, partition));
    CREATE TABLE crm_connector.owners (number bigint PRIMARY KEY, destination smallint NOT NULL,
        since timestamptz NOT NULL, lease_until timestamptz NOT NULL) WITH (fillfactor = 20);
    CREATE TABLE crm_connector.heads (destination smallint NOT NULL, entity smallint NOT NULL,
        key text COLLATE "C" NOT NULL, live boolean NOT NULL, head bytea,
        owner bigint, since timestamptz, claim bytea, doubts bytea,
        PRIMARY KEY (destination, entity, key)) WITH (fillfactor = 70);
    CREATE TABLE crm_connector.aliases (destination smallint NOT NULL, alias bytea NOT NULL,
        contact text COLLATE "C" NOT NULL, PRIMARY KEY (destination, alias));
    CREATE TABLE crm_connector.rows (destination smallint NOT NULL, row_key text COLLATE "C" NOT NULL,
        entity smallint NOT NULL, key text COLLATE "C" NOT NULL, PRIMARY KEY (destination, row_key));
    CREATE TABLE crm_connector.answers (number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
        destination smallint NOT NULL, topic text NOT NULL, partition integer NOT NULL,
        start text, accept text, at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE TABLE crm_connector.epochs (destination smallint NOT NULL, rank integer NOT NULL,
        clock text NOT NULL, since_ms bigint NOT NULL, reason text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (destination, rank));
    CREATE TABLE crm_connector.history (destination smallint NOT NULL, entity smallint NOT NULL,
        key text COLLATE "C" NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(), head bytea NOT NULL,
        attempts smallint NOT NULL, via text NOT NULL, outcome text NOT NULL);
    CREATE INDEX history_keys ON crm_connector.history (destination, entity, key);
    CREATE INDEX history_times ON crm_connector.history USING brin (at);
    CREATE VIEW crm_connector.sizes AS SELECT relname AS table_name, n_live_tup AS rows,
        pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables WHERE schemaname = 'crm_connector'
    """,
    """
    CREATE UNLOGGED TABLE crm_connector.quotas (destination text COLLATE "C" PRIMARY KEY,
        rate float8 NOT NULL, full_at float8 NOT NULL, changed float8 NOT NULL, lowered float8 NOT NULL)
        WITH (fillfactor = 20)
    """,
    "",
    """
    CREATE TABLE crm_connector.days (destination text COLLATE "C" PRIMARY KEY, day integer NOT NULL,
        used integer NOT NULL) WITH (fillfactor = 20)
    """,
    """
    CREATE TABLE crm_connector.discards (letter text COLLATE "C" PRIMARY KEY, cause text NOT NULL,
        reason text NOT NULL, at bigint NOT NULL)
    """,
    """
    CREATE TABLE crm_connector.clients (destination smallint NOT NULL, client text COLLATE "C" NOT NULL,
        orders integer NOT NULL, PRIMARY KEY (destination, client)) WITH (fillfactor = 70)
    """,
    """
    CREATE TABLE crm_connector.products (destination text COLLATE "C" NOT NULL, digest bytea NOT NULL,
        PRIMARY KEY (destination, digest))
    """,
    "",
)
"""Append only: `ledger.version` is the number of steps that the database has had. A step without statements
is a change of what is packed (ledger_rows): an older version would lose it. 3: when past events occurred.
8: row keys with texts are hashes."""


def migrate(link: Link) -> tuple[int, int]:
    """Bring the database to this version: the version before, and after. Again changes nothing.

    Raises LedgerDown, Fatal.
    """
    with link.connection() as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        before = _version(connection)
        _refuse_newer(link, before)
        if before == 0 and connection.execute("SELECT to_regnamespace(%s)", (SCHEMA,)).fetchone() == (None,):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
        for number, step in enumerate(STEPS[before:], before + 1):
            _apply(connection, number, step)
    return before, len(STEPS)


def check(connection: Connection, link: Link) -> None:
    """Refuse any other version. Raises Fatal with the remedy."""
    version = _version(connection)
    _refuse_newer(link, version)
    if version == 0:
        raise Fatal(f"ledger {link.place}: has no tables yet; {MIGRATE}")
    if version < len(STEPS):
        raise Fatal(
            f"ledger {link.place}: written by an older crm-connector (version {version}, "
            f"known {len(STEPS)}); {MIGRATE}"
        )


def _refuse_newer(link: Link, version: int) -> None:
    if version > len(STEPS):
        raise Fatal(
            f"ledger {link.place}: written by a newer crm-connector (version {version}, known {len(STEPS)}); "
            "install that one"
        )


def _version(connection: Connection) -> int:
    if connection.execute("SELECT to_regclass('crm_connector.ledger')").fetchone() == (None,):
        return 0
    row = connection.execute("SELECT version FROM crm_connector.ledger").fetchone()
    return int(row[0]) if row else 0


def _apply(connection: Connection, number: int, step: str) -> None:
    for statement in filter(str.strip, step.split(";")):
        connection.execute(statement.encode())
    if number == 1:
        made = (number, secrets.token_hex(8), secrets.token_bytes(32), 0)
        connection.execute(
            "INSERT INTO crm_connector.ledger (version, identity, hash_key, generation) "
            "VALUES (%s, %s, %s, %s)",
            made,
        )
    connection.execute("UPDATE crm_connector.ledger SET version = %s", (number,))
