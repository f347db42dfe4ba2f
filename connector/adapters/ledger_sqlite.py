"""The ledger in an SQLite file: one replica, and beside it other processes of the same host (RULES 2).

A turn is one write transaction. An event's key is looked up once and its head written once, at the settle;
what is claimed stands in few rows, and in memory, so that settling reads nothing. Every transaction starts
as a writer: what it decides on cannot change before it commits.
"""

import time
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path

from connector.adapters import ledger_sqlite_removal as removal
from connector.adapters.ledger_sqlite_grant import Granting
from connector.adapters.ledger_sqlite_history import History
from connector.adapters.ledger_sqlite_memory import Memory
from connector.adapters.ledger_sqlite_places import FRESH
from connector.adapters.ledger_sqlite_schema import translated
from connector.adapters.ledger_sqlite_settle import Settling
from connector.adapters.ledger_sqlite_store import Store
from connector.adapters.ledger_sqlite_upkeep import most_orders, prune, sizes
from connector.core.assignment import Answer
from connector.core.claims import Count, Settlement, Verdict, Want
from connector.core.model import Entity
from connector.core.past import Sent, Sizes, Stale
from connector.core.removal import Removable, Removed, Span
from connector.core.sight import Sight


class SqliteLedger:
    """Implements ports.Ledger. Used by one thread at a time.

    path: the file, in an existing directory. wait: seconds to wait for another process's transaction.
    retention_days: of history; 0 = none is kept. fresh: heads that are found by memory.
    stale_sends: settles that found their claim lost, since start (`stale_sends_total`).
    counted: told of the clients whose orders a turn has counted.
    Raises LedgerDown while it cannot be read or written; Fatal: damaged, of another program, or too new.
    """

    def __init__(
        self,
        path: Path,
        destination: str,
        *,
        now: Callable[[], float] = time.time,
        wait: float = 5.0,
        retention_days: int = 30,
        fresh: int = FRESH,
    ) -> None:
        """Open or make the file, and become an owner."""
        self._store = Store(path, destination, wait, fresh)
        self._tables = self._store.tables
        self._memory = Memory(self._store)
        self._history = History(self._store.db, self._store.destination, self._tables, retention_days)
        self._settling = Settling(self._memory, self._history, now)
        self._granting = Granting(self._memory, now)
        self._now = now
        self.stale_sends = 0
        self.counted: Callable[[Sequence[Count]], None] = lambda _: None

    @property
    def identity(self) -> str:
        """See ports.Ledger."""
        return self._store.identity

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        try:
            with self._store.transaction():
                self._memory.refresh()
                stale = self._settling.settle(settled) if settled else 0
                counts = self._settling.count() if settled else []
                verdicts = self._granting.claim(wanted) if wanted else []
                self._memory.claims.flush()
                self._tables.places.tidy()
                noted = self._history.flush(int(self._now() * 1000))
                self._store.count(heads=self._tables.made, history=noted)
        except BaseException:
            self._memory.doubt()
            self._history.forget()
            raise
        self._tables.made = 0
        self.stale_sends += stale
        if counts:
            self.counted(counts)
        return verdicts

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        """See ports.Ledger."""
        with translated(self._store.path):
            found = self._tables.keys_of(row_keys)
        return [found.get(row) for row in row_keys]

    def answers(self) -> list[Answer]:
        """See ports.Ledger."""
        with translated(self._store.path):
            return self._tables.answers()

    def answer(self, answer: Answer) -> None:
        """See ports.Ledger."""
        with self._store.transaction():
            self._tables.add_answer(answer, self._now())

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        """See ports.Ledger."""
        with self._store.transaction():
            self._tables.add_epoch(clock, since_ms, reason, self._now())
            self._store.bump()

    def look(self, entity: Entity, key: str) -> Sight:
        """See ports.Archive."""
        slot = self._tables.slot(entity, key)
        with self._store.transaction():
            self._memory.refresh()
            claim, living = self._memory.claims.get(slot), self._store.living()
            found = self._tables.find(self._tables.spreads([slot])).get(slot)
            head = self._tables.unpack(found) if found else None
            orders = self._tables.orders_of([slot[1]]).get(slot[1], 0) if entity == "contact" else 0
            return Sight(head, claim, claim is not None and living(claim.owner), orders)

    def rehearse(self, wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Archive: a turn that is taken back."""
        try:
            with self._store.rehearsal():
                self._memory.refresh()
                return self._granting.claim(wanted)
        finally:
            self._memory.doubt()

    def lease_left(self) -> float:
        """See ports.Ledger: an owner keeps its lock as long as it lives, stopped or not."""
        return inf

    def upkeep(self) -> None:
        """See ports.Ledger."""
        now_ms = int(self._now() * 1000)
        with translated(self._store.path):
            due = self._history.is_due(now_ms)
        if due:
            with self._store.transaction():
                self._history.expire(now_ms)

    def sizes(self) -> Sizes:
        """See ports.Archive."""
        with translated(self._store.path):
            return sizes(self._memory)

    def most_orders(self) -> int:
        """See ports.Archive."""
        with translated(self._store.path):
            return most_orders(self._memory)

    def history(self, entity: Entity, key: str) -> list[Sent]:
        """See ports.Archive."""
        with translated(self._store.path):
            slot = entity, key if entity == "order" else self._tables.stored(key)
            return self._history.find(slot, *self._tables.spreads([slot]))

    def stale(self) -> list[Stale]:
        """See ports.Archive."""
        with translated(self._store.path):
            return self._history.stale()

    def prune(self, before_ms: int) -> int:
        """See ports.Archive."""
        return prune(self._memory, before_ms)

    def removable(self, span: Span) -> Removable:
        """See ports.Archive."""
        with translated(self._store.path):
            return removal.removable(self._memory, span)

    def remove(self, span: Span, seen: Removable) -> Removed:
        """See ports.Archive."""
        return removal.remove(self._memory, span, seen, int(self._now() * 1000))

    def close(self) -> None:
        """See ports.Ledger."""
        self._store.close()
