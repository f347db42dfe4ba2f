"""A destination's edges, from its configuration: ledger, HTTP client, registry, decoders, clocks."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar, get_args

from connector.adapters import logs, schema_file
from connector.adapters.http_options import HttpOptions
from connector.adapters.http_wire import WireHttp
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.adapters.registry import Registry
from connector.adapters.registry_client import RegistryOptions
from connector.core.decode import Decoder
from connector.core.mapping import Mapper
from connector.errors import ConfigError
from connector.lane.books import RecordOutcome
from connector.ports import Http, Meter, Schemas
from connector.settings import Settings, secret_values
from connector.settings.topic import TopicSettings

if TYPE_CHECKING:
    from connector.adapters.ledger_postgres import PostgresLedger

T = TypeVar("T")
AnyLedger: TypeAlias = "SqliteLedger | PostgresLedger"
LEASE_SLACK = 30.0
"""Seconds that a claim's lease outlasts a request's deadline: so long may the ledger be away (RULES 2)."""


class SystemClock:
    """The machine's clocks (ports.Clock), with no call of ours around them: each record asks them."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


def anew(settings: Settings, read: Callable[[], T]) -> Callable[[], T]:
    """The same reading; what secrets there are by then appear in no log."""

    def reading() -> T:
        logs.mask(secret_values(settings, readable=True))
        return read()

    return reading


def registry(settings: Settings) -> Registry | None:
    """The registry's client, None where the topics have schema files. Raises ConfigError."""
    options = settings.registry_client()
    if not options:
        return None
    credentials = anew(settings, options.pop("credentials"))
    return Registry(RegistryOptions(credentials=credentials, **options))


def postgres(settings: Settings) -> Callable[[], str]:
    """The PostgreSQL ledger's address, as whoever connects asks for it."""
    return anew(settings, settings.ledger.postgres_url)


def ledger(settings: Settings, destination: str) -> AnyLedger:
    """The ledger, scoped to a destination. Raises ConfigError, LedgerDown, Fatal."""
    if settings.ledger.is_postgres:
        from connector.adapters.ledger_postgres import PostgresLedger  # noqa: PLC0415 - slow, and not everybody's

        lease = settings.delivery_of(destination).request_timeout_seconds + LEASE_SLACK
        days = settings.ledger.retention_days
        return PostgresLedger(postgres(settings), destination, lease=lease, retention_days=days)
    path = settings.ledger.sqlite_path
    if not path.parent.is_dir():
        raise ConfigError(f"ledger.url: {path.parent} does not exist; create it or mount a volume there")
    return SqliteLedger(path, destination, retention_days=settings.ledger.retention_days)


def ledger_there(settings: Settings, destination: str) -> AnyLedger:
    """The ledger for whoever only asks: a file that is not there is not made. Raises as `ledger`."""
    chosen = settings.ledger
    if not chosen.is_postgres and not chosen.sqlite_path.exists():
        raise ConfigError(f"ledger.url: {chosen.sqlite_path} does not exist; nothing was sent yet")
    return ledger(settings, destination)


def http(settings: Settings, destination: str) -> Http:
    """A destination's HTTP client; its secret is read again after a refusal."""
    secret, chosen = settings.secret_of(destination), settings.destination(destination)
    read = anew(settings, secret.get)
    secret.get()  # a missing file is a mistake now, and an outage later

    def credentials() -> dict[str, str]:
        try:
            token = read()
        except ConfigError as error:
            raise OSError(str(error)) from error
        return {"authorization": chosen.authorization(token)}

    delivery = settings.delivery_of(destination)
    options = HttpOptions(base_url=chosen.url, connections=delivery.in_flight, proxy=chosen.proxy)
    if not options.proxy:
        return WireHttp(options, credentials)
    from connector.adapters.http_httpx2 import Httpx2Http  # noqa: PLC0415 - as above

    return Httpx2Http(options, credentials)


def decoder(topic: TopicSettings, schemas: Schemas | None, mapper: Mapper | None = None) -> Decoder:
    """Reads one topic. mapper: see Decoder."""
    if topic.schema_file is not None:
        return Decoder(topic.rules(), fixed=schema_file.load(topic.schema_file), mapper=mapper)
    if schemas is None:
        raise ConfigError(f"topics {topic.name}: needs schema_registry or a schema_file of its own")
    return Decoder(topic.rules(), schemas, mapper=mapper)


def show_quota(settings: Settings, destination: str, meter: Meter) -> None:
    """Export how many requests a day the destination allows, where it limits them."""
    quota = settings.requests_per_day(destination)
    if quota is not None:
        meter.set("daily_quota_requests", quota, destination=destination)


def count_from_zero(settings: Settings, destination: str, meter: Meter) -> None:
    """Counters of known labels begin at 0: of one that begins at its first value no increase is seen."""
    for topic in settings.topics_of(destination):
        for outcome in get_args(RecordOutcome):
            meter.add("records_total", 0, destination=destination, topic=topic.name, outcome=outcome)
    meter.add("retries_total", 0, destination=destination, reason="in_doubt")
    meter.add("stale_sends_total", 0, destination=destination)
    for kind in ("assigned", "revoked", "lost"):
        meter.add("rebalances_total", 0, kind=kind)
