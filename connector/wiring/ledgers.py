"""What `ledger` does: bring its tables to this version, remove heads on purpose (RULES 2)."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector import wiring
from connector.adapters.ledger_postgres_link import Link, place_of
from connector.adapters.ledger_postgres_schema import migrate as migrate_tables
from connector.adapters.ledger_sqlite_schema import migrate as migrate_file
from connector.settings import Settings
from connector.settings.ledger import LedgerSettings
from connector.wiring.edges import postgres

_WAIT = 60.0
"""Seconds that a step of a migration may take."""


def migrate(settings: Settings) -> str:
    """Bring the ledger to this version; a line that says what was done. Raises LedgerDown, Fatal."""
    place, before, after = (_migrate_tables if settings.ledger.is_postgres else _migrate_file)(settings)
    done = f"migrated from version {before} to {after}" if before < after else f"up to date (version {after})"
    return f"ledger {place}: {done}"


def _migrate_file(settings: Settings) -> tuple[str, int, int]:
    path = settings.ledger.sqlite_path
    return str(path), *migrate_file(path, _WAIT)


def _migrate_tables(settings: Settings) -> tuple[str, int, int]:
    link = Link(postgres(settings), _WAIT)
    try:
        return link.place, *migrate_tables(link)
    finally:
        link.close()


def opened(settings: Settings) -> str:
    """A line that says that a ledger in PostgreSQL opens. Raises ConfigError, LedgerDown, Fatal."""
    ledger = wiring.ledger(settings, next(iter(settings.destinations)))
    try:
        identity = ledger.identity
    finally:
        ledger.close()
    return f"ledger {place_of(settings.ledger.postgres_url())}: opens, id {identity}"


def prune(settings: Settings, destinations: tuple[str, ...], before_ms: int) -> list[str]:
    """Remove heads older than a time; a line for each destination. Raises ConfigError, LedgerDown, Fatal."""
    for name in destinations:
        settings.destination(name)
    return [_prune(settings, name, before_ms) for name in destinations or tuple(settings.destinations)]


def _prune(settings: Settings, name: str, before_ms: int) -> str:
    ledger = wiring.ledger(settings, name)
    try:
        return f"{name}: {ledger.prune(before_ms)} removed"
    finally:
        ledger.close()


@contextmanager
def stand_in(settings: Settings) -> Iterator[Settings]:
    """For who only asks: where the ledger's file does not exist, an empty one for as long as it takes."""
    if settings.ledger.is_postgres or settings.ledger.sqlite_path.exists():
        yield settings
        return
    with tempfile.TemporaryDirectory() as folder:
        yield emptied(settings, Path(folder))


def emptied(settings: Settings, folder: Path) -> Settings:
    """The same with a ledger of its own, in which nothing is yet."""
    fresh = LedgerSettings(url=f"sqlite://{folder / 'ledger.db'}")
    return settings.model_copy(update={"ledger": fresh})
