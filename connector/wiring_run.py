"""A process with everything on: logs, metrics, HTTP, lanes."""

from collections.abc import Callable

from connector import wiring
from connector.adapters import logs, metrics, web
from connector.service import Service
from connector.settings import Settings, secret_values


def run(settings: Settings, only: str | None = None) -> int:
    """Work until a signal; the exit code. Raises what `build` raises."""
    logs.configure(settings.log.format, settings.log.level, secret_values(settings))
    meter = metrics.meter()

    def serve(service: Service) -> Callable[[], None]:
        return web.serve(settings.server.host, settings.server.port, meter.registry, service).close

    return wiring.build(settings, meter, only).run(serve)
