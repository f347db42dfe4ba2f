"""What a PostgreSQL ledger keeps and for how long: history rows, heads pruned on purpose, sizes (RULES 2)."""

import time
from collections.abc import Callable
from typing import Final

from connector.adapters import ledger_postgres_sql as sql
from connector.adapters.ledger_postgres_arrays import bigs, smalls, texts
from connector.adapters.ledger_postgres_keys import indexed, read
from connector.adapters.ledger_postgres_link import Connection
from connector.adapters.ledger_postgres_store import Store
from connector.adapters.ledger_postgres_tables import ENTITIES, EntityKey, Tables
from connector.adapters.ledger_rows import unpack_head
from connector.core.horizon import is_prunable
from connector.core.past import Sent, Sizes, Stale

_CHUNK: Final = 5000
_PAUSE: Final = 3600.0
_EXPIRE: Final = f"""
    DELETE FROM crm_connector.history WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM crm_connector.history WHERE at < clock_timestamp() - make_interval(days => %s)
        LIMIT {_CHUNK} FOR UPDATE SKIP LOCKED))
"""  # noqa: S608 - a number of ours
_HORIZON: Final = """
    UPDATE crm_connector.destinations SET horizon_ms = greatest(horizon_ms, %(horizon)s)
    WHERE number = %(destination)s
"""
_HISTORY: Final = """
    SELECT head, extract(epoch FROM at)::float8, attempts, via, outcome FROM crm_connector.history
    WHERE destination = %(destination)s AND entity = %(entity)s AND key = %(key)s ORDER BY at
"""
_STALE: Final = """
    SELECT entity, key, head, extract(epoch FROM at)::float8 FROM crm_connector.history s
    WHERE destination = %(destination)s AND outcome = 'stale' AND NOT EXISTS (
        SELECT FROM crm_connector.history l WHERE l.destination = s.destination AND l.entity = s.entity
            AND l.key = s.key AND l.at > s.at)
    ORDER BY at
"""
_LONG: Final = 600.0
"""Seconds that an operator waits for a look at the whole of history."""
_PAGE: Final = f"""
    SELECT entity, key, head, xmin::text::bigint FROM crm_connector.heads
    WHERE destination = %(destination)s AND (entity, key) > (%(entity)s, %(after)s)
        AND head IS NOT NULL AND claim IS NULL
    ORDER BY entity, key LIMIT {_CHUNK}
"""  # noqa: S608 - a number of ours
_PRUNE: Final = """
    DELETE FROM crm_connector.heads WHERE ctid = ANY (ARRAY(
        SELECT h.ctid FROM unnest(%(entities)s, %(keys)s, %(seen)s) AS s (entity, key, seen)
        CROSS JOIN LATERAL (SELECT ctid FROM crm_connector.heads
            WHERE destination = %(destination)s AND entity = s.entity AND key = s.key
                AND xmin::text::bigint = s.seen OFFSET 0 FOR UPDATE SKIP LOCKED) h))
"""


def expiry(days: int) -> Callable[[Connection], None]:
    """What a heartbeat does for history: every hour, or at once while there is more than a chunk."""
    due = 0.0

    def expire(connection: Connection) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            gone = connection.execute(_EXPIRE.encode(), (days,)).rowcount
            due = now + (0.0 if gone == _CHUNK else _PAUSE)

    return expire


def prune(store: Store, before_ms: int) -> int:
    """Remove heads whose newest version is older, once the horizon is recorded; how many.

    Erased contacts stay (RULES 5), so does what is claimed, or was written meanwhile.
    """
    with store.transaction():
        store.run(_HORIZON, {"horizon": before_ms})
        store.bump()
    removed, entity, after = 0, -1, ""
    while page := store.run(_PAGE, {"entity": entity, "after": after}).fetchall():
        entity, after = page[-1][:2]
        old = [row for row in page if is_prunable(unpack_head(row[2], store.source), before_ms)]
        if old:
            parameters = {
                "entities": smalls(row[0] for row in old),
                "keys": texts(row[1] for row in old),
                "seen": bigs(row[3] for row in old),
            }
            removed += store.run(_PRUNE, parameters).rowcount
    return removed


def sizes(store: Store, claims: int) -> Sizes:
    """Rows as the server's statistics tell, bytes with indexes. claims: as this owner remembers."""
    found = store.connection.execute("SELECT table_name, rows, bytes FROM crm_connector.sizes").fetchall()
    rows = {table: count for table, count, _ in found}
    return Sizes(rows.get("heads", 0), rows.get("history", 0), claims, sum(size for _, _, size in found))


def orders_of(store: Store, tables: Tables, client: str) -> int:
    """Counted of one client."""
    row = store.run(sql.ORDERS_OF, {"client": indexed(tables.stored(client))}).fetchone()
    return row[0] if row else 0


def most_orders(store: Store) -> int:
    """Of one client; all of them are looked at, one after the other."""
    with store.transaction():
        store.run("SET LOCAL enable_seqscan = on")
        row = store.run(sql.MOST_ORDERS).fetchone()
    return row[0] if row else 0


def history(store: Store, tables: Tables, slot: EntityKey) -> list[Sent]:
    """Of one entity, oldest first."""
    return [
        Sent(unpack_head(head, store.source).version, at, attempts, via, outcome)
        for head, at, attempts, via, outcome in store.run(_HISTORY, tables.place(slot))
    ]


def stale(store: Store) -> list[Stale]:
    """See ports.Archive: one look at all rows, which no index helps."""
    connection = store.connection
    limit, connection.limit = connection.limit, _LONG
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = '{_LONG:g}s'".encode())
            connection.execute("SET LOCAL enable_seqscan = on")
            return [
                Stale(ENTITIES[entity], read(key), unpack_head(head, store.source).version, at)
                for entity, key, head, at in store.run(_STALE)
            ]
    finally:
        connection.limit = limit
