"""Discarded dead letters, kept in the ledger's store: which, why and when (RULES 10)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from connector.adapters.ledger_postgres_link import Link
from connector.adapters.ledger_sqlite_schema import connect, translated
from connector.core.letters import Discarded

_SUMS: Final = """
    SELECT cause, reason, count(*), min(at), max(at) FROM {table}
    GROUP BY cause, reason ORDER BY max(at), cause
"""


class SqliteDiscards:
    """Implements ports.archive.Discards. path: the ledger's file, in an existing directory."""

    def __init__(self, path: Path, *, wait: float = 5.0) -> None:
        """Open the file, or make it. Raises LedgerDown, Fatal."""
        self._path = path
        with translated(path):
            self._db = connect(path, wait)

    def add(self, letters: Sequence[tuple[str, str]], reason: str, at: int) -> None:
        """See ports.archive.Discards."""
        rows = [(letter, cause, reason, at) for letter, cause in letters]
        with translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT OR IGNORE INTO discards VALUES (?, ?, ?, ?)", rows)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def known(self, ids: Sequence[str]) -> set[str]:
        """See ports.archive.Discards."""
        sql = f"SELECT letter FROM discards WHERE letter IN ({','.join('?' * len(ids))})"  # noqa: S608 - marks
        with translated(self._path):
            return {letter for (letter,) in self._db.execute(sql, list(ids))}

    def sums(self) -> list[Discarded]:
        """See ports.archive.Discards."""
        with translated(self._path):
            return [Discarded(*row) for row in self._db.execute(_SUMS.format(table="discards"))]

    def close(self) -> None:
        """See ports.archive.Discards."""
        self._db.close()


class PostgresDiscards:
    """Implements ports.archive.Discards. url: of the ledger's database, asked at each connection."""

    def __init__(self, url: Callable[[], str], *, wait: float = 5.0) -> None:
        """Nothing is opened yet. Raises ConfigError where it is no address."""
        self._link = Link(url, wait)

    def add(self, letters: Sequence[tuple[str, str]], reason: str, at: int) -> None:
        """See ports.archive.Discards."""
        sql = b"INSERT INTO crm_connector.discards VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
        rows = [(letter, cause, reason, at) for letter, cause in letters]
        with self._link.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(sql, rows)

    def known(self, ids: Sequence[str]) -> set[str]:
        """See ports.archive.Discards."""
        sql = b"SELECT letter FROM crm_connector.discards WHERE letter = ANY(%s)"
        with self._link.connection() as connection:
            return {letter for (letter,) in connection.execute(sql, (list(ids),))}

    def sums(self) -> list[Discarded]:
        """See ports.archive.Discards."""
        sql = _SUMS.format(table="crm_connector.discards").encode()
        with self._link.connection() as connection:
            return [Discarded(*row) for row in connection.execute(sql)]

    def close(self) -> None:
        """See ports.archive.Discards."""
        self._link.close()
