"""A process with everything on: logs, metrics, HTTP, lanes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from connector import wiring
from connector.adapters import logs, metrics, web
from connector.errors import ConfigError, Outage
from connector.service import Service
from connector.settings import Settings, secret_values
from connector.wiring import clocks


def run(settings: Settings, only: str | None = None) -> int:
    """Work until a signal; the exit code. Raises Fatal (the port), and what `wiring.build` raises."""
    logs.configure(settings.log.format, settings.log.level, secret_values(settings))
    meter, health = metrics.meter(), _Health()
    server = web.serve(settings.server.host, settings.server.port, meter.registry, health)
    try:
        _refuse_strange_clocks(settings, [only] if only else list(settings.destinations))
        health.service = wiring.build(settings, meter, only)
        return health.service.run()
    finally:
        server.close()


def _refuse_strange_clocks(settings: Settings, names: Sequence[str]) -> None:
    """RULES 1: topics that feed one entity by different clocks. What cannot be asked now pauses later."""
    with suppress(Outage):
        findings = [finding for name in names for finding in clocks.check(settings, name)]
        wrong = [finding.text for finding in findings if finding.mark == "wrong"]
        if wrong:
            raise ConfigError(*wrong)


class _Health:
    """The service's health once there is one: probes are answered before the pipeline starts."""

    service: Service | None = None

    def live(self) -> list[str]:
        return self.service.live() if self.service else []

    def ready(self) -> list[str]:
        return self.service.ready() if self.service else ["starting"]

    def status(self) -> Mapping[str, object]:
        return self.service.status() if self.service else {}
