"""An open ledger file: its transactions, its owner, and a number that tells what others changed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.adapters.ledger_owners import Owner, bury, is_living
from connector.adapters.ledger_rows import Veil
from connector.adapters.ledger_sqlite_schema import connect, translated
from connector.adapters.ledger_sqlite_tables import Tables
from connector.core.turn import NOBODY


class Store:
    """The file, scoped to one destination and owned by one owner. Raises what SqliteLedger says."""

    def __init__(self, path: Path, destination: str, wait: float, fresh: int) -> None:
        """Open or make the file, and become an owner. fresh: see Places."""
        self.path, self._fresh = path, fresh
        with translated(path):
            self.db = connect(path, wait)
            try:
                self._become(destination)
            except BaseException:
                self.db.close()
                raise

    def _become(self, destination: str) -> None:
        with self._begun():
            self.identity: str = self._meta("identity")
            self.db.execute("INSERT OR IGNORE INTO destinations (name) VALUES (?)", (destination,))
            sql = "SELECT number FROM destinations WHERE name = ?"
            self.destination: int = self.db.execute(sql, (destination,)).fetchone()[0]
            self.tables = Tables(self.db, self.destination, Veil(self._meta("hash_key")), self._fresh)
            self.db.execute("UPDATE meta SET value = value + 1 WHERE name = 'owners'")
            self._owner = Owner(self.path, self._meta("owners"))
            self.owner = self._owner.number
            bury(self.path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone; committed only where something was written."""
        with translated(self.path):
            try:
                with self._begun():
                    yield
            except BaseException:
                self.tables.forget()
                raise

    @contextmanager
    def _begun(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Alone, and nothing of it is kept."""
        with translated(self.path):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                self.tables.forget()
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")

    def marks(self) -> tuple[int, int]:
        """Two numbers of which one goes on whenever memory may be wrong about the file.

        First: what was known of contacts, or of clocks. Second: whose a claim is that a living owner may
        think its own.
        """
        sql = "SELECT value, takeovers FROM meta, destinations WHERE meta.name = ? AND number = ?"
        generation, takeovers = self.db.execute(sql, ("generation", self.destination)).fetchone()
        return generation, takeovers

    def bump(self) -> None:
        """Tell everybody of contacts or clocks, with this transaction's commit."""
        self.db.execute("UPDATE meta SET value = value + 1 WHERE name = 'generation'")

    def bump_takeovers(self) -> None:
        """Tell this destination's owners that a claim was taken over, with this transaction's commit."""
        sql = "UPDATE destinations SET takeovers = takeovers + 1 WHERE number = ?"
        self.db.execute(sql, (self.destination,))

    def count(self, *, heads: int = 0, history: int = 0) -> None:
        """Keep the numbers of rows, with this transaction's commit."""
        if heads or history:
            sql = "UPDATE destinations SET heads = heads + ?, history = history + ? WHERE number = ?"
            self.db.execute(sql, (heads, history, self.destination))

    def horizon(self) -> int:
        """Heads older than this (ms since the epoch) may have been pruned; 0: none."""
        sql = "SELECT horizon_ms FROM destinations WHERE number = ?"
        return int(self.db.execute(sql, (self.destination,)).fetchone()[0])

    def living(self) -> Callable[[int], bool]:
        """Asks whether an owner lives, the same answer for a whole turn."""
        known = {self.owner: True, NOBODY: False}

        def ask(owner: int) -> bool:
            if owner not in known:
                known[owner] = is_living(self.path, owner)
            return known[owner]

        return ask

    def close(self) -> None:
        """Close the file, then let go of the lock: what is left of our claims is a dead owner's."""
        self.db.close()
        self._owner.close()

    def _meta(self, name: str) -> Any:
        return self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]
