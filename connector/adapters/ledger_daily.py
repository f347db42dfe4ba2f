"""Requests of a day, counted in the ledger's store: kept over restarts, shared by whoever shares the store.

One statement a request; the day is GMT's, in PostgreSQL by the server's clock.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final

from connector.adapters.ledger_sqlite_schema import connect, translated
from connector.core.day import day_of

_TAKE: Final = """
    INSERT INTO {days} AS d (destination, day, used) VALUES ({name}, {day}, 1)
    ON CONFLICT (destination) DO UPDATE SET day = excluded.day,
        used = CASE WHEN d.day = excluded.day THEN d.used + 1 ELSE 1 END
    WHERE d.day <> excluded.day OR d.used < {most}
    RETURNING used
"""
_SPEND: Final = """
    INSERT INTO {days} (destination, day, used) VALUES ({name}, {day}, {most})
    ON CONFLICT (destination) DO UPDATE SET day = excluded.day, used = excluded.used
"""
_USED: Final = "SELECT used FROM {days} WHERE destination = {name} AND day = {day}"


def _in_sqlite(statement: str) -> str:
    return statement.format(days="days", name=":name", day=":day", most=":most")


def _in_postgres(statement: str) -> bytes:
    day = "floor(extract(epoch FROM clock_timestamp()) / 86400)::integer"
    return statement.format(days="crm_connector.days", name="%(name)s", day=day, most="%(most)s").encode()


class _Daily(ABC):
    """What both stores answer by the same statements."""

    def take(self, most: int) -> int:
        """See ports.Daily."""
        found = self._run(_TAKE, most)
        return -1 if found is None else most - found

    def spend(self, most: int) -> None:
        """See ports.Daily."""
        self._run(_SPEND, most)

    def used(self) -> int:
        """See ports.Daily."""
        return self._run(_USED, 0) or 0

    @abstractmethod
    def _run(self, statement: str, most: int) -> int | None:
        """One statement; the first value of its first row, None without one."""


class SqliteDaily(_Daily):
    """Implements ports.Daily. path: the ledger's file, in an existing directory."""

    def __init__(
        self, path: Path, destination: str, *, now: Callable[[], float] = time.time, wait: float = 5.0
    ) -> None:
        """Open the file, or make it. Raises LedgerDown, Fatal."""
        self._path, self._name, self._now = path, destination, now
        with translated(path):
            self._db = connect(path, wait)

    def close(self) -> None:
        """See ports.Daily."""
        self._db.close()

    def _run(self, statement: str, most: int) -> int | None:
        given = {"name": self._name, "day": day_of(self._now()), "most": most}
        with translated(self._path):
            row = self._db.execute(_in_sqlite(statement), given).fetchone()
        return None if row is None else int(row[0])


class PostgresDaily(_Daily):
    """Implements ports.Daily. url: of the ledger's database, asked at each connection."""

    def __init__(self, url: Callable[[], str], destination: str, *, wait: float = 5.0) -> None:
        """Nothing is opened yet. Raises ConfigError where it is no address."""
        from connector.adapters.ledger_postgres_link import Link  # noqa: PLC0415 - slow, and not everybody's

        self._link, self._name = Link(url, wait), destination

    def close(self) -> None:
        """See ports.Daily."""
        self._link.close()

    def _run(self, statement: str, most: int) -> int | None:
        with self._link.connection() as connection:
            answer = connection.execute(_in_postgres(statement), {"name": self._name, "most": most})
            row = answer.fetchone() if answer.description else None
        return None if row is None else int(row[0])
