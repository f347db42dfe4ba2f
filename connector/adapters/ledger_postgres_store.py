"""An open ledger database, scoped to one destination and one owner: its transactions and its small tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import Cursor

from connector.adapters import ledger_postgres_schema as schema
from connector.adapters import ledger_postgres_sql as sql
from connector.adapters.ledger_postgres_link import Connection, Link, Row
from connector.adapters.ledger_postgres_owner import Owner
from connector.adapters.ledger_rows import Source, Veil
from connector.core.events import Event
from connector.core.heads import Epoch, Epochs
from connector.errors import Fatal, LedgerDown

_STATUS: Final = "SELECT pg_xact_status(%s::text::xid8)"


class Store:
    """Opened by its first use, so that a database that is away at start is an outage like any other."""

    def __init__(
        self, link: Link, destination: str, lease: float, upkeep: Callable[[Connection], None]
    ) -> None:
        """Nothing is opened."""
        self.link, self._name = link, destination
        self.owner = Owner(link, lease, upkeep)
        self.identity = ""
        self.destination = 0
        self.xid: str | None = None
        self._db: Connection | None = None
        self._numbers: dict[Source, int] = {}
        self._sources: dict[int, Source] = {}
        self.veil = Veil(b"")

    @contextmanager
    def opened(self) -> Iterator[None]:
        """With a connection; all of this class's other methods belong inside."""
        with self.link.connection() as connection:
            self._db = connection
            try:
                if not self.identity:
                    self._open(connection)
                yield
            finally:
                self._db = None

    def _open(self, db: Connection) -> None:
        schema.check(db, self.link)
        row = db.execute("SELECT identity, hash_key FROM crm_connector.ledger").fetchone()
        named = {"name": self._name}
        db.execute(
            "INSERT INTO crm_connector.destinations (name) VALUES (%(name)s) ON CONFLICT DO NOTHING", named
        )
        found = db.execute(
            "SELECT number FROM crm_connector.destinations WHERE name = %(name)s", named
        ).fetchone()
        if row is None or found is None:
            raise Fatal(f"ledger {self.link.place}: damaged; restore its backup")
        self.destination, self.veil = found[0], Veil(row[1])
        self.owner.register(db, self.destination)
        self.identity = row[0]

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Cursor[Row]:
        """Execute; destination and owner are always given."""
        given = {"destination": self.destination, "owner": self.owner.number, **(parameters or {})}
        return self.connection.execute(statement.encode(), given, binary=True)

    def write(self, statement: str, parameters: Mapping[str, Any]) -> int:
        """Execute what returns its transaction's id with each row; how many rows it wrote."""
        done = self.run(statement, parameters)
        if done.rowcount > 0:
            self.xid = done.fetchone()[0]  # type: ignore[index] # there is a row
        return done.rowcount

    @property
    def connection(self) -> Connection:
        """The open one."""
        if self._db is None:
            raise RuntimeError("the ledger is not open")
        return self._db

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. `xid` is kept where a commit was asked and not answered: see `happened`."""
        db, self.xid = self.connection, None
        db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.xid = None
            with suppress(psycopg.Error):
                db.execute("ROLLBACK")
            raise
        self.connection_commit()
        self.xid = None

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Nothing of it is kept."""
        db = self.connection
        db.execute("BEGIN")
        try:
            yield
        finally:
            self.xid = None
            with suppress(psycopg.Error):
                db.execute("ROLLBACK")

    def connection_commit(self) -> None:
        """Ask for the commit, and wait for its answer."""
        self.connection.execute("COMMIT")

    def happened(self, xid: str) -> bool:
        """Whether a transaction whose commit was not answered has been committed.

        Raises LedgerDown: not known yet.
        """
        try:
            row = self.connection.execute(_STATUS, (xid,)).fetchone()
        except psycopg.DataError:  # the server that knew it is gone, and so is what it did
            return False
        if row == ("in progress",):
            raise LedgerDown(f"ledger {self.link.place}: the last turn is still open; the next try follows")
        return row == ("committed",)

    def header(self) -> int:
        """The generation: it goes on whenever what was known of contacts, or of clocks, holds no longer.

        Notices a ledger that was put in this one's place, and this owner's burial.
        """
        row = self.connection.execute(sql.HEADER, (self.owner.number,)).fetchone()
        if row is None or row[1] != self.identity:
            raise Fatal(
                f"ledger {self.link.place}: another ledger took its place; see that it is right, and restart"
            )
        if row[0] != len(schema.STEPS):
            raise Fatal(
                f"ledger {self.link.place}: was migrated to another version; install that one and restart"
            )
        if not row[3]:
            self.owner.buried()
        return int(row[2])

    def renew(self, *, idle: bool) -> None:
        """Keep the lease; where it was lost, begin anew once all is settled that the old owner was granted.

        Not before, however long it takes: what waits in the courier would pass for the new owner's.
        """
        if self.owner.lapsed and idle:
            self.owner.register(self.connection, self.destination)
        else:
            self.owner.keep(self.connection)

    def bump(self) -> None:
        """Tell everybody, with this transaction's commit."""
        self.run("SELECT pg_advisory_xact_lock(1129467203, %(destination)s)")
        self.connection.execute(sql.BUMP)

    # --- Sources, epochs --------------------------------------------------------------------------

    def number_sources(self, events: Iterable[Event]) -> None:
        """Give every source of these events its number, before the turn: a turn should not wait for that."""
        wanted = {(at.clock, at.topic, at.partition) for event in events if (at := event.version) is not None}
        if new := sorted(wanted - self._numbers.keys()):
            for source in new:
                self.connection.execute(sql.MAKE_SOURCES, source)
            self._load_sources()

    def number(self, source: Source) -> int:
        """The number that stands for a source."""
        if source not in self._numbers:
            self.connection.execute(sql.MAKE_SOURCES, source)
            self._load_sources()
        return self._numbers[source]

    def source(self, number: int) -> Source:
        """The source that a number stands for."""
        if number not in self._sources:
            self._load_sources()
        if number not in self._sources:
            raise Fatal(f"ledger {self.link.place}: damaged (source {number}); restore its backup")
        return self._sources[number]

    def forget_sources(self) -> None:
        """A transaction was rolled back: numbers given in it are void."""
        self._numbers.clear()
        self._sources.clear()

    def _load_sources(self) -> None:
        for number, *source in self.connection.execute(sql.ALL_SOURCES):
            self._sources[number] = (source[0], source[1], source[2])
        self._numbers = {source: number for number, source in self._sources.items()}

    def epochs(self) -> Epochs:
        """All of them, highest rank first."""
        return tuple(Epoch(*row) for row in self.connection.execute(sql.EPOCHS, (self.destination,)))

    def horizon(self) -> int:
        """Heads older than this (ms since the epoch) may have been pruned; 0: none."""
        row = self.run(
            "SELECT coalesce(horizon_ms, 0) FROM crm_connector.destinations WHERE number = %(destination)s"
        ).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Let go of the claims, close every connection."""
        self.owner.close()
        self.link.close()
