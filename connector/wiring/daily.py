"""A destination's requests of a day: counted where the ledger is; the lane lingers so that they last."""

from contextlib import suppress

from connector.adapters import logs
from connector.adapters.http_daily import DailyHttp
from connector.adapters.ledger_daily import PostgresDaily, SqliteDaily
from connector.core.day import DAY, day_left, day_of, stretched
from connector.core.plan import Plan
from connector.core.status import QuotaStatus
from connector.dialects.metrica_answers import is_spent
from connector.errors import ConnectorError, LedgerDown
from connector.ports import Clock, Daily, Http, Meter
from connector.settings import Settings
from connector.wiring.edges import SystemClock, postgres

LONGEST = DAY + 1
"""Seconds that a destination which counts by days may ask to stay away."""
SLACK = 60.0
"""Seconds after 00:00 GMT by our clock at which it is a new day by the ledger's as well."""


def count(settings: Settings, destination: str) -> Daily:
    """What was counted. Raises ConfigError, LedgerDown, Fatal."""
    if settings.ledger.is_postgres:
        return PostgresDaily(postgres(settings), destination)
    return SqliteDaily(settings.ledger.sqlite_path, destination)


def so_far(settings: Settings, destination: str) -> tuple[Daily, int] | None:
    """The count and how many it has of today; None: no ledger was made yet, or it does not answer."""
    ledger = settings.ledger
    if not ledger.is_postgres and not ledger.sqlite_path.exists():
        return None
    with suppress(ConnectorError):
        daily = count(settings, destination)
        try:
            return daily, daily.used()
        except ConnectorError:
            daily.close()
    return None


def by_hand(settings: Settings, destination: str, http: Http) -> Http:
    """The client of a command: its requests are of the same quota. Without a count they go all the same,
    since the counter may have to be made ready, or looked at, before there is a ledger."""
    most = settings.requests_per_day(destination)
    found = None if most is None else so_far(settings, destination)
    if most is None or found is None:
        return http
    told = lambda _left, _seconds: None  # noqa: E731 - nobody lingers
    return DailyHttp(http, found[0], most, SystemClock(), is_spent=is_spent, told=told)


class Thrift:
    """Spends a day's requests evenly where few are left: the fewer, the longer a batch waits for company."""

    def __init__(self, destination: str, linger: float, clock: Clock, meter: Meter) -> None:
        """linger: seconds, as configured."""
        self._destination, self._linger, self._clock, self._meter = destination, linger, clock, meter
        self._plan: Plan | None = None
        self._stretched, self._most, self._left = linger, 0, 0
        self._spent = False
        self._day = 0

    def client(self, settings: Settings, http: Http) -> Http:
        """The destination's client within its quota; the same one where nobody counts."""
        most = settings.requests_per_day(self._destination)
        if most is None:
            return http
        self._most, self._left, self._day = most, most, self._today()
        daily = count(settings, self._destination)
        with suppress(LedgerDown):  # an outage, told by the lane's first turn
            self._told(max(0, most - daily.used()), day_left(self._clock.now()))
        return DailyHttp(http, daily, most, self._clock, is_spent=is_spent, told=self._told)

    def guide(self, plan: Plan) -> None:
        """This plan lingers."""
        self._plan = plan
        plan.linger = self._stretched

    def quota(self) -> QuotaStatus | None:
        """What the day has left, without a forecast; None where nobody counts."""
        if not self._most:
            return None
        now = self._clock.now()
        return QuotaStatus(
            requests=self._most,
            left=self._left,
            resets_at=now + day_left(now),
            per_hour=None,
            spent_at=None,
            linger_seconds=self._stretched,
        )

    def tend(self) -> None:
        """Called about once a second by the lane: who has nothing to send is told of no new day."""
        if self._most and self._today() != self._day:
            self._told(self._most, day_left(self._clock.now()))

    def _today(self) -> int:
        return day_of(self._clock.now() - SLACK)

    def _told(self, left: int, seconds: float) -> None:
        """On the courier's thread: the plan reads the number at its next turn."""
        self._day, self._left = self._today(), left
        self._meter.set("daily_quota_left_requests", left, destination=self._destination)
        self._stretched = stretched(self._linger, left, seconds, self._most)
        if self._plan is not None:
            self._plan.linger = self._stretched
        if self._spent is not (left == 0):
            self._spent = left == 0
            if self._spent:
                logs.logger().warning(
                    "the day's quota is spent", destination=self._destination, seconds=round(seconds)
                )
