"""Products of which a destination was told, in the ledger's store (`products: auto`)."""

from collections.abc import Callable, Collection
from pathlib import Path

from connector.adapters.ledger_sqlite_schema import connect, translated


class SqliteProducts:
    """Implements ports.Catalogue. path: the ledger's file, in an existing directory."""

    def __init__(self, path: Path, destination: str, *, wait: float = 5.0) -> None:
        """Open the file, or make it. Raises LedgerDown, Fatal."""
        self._path, self._name = path, destination
        with translated(path):
            self._db = connect(path, wait)

    def known(self, most: int) -> set[bytes]:
        """See ports.Catalogue."""
        sql = "SELECT digest FROM products WHERE destination = ? LIMIT ?"
        with translated(self._path):
            return {digest for (digest,) in self._db.execute(sql, (self._name, most))}

    def add(self, digests: Collection[bytes]) -> None:
        """See ports.Catalogue."""
        with translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                rows = [(self._name, digest) for digest in digests]
                self._db.executemany("INSERT OR IGNORE INTO products VALUES (?, ?)", rows)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """See ports.Catalogue."""
        self._db.close()


class PostgresProducts:
    """Implements ports.Catalogue. url: of the ledger's database, asked at each connection."""

    def __init__(self, url: Callable[[], str], destination: str, *, wait: float = 5.0) -> None:
        """Nothing is opened yet. Raises ConfigError where it is no address."""
        from connector.adapters.ledger_postgres_link import Link  # noqa: PLC0415 - slow, and not everybody's

        self._link, self._name = Link(url, wait), destination

    def known(self, most: int) -> set[bytes]:
        """See ports.Catalogue."""
        sql = b"SELECT digest FROM crm_connector.products WHERE destination = %s LIMIT %s"
        with self._link.connection() as connection:
            return {digest for (digest,) in connection.execute(sql, (self._name, most))}

    def add(self, digests: Collection[bytes]) -> None:
        """See ports.Catalogue. In one order, so that no two replicas wait for each other."""
        sql = b"INSERT INTO crm_connector.products VALUES (%s, %s) ON CONFLICT DO NOTHING"
        rows = [(self._name, digest) for digest in sorted(digests)]
        with self._link.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(sql, rows)

    def close(self) -> None:
        """See ports.Catalogue."""
        self._link.close()
