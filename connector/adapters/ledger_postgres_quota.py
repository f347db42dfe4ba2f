"""A destination's request rate, shared by its replicas: core/quota.Quota as a row of the ledger's database.

One statement a chunk of tokens, on a thread of its own: neither the lane's turns nor the courier's loop wait
for it. By the server's clock alone. The table is not logged: a crash of the server costs one full bucket.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from connector.adapters.ledger_postgres_link import Connection, Link
from connector.core.quota import LOWERED, LOWEST, PATIENCE, REGAIN, SPAN, Taken

_AHEAD: Final = 10.0
"""Seconds, and tokens a hundred besides, that a bucket may be empty: more is a clock that was set back."""
_NOW: Final = "extract(epoch FROM clock_timestamp())::float8"
_TAKE: Final = f"""
    UPDATE crm_connector.quotas q SET rate = n.rate, full_at = n.start + %(tokens)s / n.rate,
        changed = CASE WHEN n.rate = n.old THEN n.changed ELSE n.now END,
        lowered = CASE WHEN n.falls THEN n.now ELSE n.lowered END
    FROM (SELECT r.*, least(greatest(full_at, now + %(lead)s), now + {_AHEAD} + 100 / rate) AS start
        FROM (SELECT o.*, CASE
                WHEN falls THEN greatest(%(most)s * {LOWEST}, least(old, %(most)s) * {LOWERED})
                WHEN %(answered)s THEN
                    least(%(most)s, old + %(most)s * greatest(0, least(now - changed, 1)) / {REGAIN})
                ELSE least(old, %(most)s) END AS rate
            FROM (SELECT l.*, %(refused)s AND NOT (now >= lowered AND now < lowered + {PATIENCE}) AS falls
                FROM (SELECT rate AS old, full_at, changed, lowered, {_NOW} AS now
                    FROM crm_connector.quotas WHERE destination = %(destination)s FOR UPDATE) l) o) r) n
    WHERE q.destination = %(destination)s
    RETURNING n.start - n.now + (1 - greatest(1, n.rate * {SPAN})) / n.rate, n.rate
"""  # noqa: S608 - numbers of ours
_MAKE: Final = f"""
    INSERT INTO crm_connector.quotas VALUES (%(destination)s, %(most)s, {_NOW}, {_NOW}, 0)
    ON CONFLICT DO NOTHING
"""  # noqa: S608


class PostgresQuotas:
    """Implements ports.Quotas. rate: configured requests per second, more than 0."""

    def __init__(self, link: Link, destination: str, rate: float) -> None:
        """Nothing is asked yet."""
        self._link = link
        self._given = {"destination": destination, "most": rate}
        self._thread = ThreadPoolExecutor(1, "ledger-quota")

    async def take(self, tokens: int, lead: float, *, refused: bool, answered: bool) -> Taken:
        """See ports.Quotas."""
        asked = {"tokens": tokens, "lead": lead, "refused": refused, "answered": answered}
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._take, self._given | asked)

    def close(self) -> None:
        """Wait for what was asked, within the link's limits."""
        self._thread.shutdown(cancel_futures=True)

    def _take(self, asked: dict[str, object]) -> Taken:
        with self._link.connection() as connection:
            row = _row(connection, asked)
            if row is None:
                connection.execute(_MAKE.encode(), asked)
                row = _row(connection, asked)
        if row is None:
            raise RuntimeError("a row that was made is there")
        return Taken(*row)


def _row(connection: Connection, asked: dict[str, object]) -> tuple[float, float] | None:
    found = connection.execute(_TAKE.encode(), asked, binary=True).fetchone()
    return None if found is None else (found[0], found[1])
