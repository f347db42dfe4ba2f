"""Who holds claims in a PostgreSQL ledger (RULES 2): an owner lives while its row is there.

Its lease is by the database's clock, kept by a small heartbeat; an owner whose lease has passed is buried by
any other's heartbeat: its row goes, for ever, and what is left of its claims is in doubt. So who lives is one
committed fact for everybody, and an owner learns of its own death at its next renewal.

A database that was away for longer than a lease proves nothing about the others: nobody is buried for one
lease after it started, nor by an owner that could not renew its own.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from connector.adapters.ledger_postgres_link import Connection, Link
from connector.errors import ConnectorError

_BEATS: Final = 6
_LONGEST_BEAT: Final = 5.0
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_RENEW: Final = """
    UPDATE crm_connector.owners SET lease_until = clock_timestamp() + make_interval(secs => %s)
    WHERE number = %s
"""
_BURY: Final = """
    DELETE FROM crm_connector.owners WHERE number <> %s AND lease_until < clock_timestamp()
    AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %s)
"""
_REGISTER: Final = """
    INSERT INTO crm_connector.owners
    VALUES (%s, %s, clock_timestamp(), clock_timestamp() + make_interval(secs => %s))
"""


def _seconds() -> float:
    """Of a clock that never goes back, and goes on while the machine is suspended."""
    return time.clock_gettime(_CLOCK)


class Owner:
    """A fresh owner, and its lease in seconds. upkeep: what else a heartbeat does."""

    def __init__(self, link: Link, lease: float, upkeep: Callable[[Connection], None]) -> None:
        """Not registered yet."""
        self._link, self._lease, self._upkeep = link, lease, upkeep
        self._period = min(lease / _BEATS, _LONGEST_BEAT)
        self.number = 0
        self._until = self._shelter = 0.0
        self.lapsed = False
        """Buried by another: its claims may be others' by now."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def buried(self) -> None:
        """Another has buried it, as a turn has seen."""
        with self._lock:
            self.lapsed = True

    def lease_left(self) -> float:
        """Seconds for which its claims are surely its own; counted from before the renewal was asked."""
        return 0.0 if self.lapsed else max(0.0, self._until - _seconds())

    def register(self, connection: Connection, destination: int) -> None:
        """Begin (again), under a number that nobody ever had."""
        with self._lock:
            asked, number = _seconds(), secrets.randbits(62) + 1
            connection.execute(_REGISTER, (number, destination, self._lease))
            self.number, self._until, self.lapsed = number, asked + self._lease, False
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="ledger-lease", daemon=True)
            self._thread.start()

    def renew(self, connection: Connection) -> None:
        """Ask for a whole lease from now on, or learn that it is too late."""
        with self._lock:
            if self.lapsed:
                return
            asked = _seconds()
            if connection.execute(_RENEW, (self._lease, self.number)).rowcount != 1:
                self.lapsed = True
                return
            if asked > self._until:
                self._shelter = asked + self._lease
            self._until = asked + self._lease

    def keep(self, connection: Connection) -> None:
        """Renew where the heartbeat is late: what is granted must not find the lease too short at once."""
        if self.lease_left() < self._lease - 3 * self._period:
            self.renew(connection)

    def close(self) -> None:
        """Stop the heartbeat and let go of the claims; without a database they wait for the lease."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            try:
                with self._link.connection() as connection:
                    connection.execute("DELETE FROM crm_connector.owners WHERE number = %s", (self.number,))
            except ConnectorError:
                pass

    def _beat(self) -> None:
        wait = self._period
        while not self._stop.wait(wait):
            wait = self._period
            try:
                with self._link.connection() as connection:
                    self.renew(connection)
                    if _seconds() > self._shelter:
                        connection.execute(_BURY, (self.number, self._lease))
                    self._upkeep(connection)
            except ConnectorError:  # the lane's own turn meets it, and says it
                wait = min(self._period, 1.0)
