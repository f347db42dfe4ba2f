"""A replay at work: the destination's lane with another source, a share of its rate, and a tally."""

import time
from collections.abc import Callable, Mapping

import structlog
from msgspec import Struct
from msgspec.structs import replace

from connector import wiring
from connector.adapters import logs, metrics
from connector.adapters.kafka_replay import Errand, ReplaySource
from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.core.brake import Brake
from connector.core.decode import Decoder
from connector.core.mapping import Mapper
from connector.core.quota import Quota
from connector.courier import CourierOptions
from connector.errors import ConfigError
from connector.lane.books import Books
from connector.lane.intake import Reading
from connector.lane.lane import Lane
from connector.lane.partitions import Partitions
from connector.ports import Clock, Log, Members, Meter, Quotas, TopicPartition
from connector.recording import Unrecorded
from connector.replay import PartOfQuotas, Selected, TalliedBooks, Tally
from connector.service import Service
from connector.settings import Settings, secret_values
from connector.settings.destinations import YespoSettings
from connector.settings.topic import TopicSettings
from connector.wiring.assembly import Assembly
from connector.wiring.replays import Replay

GRACE = 5.0
"""Seconds that the end may take beside the drain."""


class Progress(Struct, frozen=True):
    """passed of offsets, `done` of them by this process in so many seconds; outcomes of all; why it waits."""

    passed: int
    done: int
    offsets: int
    outcomes: Mapping[str, int]
    paused: tuple[str, ...]
    seconds: float


class Result(Struct, frozen=True):
    """What came of it so far. gaps: offsets without a record, since compacted, or markers of transactions.

    expired: offsets that were asked for and are not kept any more. failure: one line.
    """

    finished: bool
    outcomes: Mapping[str, int]
    at: Mapping[TopicPartition, int]
    passed: int
    expired: int
    gaps: int
    seconds: float
    failure: str | None = None


def run(settings: Settings, replay: Replay, look: Callable[[Progress], None]) -> Result:
    """Work until it is done, or a signal. look: called a few times a second on this, the main thread.

    Raises ConfigError, Outage, Fatal as `wiring.build` does.
    """
    logs.configure(settings.log.format, "warning", secret_values(settings))
    settings, clock, tally = as_asked(settings, replay), wiring.SystemClock(), Tally(replay.marks)
    log, began = structlog.get_logger("connector"), time.monotonic()
    assembly = ReplayAssembly(settings, replay, clock, metrics.meter(), log, tally)
    schemas = wiring.registry(settings)
    running = assembly.lane(schemas, embedded=False)

    def over() -> bool:
        look(_progress(assembly, running.lane, tally, time.monotonic() - began))
        return assembly.finished

    budget = settings.drain_seconds_of(replay.job.destination) + GRACE
    service = Service([running], clock, log, budget, over)
    service.run()
    return _result(assembly, tally, time.monotonic() - began, running.failure)


def as_asked(settings: Settings, replay: Replay) -> Settings:
    """The configuration as this replay has it. Raises ConfigError."""
    name, via = replay.job.destination, replay.job.via
    chosen = settings.destination(name)
    if via is None:
        return settings
    if not isinstance(chosen, YespoSettings):
        raise ConfigError(f"--via: {via} is a way of Yespo's; {name} has none, leave it out")
    asked = chosen.model_copy(update={"orders_via": via, "events_via": via})
    return settings.model_copy(update={"destinations": {**settings.destinations, name: asked}})


class ReplayAssembly(Assembly):
    """A lane that reads stretches, for a share of the rate, and counts by position."""

    def __init__(
        self, settings: Settings, replay: Replay, clock: Clock, meter: Meter, log: Log, tally: Tally
    ) -> None:
        super().__init__(settings, replay.job.destination, clock, meter, log, _Tape(tally))
        self.replay, self._tally = replay, tally
        self._source: ReplaySource | None = None

    @property
    def finished(self) -> bool:
        """Whether all of it is settled and committed."""
        return self._source is not None and self._source.finished

    @property
    def at(self) -> dict[TopicPartition, int]:
        """What is committed."""
        return dict(self.replay.at) | (self._source.landed if self._source else {})

    @property
    def passed(self) -> int:
        """Offsets below what is committed."""
        return sum(self.at[place] - mark.start for place, mark in self.replay.marks.items())

    def reading(
        self, topic: TopicSettings, decodes: Decoder, find_key: Callable[[str], str | None]
    ) -> Reading:
        """See Assembly."""
        mapper, selection = Mapper(self._settings.rules_of(self._name, topic)), self.replay.job.selection
        if not selection:
            return Reading(decodes, mapper, topic.totals)
        selected = Selected(decodes, mapper, selection, find_key)
        return Reading(selected, selected, topic.totals)

    def source(self, members: Members, properties: Mapping[str, str], *, embedded: bool) -> ReplaySource:
        """See Assembly."""
        topic_id = "" if embedded else self.replay.job.topic_id
        errand = Errand(self.replay.group, self.replay.rest, topic_id)
        self._source = ReplaySource(properties, errand, members, self._tally, self._budget)
        return self._source

    def courier_options(self) -> CourierOptions:
        """See Assembly."""
        usual, part = super().courier_options(), self.replay.job.share
        return replace(
            usual,
            in_flight=max(1, round(usual.in_flight * part)),
            rate_per_second=usual.rate_per_second * part,
        )

    def quotas(self, store: SqliteLedger | PostgresLedger) -> Quotas | None:
        """See Assembly: where replicas share a rate, a part of it."""
        whole, part = super().quotas(store), self._delivery.rate_per_second * self.replay.job.share
        return None if whole is None else PartOfQuotas(whole, Quota(part, part), self._clock)


class _Tape(Unrecorded):
    """Nothing is recorded but what becomes of each position."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def books(self, name: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter) -> Books:
        """See Unrecorded."""
        books = TalliedBooks(name, partitions, brake, clock, meter)
        books.tally = self._tally
        return books


def _progress(assembly: ReplayAssembly, lane: Lane, tally: Tally, seconds: float) -> Progress:
    replay, passed, paused = assembly.replay, assembly.passed, lane.view["paused"]
    why = tuple(paused) if isinstance(paused, dict) else ()
    return Progress(passed, passed - replay.passed, replay.offsets, dict(tally.totals), why, seconds)


def _result(assembly: ReplayAssembly, tally: Tally, seconds: float, failure: str | None) -> Result:
    replay = assembly.replay
    outcomes = {name: count for name, count in tally.totals.items() if count}
    passed, finished = assembly.passed, assembly.finished
    before = sum(mark.expired for mark in replay.marks.values())
    gaps = replay.offsets - sum(outcomes.values()) - tally.overtaken if finished else 0
    return Result(finished, outcomes, assembly.at, passed, before + tally.overtaken, gaps, seconds, failure)
