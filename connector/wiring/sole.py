"""One process at a time for a replay: its checkpoint has no members whom Kafka could fence."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from connector.adapters.ledger_sqlite_lock import FileLock
from connector.errors import Fatal, LedgerDown
from connector.ports.archive import Lock
from connector.settings import Settings
from connector.wiring.edges import postgres

LOOK = 5.0
"""Seconds between two looks whether the replay is still its own."""


class Sole:
    """The only process at work on a replay. failure: one line, once it is so no longer."""

    def __init__(self, lock: Lock, name: str) -> None:
        """Raises Fatal where another process is at work on it, LedgerDown."""
        self._lock, self._next = lock, time.monotonic() + LOOK
        self._busy = f"replay {name}: another process is at work on it; wait for its end, or stop it first"
        self.failure: str | None = None
        if not lock.take():
            raise Fatal(self._busy)

    def holds(self) -> bool:
        """Whether it still is. A ledger that does not answer has not given the replay to another."""
        if self.failure is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + LOOK
            with suppress(LedgerDown):
                self.failure = None if self._lock.take() else self._busy
        return self.failure is None


@contextmanager
def sole(settings: Settings, name: str) -> Iterator[Sole]:
    """For as long as the block takes. Raises ConfigError and as Sole does."""
    lock = _lock(settings, f"replay {name}")
    try:
        yield Sole(lock, name)
    finally:
        lock.close()


def _lock(settings: Settings, what: str) -> Lock:
    if not settings.ledger.is_postgres:
        return FileLock(settings.ledger.sqlite_path, what)
    from connector.adapters.ledger_postgres_lock import SessionLock  # noqa: PLC0415 - as in edges

    return SessionLock(postgres(settings), what)
