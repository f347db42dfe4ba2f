"""A destination's requests of a day: counted where the ledger is; the lane lingers so that they last."""

from contextlib import suppress

import structlog

from connector.adapters.http_daily import DailyHttp
from connector.adapters.ledger_daily import PostgresDaily, SqliteDaily
from connector.core.day import DAY, day_left, stretched
from connector.core.plan import Plan
from connector.dialects.metrica_answers import is_spent
from connector.errors import LedgerDown
from connector.ports import Clock, Daily, Http, Meter
from connector.settings import Settings

LONGEST = DAY + 1
"""Seconds that a destination which counts by days may ask to stay away."""


def count(settings: Settings, destination: str) -> Daily:
    """What was counted. Raises ConfigError, LedgerDown, Fatal."""
    if settings.ledger.is_postgres:
        return PostgresDaily(settings.ledger.postgres_url, destination)
    return SqliteDaily(settings.ledger.sqlite_path, destination)


class Thrift:
    """Spends a day's requests evenly where few are left: the fewer, the longer a batch waits for company."""

    def __init__(self, destination: str, linger: float, clock: Clock, meter: Meter) -> None:
        """linger: seconds, as configured."""
        self._destination, self._linger, self._clock, self._meter = destination, linger, clock, meter
        self._plan: Plan | None = None
        self._stretched, self._most = linger, 0
        self._spent = False

    def client(self, settings: Settings, http: Http) -> Http:
        """The destination's client within its quota; the same one where nobody counts."""
        most = settings.requests_per_day(self._destination)
        if most is None:
            return http
        self._most = most
        daily = count(settings, self._destination)
        with suppress(LedgerDown):  # an outage, told by the lane's first turn
            self._told(max(0, most - daily.used()), day_left(self._clock.now()))
        return DailyHttp(http, daily, most, self._clock, is_spent=is_spent, told=self._told)

    def guide(self, plan: Plan) -> None:
        """This plan lingers."""
        self._plan = plan
        plan.linger = self._stretched

    def _told(self, left: int, seconds: float) -> None:
        """On the courier's thread: the plan reads the number at its next turn."""
        self._meter.set("daily_quota_left_requests", left, destination=self._destination)
        self._stretched = stretched(self._linger, left, seconds, self._most)
        if self._plan is not None:
            self._plan.linger = self._stretched
        if self._spent is not (left == 0):
            self._spent = left == 0
            if self._spent:
                structlog.get_logger("connector").warning(
                    "the day's quota is spent", destination=self._destination, seconds=round(seconds)
                )
