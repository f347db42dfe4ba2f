"""A process with everything on: logs, metrics, HTTP, lanes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from connector import __version__, wiring
from connector.adapters import logs, metrics, web
from connector.adapters.history_file import FileHistory
from connector.core.status import LaneStatus
from connector.errors import ConfigError, Outage
from connector.ports import History, Meter, Tracer
from connector.service import Service
from connector.settings import Settings, secret_values
from connector.wiring import clocks


def run(settings: Settings, only: str | None = None) -> int:
    """Work until a signal; the exit code. Raises Fatal (the port), and what `wiring.build` raises."""
    masker = logs.configure(settings.log.format, settings.log.level, secret_values(settings))
    meter, health = metrics.meter(), _Health()
    server = web.serve(settings.server.host, settings.server.port, meter.registry, health, masker)
    try:
        _refuse_strange_clocks(settings, [only] if only else list(settings.destinations))
        with _history(settings, meter) as history, _tracer(settings) as tracer:
            health.service = wiring.build(settings, meter, only, history=history, tracer=tracer)
            return health.service.run()
    finally:
        server.close()


@contextmanager
def _history(settings: Settings, meter: Meter) -> Iterator[History | None]:
    """The process's history, None without `history: FILE`. Raises ConfigError."""
    if settings.history is None:
        yield None
        return
    log = logs.logger()
    history = FileHistory(settings.history, wiring.SystemClock(), meter, log)
    try:
        history.note("started", pid=os.getpid(), version=__version__)
        yield history
        history.note("stopped")
    finally:
        history.close()


@contextmanager
def _tracer(settings: Settings) -> Iterator[Tracer | None]:
    """The process's tracer, None without `tracing`. Raises ConfigError."""
    if not settings.tracing:
        yield None
        return
    from connector.adapters.tracing import OtelTracer  # noqa: PLC0415 - of an extra, and slow

    tracer = OtelTracer()
    try:
        yield tracer
    finally:
        tracer.close()


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

    def status(self) -> Mapping[str, list[LaneStatus]]:
        return self.service.status() if self.service else {}
