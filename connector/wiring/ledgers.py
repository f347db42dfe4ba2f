"""What `ledger` does: bring its tables to this version, remove heads on purpose (RULES 2)."""

from connector import wiring
from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_postgres_link import Link, place_of
from connector.adapters.ledger_postgres_schema import migrate as migrate_tables
from connector.errors import ConfigError
from connector.settings import Settings

_WAIT = 60.0
"""Seconds that a step of a migration may take."""


def migrate(settings: Settings) -> str:
    """Bring the ledger to this version; a line that says what was done. Raises LedgerDown, Fatal."""
    if not settings.ledger.is_postgres:
        wiring.ledger(settings, next(iter(settings.destinations))).close()
        return f"ledger {settings.ledger.sqlite_path}: up to date"
    link = Link(settings.ledger.postgres_url, _WAIT)
    try:
        before, after = migrate_tables(link)
    finally:
        link.close()
    done = f"migrated from version {before} to {after}" if before < after else f"up to date (version {after})"
    return f"ledger {link.place}: {done}"


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
        if not isinstance(ledger, PostgresLedger):
            raise ConfigError(
                "ledger.url: only a ledger in PostgreSQL can be pruned; keep all of an SQLite one"
            )
        return f"{name}: {ledger.prune(before_ms)} removed"
    finally:
        ledger.close()
