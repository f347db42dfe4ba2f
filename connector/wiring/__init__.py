"""The composition root: the only module, with those of its room, that names concrete adapters."""

from connector.adapters import logs
from connector.ports import History, Meter, Tracer
from connector.recording import recorder
from connector.service import Service
from connector.settings import Settings
from connector.tracing import Traced
from connector.wiring.assembly import Assembly
from connector.wiring.edges import SystemClock, count_from_zero, decoder, http, ledger, registry, show_quota

__all__ = ["SystemClock", "build", "count_from_zero", "decoder", "http", "ledger", "registry", "show_quota"]


def build(
    settings: Settings,
    meter: Meter,
    only: str | None = None,
    *,
    embedded: bool = False,
    history: History | None = None,
    tracer: Tracer | None = None,
) -> Service:
    """The service of one process. only: one destination's lane. history: what it does is written there.
    tracer: its requests are traced there.

    embedded: the broker is librdkafka's own, which can neither describe nor create topics.
    Raises ConfigError; LedgerDown, Fatal for the ledger.
    """
    names = [only] if only else list(settings.destinations)
    for name in names:
        settings.destination(name)
    clock, log = SystemClock(), logs.logger()
    for line in (line for name in names for line in settings.capped(name)):
        log.warning("capped", detail=line)
    schemas = registry(settings)
    tapes = {name: recorder(history, name, clock) for name in names}
    if tracer is not None:
        tapes = {name: Traced(tape, tracer, name, clock, meter) for name, tape in tapes.items()}
    lanes = [
        Assembly(settings, name, clock, meter, log, tapes[name]).lane(schemas, embedded=embedded)
        for name in names
    ]
    budget = max(settings.drain_seconds_of(name) for name in names) + 5.0
    return Service(lanes, clock, log, budget)
