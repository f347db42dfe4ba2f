"""The demo's process: the real service, quiet, with or without its web server."""

from collections.abc import Iterator
from contextlib import contextmanager

from connector import wiring
from connector.adapters import logs, metrics, web
from connector.service import Service
from connector.settings import Settings, secret_values
from connector.wiring import metrica_schema


def service(settings: Settings) -> tuple[Service, metrics.PrometheusMeter]:
    """A service on an embedded broker, and its meter. Raises what `wiring.build` raises."""
    logs.configure("console", "error", secret_values(settings))
    meter = metrics.meter()
    return wiring.build(settings, meter, embedded=True), meter


def prepare(settings: Settings) -> None:
    """Metrica's counters get their statuses. Raises ConnectorError."""
    for name in metrica_schema.counters(settings, None):
        metrica_schema.apply(settings, name)


@contextmanager
def served(settings: Settings, made: Service, meter: metrics.PrometheusMeter) -> Iterator[str]:
    """Metrics, probes and status for the time of a with block; their URL. Raises Fatal."""
    server = web.serve(settings.server.host, settings.server.port, meter.registry, made)
    try:
        yield f"http://{settings.server.host}:{server.port}"
    finally:
        server.close()
