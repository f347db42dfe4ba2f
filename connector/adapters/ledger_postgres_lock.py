"""One process at a time for a piece of work: an advisory lock of a session of its own in PostgreSQL.

It goes with the session, and that with the process, however it ends.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from hashlib import sha256

import psycopg

from connector.adapters.ledger_postgres_link import Connection, Link


class SessionLock:
    """Implements ports.archive.Lock. url: of the ledger's database, asked at each connection."""

    def __init__(self, url: Callable[[], str], name: str, *, wait: float = 5.0) -> None:
        """Not taken yet. Raises ConfigError where it is no address."""
        self._link = Link(url, wait)
        self._key = int.from_bytes(sha256(f"crm-connector {name}".encode()).digest()[:8], signed=True)
        self._session = ExitStack()
        self._connection: Connection | None = None

    def take(self) -> bool:
        """See ports.archive.Lock. Where the session was lost another one asks."""
        if self._connection is not None:
            try:
                self._connection.execute("SELECT 1")
                return True
            except psycopg.Error:
                self._end()
        with self._link.translated():
            connection = self._session.enter_context(self._link.connection())
            ((taken,),) = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._key,)).fetchall()
        if taken:
            self._connection = connection
        else:
            self._end()
        return bool(taken)

    def _end(self) -> None:
        self._connection = None
        self._session.close()

    def close(self) -> None:
        """See ports.archive.Lock. It is said, since a server hears of a session's end a moment later."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.execute("SELECT pg_advisory_unlock(%s)", (self._key,))
        self._end()
        self._link.close()
