"""The statements of a turn. Arrays in; each element is looked up by its whole key.

Plans: `LATERAL … OFFSET 0` and `ON CONFLICT` leave the planner no choice but one index look-up an element. A
join, planned while the tables were small or not analysed, took 150 ms for 500 keys instead of 5.

Who waits for whom, so that no two turns wait for each other: a settle locks its own claims, in the order of
their keys; then clients whose orders it counts, in their order; then aliases and generation behind one
advisory lock, which a claim that takes an address away needs too, before it writes; a claim waits for no row
(SKIP LOCKED: what another holds now is busy), only for keys that another inserts, in their order; then rows,
in their order.
A claim is written only over what was read (`xmin`), so reading locks nothing, and a replay writes nothing.
"""

from typing import Final

HEADER: Final = """
    SELECT version, identity, generation, EXISTS (SELECT FROM crm_connector.owners WHERE number = %s)
    FROM crm_connector.ledger
"""

_AT: Final = "destination = %(destination)s AND entity = s.entity AND key = s.key"

# --- Settle: a locked claim becomes its head -------------------------------------------------------

_MINE: Final = f"""
    WITH mine AS MATERIALIZED (
        SELECT s.entity, s.key, coalesce(s.head, h.claim) AS head, s.live, s.certain, s.attempts
        FROM (SELECT * FROM unnest(%(entities)s, %(keys)s, %(heads)s, %(lives)s, %(certain)s, %(attempts)s)
            AS s (entity, key, head, live, certain, attempts) ORDER BY entity, key COLLATE "C") s
        CROSS JOIN LATERAL (SELECT claim FROM crm_connector.heads
            WHERE {_AT} AND owner = %(owner)s AND doubts IS NULL OFFSET 0 FOR UPDATE) h)
"""  # noqa: S608 - parts of this file, as all of them
_SETTLED: Final = """
    INSERT INTO crm_connector.heads AS h (destination, entity, key, live, head)
    SELECT %(destination)s, entity, key, live, head FROM mine
    ON CONFLICT (destination, entity, key) DO UPDATE SET head = excluded.head,
        live = h.live OR excluded.live, owner = NULL, since = NULL, claim = NULL
"""
ACCEPT: Final = f"{_MINE} {_SETTLED} RETURNING pg_current_xact_id()::text"
ACCEPT_WITH_HISTORY: Final = f"""
    {_MINE}, settled AS ({_SETTLED})
    INSERT INTO crm_connector.history (destination, entity, key, head, attempts, via, outcome)
    SELECT %(destination)s, entity, key, head, attempts,
        CASE WHEN entity = 1 THEN 'contacts' WHEN live THEN 'live' ELSE 'past_events' END,
        CASE WHEN certain THEN 'accepted' ELSE 'in_doubt' END FROM mine
    RETURNING pg_current_xact_id()::text
"""  # noqa: S608
RELEASE: Final = f"""
    WITH mine AS MATERIALIZED (
        SELECT s.entity, s.key, h.live
        FROM (SELECT * FROM unnest(%(entities)s, %(keys)s) AS s (entity, key)
            ORDER BY entity, key COLLATE "C") s
        CROSS JOIN LATERAL (SELECT live FROM crm_connector.heads
            WHERE {_AT} AND owner = %(owner)s AND doubts IS NULL OFFSET 0 FOR UPDATE) h)
    INSERT INTO crm_connector.heads AS h (destination, entity, key, live)
    SELECT %(destination)s, entity, key, live FROM mine
    ON CONFLICT (destination, entity, key) DO UPDATE SET owner = NULL, since = NULL, claim = NULL
    RETURNING pg_current_xact_id()::text
"""  # noqa: S608
SWEEP: Final = f"""
    DELETE FROM crm_connector.heads WHERE ctid = ANY (ARRAY(
        SELECT h.ctid FROM unnest(%(entities)s, %(keys)s) AS s (entity, key)
        CROSS JOIN LATERAL (SELECT ctid FROM crm_connector.heads
            WHERE {_AT} AND head IS NULL AND claim IS NULL OFFSET 0 FOR UPDATE SKIP LOCKED) h))
"""  # noqa: S608
LOCK: Final = f"""
    SELECT s.entity, s.key, h.live, h.head, h.owner, h.claim, h.doubts
    FROM (SELECT * FROM unnest(%(entities)s, %(keys)s) AS s (entity, key) ORDER BY entity, key COLLATE "C") s
    CROSS JOIN LATERAL (SELECT * FROM crm_connector.heads WHERE {_AT} OFFSET 0 FOR UPDATE) h
"""  # noqa: S608
PUT: Final = """
    INSERT INTO crm_connector.heads AS h (destination, entity, key, live, head, owner, claim, doubts)
    SELECT %(destination)s, s.entity, s.key, s.live, s.head,
        CASE WHEN s.claim IS NULL THEN NULL ELSE s.owner END, s.claim, s.doubts
    FROM unnest(%(entities)s, %(keys)s, %(lives)s, %(heads)s, %(owners)s, %(claims)s, %(doubts)s)
        AS s (entity, key, live, head, owner, claim, doubts)
    ON CONFLICT (destination, entity, key) DO UPDATE SET head = excluded.head, live = excluded.live,
        owner = excluded.owner, claim = excluded.claim, doubts = excluded.doubts,
        since = CASE WHEN excluded.claim IS NULL THEN NULL ELSE h.since END
    RETURNING pg_current_xact_id()::text
"""

# --- Claim: read, then write over what was read ----------------------------------------------------

READ: Final = f"""
    SELECT s.at, h.live, h.head, h.owner, h.claim, h.doubts, h.mark,
        h.owner IS NOT NULL AND EXISTS (SELECT FROM crm_connector.owners o WHERE o.number = h.owner)
    FROM unnest(%(entities)s, %(keys)s) WITH ORDINALITY AS s (entity, key, at)
    CROSS JOIN LATERAL (SELECT live, head, owner, claim, doubts, xmin::text::bigint AS mark
        FROM crm_connector.heads WHERE {_AT} OFFSET 0) h
"""  # noqa: S608
MAKE: Final = """
    INSERT INTO crm_connector.heads AS h (destination, entity, key, live, owner, since, claim)
    SELECT %(destination)s, s.entity, s.key, false, %(owner)s, clock_timestamp(), s.claim
    FROM unnest(%(entities)s, %(keys)s, %(claims)s) AS s (entity, key, claim)
    ORDER BY s.entity, s.key COLLATE "C" ON CONFLICT DO NOTHING
    RETURNING pg_current_xact_id()::text, h.entity, h.key
"""
TAKE: Final = f"""
    WITH free AS MATERIALIZED (
        SELECT s.entity, s.key, s.claim, s.doubts, h.live, coalesce(s.head, h.head) AS head
        FROM (SELECT * FROM unnest(%(entities)s, %(keys)s, %(seen)s, %(heads)s, %(claims)s, %(doubts)s)
            AS s (entity, key, seen, head, claim, doubts) ORDER BY entity, key COLLATE "C") s
        CROSS JOIN LATERAL (SELECT live, head FROM crm_connector.heads
            WHERE {_AT} AND xmin::text::bigint = s.seen OFFSET 0 FOR UPDATE SKIP LOCKED) h)
    INSERT INTO crm_connector.heads AS h (destination, entity, key, live, head, claim, doubts, owner, since)
    SELECT %(destination)s, entity, key, live, head, claim, doubts,
        CASE WHEN claim IS NULL THEN NULL ELSE %(owner)s END,
        CASE WHEN claim IS NULL THEN NULL ELSE clock_timestamp() END FROM free
    ON CONFLICT (destination, entity, key) DO UPDATE SET head = excluded.head, claim = excluded.claim,
        doubts = excluded.doubts, owner = excluded.owner, since = excluded.since
    RETURNING pg_current_xact_id()::text, h.entity, h.key
"""  # noqa: S608

# --- What is beside heads --------------------------------------------------------------------------

NOTE: Final = """
    INSERT INTO crm_connector.history (destination, entity, key, head, attempts, via, outcome)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
COUNT_ORDERS: Final = """
    INSERT INTO crm_connector.clients AS c
    SELECT %(destination)s, s.client, s.orders FROM unnest(%(clients)s, %(orders)s) AS s (client, orders)
    ORDER BY s.client COLLATE "C"
    ON CONFLICT (destination, client) DO UPDATE SET orders = c.orders + excluded.orders
    RETURNING client, orders
"""
ORDERS_OF: Final = (
    "SELECT orders FROM crm_connector.clients WHERE destination = %(destination)s AND client = %(client)s"
)
MOST_ORDERS: Final = (
    "SELECT coalesce(max(orders), 0) FROM crm_connector.clients WHERE destination = %(destination)s"
)
ALIAS_LOCK: Final = "SELECT pg_advisory_xact_lock(1129467203, %(destination)s)"
DROP_ALIASES: Final = """
    DELETE FROM crm_connector.aliases WHERE ctid = ANY (ARRAY(
        SELECT a.ctid FROM unnest(%(aliases)s, %(contacts)s) AS s (alias, contact)
        CROSS JOIN LATERAL (SELECT ctid FROM crm_connector.aliases
            WHERE destination = %(destination)s AND alias = s.alias AND contact = s.contact
            OFFSET 0 FOR UPDATE) a))
"""
LEAD_ALIASES: Final = """
    INSERT INTO crm_connector.aliases AS a
    SELECT %(destination)s, s.alias, s.contact FROM unnest(%(aliases)s, %(contacts)s) AS s (alias, contact)
    ON CONFLICT (destination, alias) DO UPDATE SET contact = excluded.contact
        WHERE a.contact <> excluded.contact AND (excluded.contact !~ '^#.{32}$' OR a.contact ~ '^#.{32}$')
    RETURNING a.xmax <> 0
"""
"""A guest, whose key is a hash (ledger_rows.Veil), takes no customer's."""
LED_TO: Final = """
    SELECT s.alias, a.contact FROM unnest(%(aliases)s) AS s (alias)
    CROSS JOIN LATERAL (SELECT contact FROM crm_connector.aliases
        WHERE destination = %(destination)s AND alias = s.alias OFFSET 0) a
"""
CONTACTS: Final = """
    SELECT s.key, h.live, h.head, h.owner, h.claim, h.doubts,
        h.owner IS NOT NULL AND EXISTS (SELECT FROM crm_connector.owners o WHERE o.number = h.owner)
    FROM unnest(%(keys)s) AS s (key)
    CROSS JOIN LATERAL (SELECT live, head, owner, claim, doubts FROM crm_connector.heads
        WHERE destination = %(destination)s AND entity = 1 AND key = s.key AND head IS NOT NULL
        OFFSET 0) h
"""
WRITE_ROWS: Final = """
    INSERT INTO crm_connector.rows AS r
    SELECT %(destination)s, s.row_key, s.entity, s.key
    FROM unnest(%(rows)s, %(entities)s, %(keys)s) AS s (row_key, entity, key)
    ORDER BY s.row_key
    ON CONFLICT (destination, row_key) DO UPDATE SET entity = excluded.entity, key = excluded.key
        WHERE r.entity <> excluded.entity OR r.key <> excluded.key
"""
CLEAR_ROWS: Final = """
    DELETE FROM crm_connector.rows WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM (SELECT * FROM unnest(%(rows)s) AS s (row_key) ORDER BY row_key COLLATE "C") s
        CROSS JOIN LATERAL (SELECT ctid FROM crm_connector.rows
            WHERE destination = %(destination)s AND row_key = s.row_key OFFSET 0 FOR UPDATE) r))
"""
"""Those that an earlier version kept in clear."""
KEYS_OF: Final = """
    SELECT s.row_key, r.key FROM unnest(%(rows)s) AS s (row_key)
    CROSS JOIN LATERAL (SELECT key FROM crm_connector.rows
        WHERE destination = %(destination)s AND row_key = s.row_key OFFSET 0) r
"""
BUMP: Final = "UPDATE crm_connector.ledger SET generation = generation + 1"
MAKE_SOURCES: Final = """
    INSERT INTO crm_connector.sources (clock, topic, partition)
    VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
ALL_SOURCES: Final = "SELECT number, clock, topic, partition FROM crm_connector.sources"
EPOCHS: Final = (
    "SELECT rank, clock, since_ms FROM crm_connector.epochs WHERE destination = %s ORDER BY rank DESC"
)
ADD_EPOCH: Final = """
    INSERT INTO crm_connector.epochs (destination, rank, clock, since_ms, reason)
    SELECT %(destination)s, coalesce(max(rank), 0) + 1, %(clock)s, %(since)s, %(reason)s
    FROM crm_connector.epochs WHERE destination = %(destination)s
"""
ANSWERS: Final = """
    SELECT topic, partition, start, accept, extract(epoch FROM at)::float8 FROM crm_connector.answers
    WHERE destination = %s ORDER BY number
"""
ADD_ANSWER: Final = """
    INSERT INTO crm_connector.answers (destination, topic, partition, start, accept)
    VALUES (%s, %s, %s, %s, %s)
"""
