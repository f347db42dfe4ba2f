"""A replay at work: the destination's lane with another source, a share of its rate, and a tally."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from connector import wiring
from connector.adapters import logs, metrics
from connector.adapters.kafka_replay import Errand, ReplaySource
from connector.core.brake import Brake
from connector.core.mapping import Mapper
from connector.errors import ConfigError
from connector.lane.books import Books
from connector.lane.intake import Reading
from connector.lane.lane import Lane
from connector.lane.partitions import Asking, Partitions
from connector.ports import Clock, Log, Members, Meter, Schemas, TopicPartition
from connector.recording import Unrecorded
from connector.rehearsal import Rehearsed
from connector.replay import Forcing, Selected, TalliedBooks, Tally
from connector.service import Service
from connector.settings import Settings, secret_values
from connector.settings.destinations import YespoSettings
from connector.settings.metrica import MetricaSettings
from connector.settings.topic import TopicSettings
from connector.wiring.part import PartAssembly
from connector.wiring.replays import Replay
from connector.wiring.sole import Sole

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

    expired: offsets that were asked for and are not kept any more. failure: one line. hangs: its lane did not
    end in time, so that the process does not end by itself. Of a dry run: batches that would be sent, by
    resource, the minutes that they take by rate and daily quota alone (None: there are none), and causes of
    what would be dead letters.
    """

    finished: bool
    outcomes: Mapping[str, int]
    at: Mapping[TopicPartition, int]
    passed: int
    expired: int
    gaps: int
    seconds: float
    failure: str | None = None
    hangs: bool = False
    requests: Mapping[str, int] = {}
    minutes: float | None = None
    causes: Mapping[str, int] = {}


def run(settings: Settings, replay: Replay, look: Callable[[Progress], None], mine: Sole | None) -> Result:
    """Work until it is done, or a signal. look: called a few times a second on this, the main thread.

    mine: nobody else works on it. None, a dry run: nothing is sent, written, claimed or committed; what
    would become of each is told by what the ledger holds now. Raises ConfigError, Outage, Fatal as
    `wiring.build` does.
    """
    dry = mine is None
    logs.configure(settings.log.format, "warning", secret_values(settings))
    settings, clock, tally = as_asked(settings, replay), wiring.SystemClock(), Tally(replay.marks)
    log, began = logs.logger(), time.monotonic()
    forced = replay.job.mode == "force"
    tape = _Dry(tally, forced=forced) if dry else _Tallied(tally, forced=forced)
    assembly = ReplayAssembly(settings, replay, clock, log, tape)
    schemas = wiring.registry(settings)
    running = assembly.lane(schemas, embedded=dry)  # which makes no topic of dead letters

    asked: dict[TopicPartition, Asking] = {}

    def over() -> bool:
        asked.update(running.lane.parts.partitions.asking if dry else {})
        look(_progress(assembly, running.lane, tally, time.monotonic() - began))
        return assembly.finished or bool(asked) or not (mine is None or mine.holds())

    budget = settings.drain_seconds_of(replay.job.destination) + GRACE
    late: list[int] = []
    Service([running], clock, log, budget, over, late.append).run()  # what became of it is told all the same
    failure = running.failure or _question(asked) or (mine.failure if mine else None)
    result = replace(_result(assembly, tally, time.monotonic() - began, failure), hangs=bool(late))
    return _estimated(result, assembly, tape) if isinstance(tape, _Dry) else result


def as_asked(settings: Settings, replay: Replay) -> Settings:
    """The configuration as this replay has it. Raises ConfigError."""
    name, via = replay.job.destination, replay.job.via
    chosen = settings.destination(name)
    if via is not None and not isinstance(chosen, YespoSettings):
        raise ConfigError(f"--via: {via} is a way of Yespo's; {name} has none, leave it out")
    update: dict[str, str]
    if via is not None:
        update = {"orders_via": via, "events_via": via}
    elif isinstance(chosen, MetricaSettings) and chosen.upload is None:
        update = {"upload": "csv"}  # of a backfill's many rows
    else:
        return settings
    asked = chosen.model_copy(update=update)
    return settings.model_copy(update={"destinations": {**settings.destinations, name: asked}})


class ReplayAssembly(PartAssembly):
    """A lane that reads stretches, for a share of the rate, and counts by position."""

    def __init__(self, settings: Settings, replay: Replay, clock: Clock, log: Log, tape: "_Tallied") -> None:
        job = replay.job
        super().__init__(settings, job.destination, clock, metrics.meter(), log, tape, job.share)
        self.replay, self._dry, self._tally = replay, isinstance(tape, _Dry), tape.tally
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
        self, topic: TopicSettings, schemas: Schemas | None, find_key: Callable[[str], str | None]
    ) -> Reading:
        """See Assembly. A selection looks at rows, so they stay rows."""
        selection = self.replay.job.selection
        if not selection:
            return super().reading(topic, schemas, find_key)
        mapper = Mapper(self._settings.rules_of(self._name, topic))
        selected = Selected(wiring.decoder(topic, schemas), mapper, selection, find_key)
        return Reading(selected, selected, topic.totals)

    def source(self, members: Members, properties: Mapping[str, str], *, embedded: bool) -> ReplaySource:  # noqa: ARG002 - it is for a real broker
        """See Assembly."""
        errand = Errand(self.replay.group, self.replay.rest, self.replay.job.topic_id, self._dry)
        self._source = ReplaySource(properties, errand, members, self._tally, self._budget)
        return self._source

    def brake(self) -> Brake:
        """See Assembly; a dry run buries nobody."""
        return Brake(1, 1.0) if self._dry else super().brake()


class _Tallied(Unrecorded):
    """Nothing is recorded but what becomes of each position."""

    def __init__(self, tally: Tally, *, forced: bool) -> None:
        super().__init__()
        self.tally, self._is_forced = tally, forced

    def ledger(self, ledger: Any) -> Any:
        """See Unrecorded."""
        inner = super().ledger(ledger)
        return Forcing(inner) if self._is_forced else inner

    def books(self, name: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter) -> Books:
        """See Unrecorded."""
        books = TalliedBooks(name, partitions, brake, clock, meter)
        books.tally = self.tally
        return books


class _Dry(_Tallied, Rehearsed):
    """And nothing leaves a trace."""


def _progress(assembly: ReplayAssembly, lane: Lane, tally: Tally, seconds: float) -> Progress:
    replay, passed, why = assembly.replay, assembly.passed, tuple(lane.view["paused"])
    return Progress(passed, passed - replay.passed, replay.offsets, dict(tally.totals), why, seconds)


def _result(assembly: ReplayAssembly, tally: Tally, seconds: float, failure: str | None) -> Result:
    replay = assembly.replay
    outcomes = {name: count for name, count in tally.totals.items() if count}
    passed, finished = assembly.passed, assembly.finished
    before = sum(mark.expired for mark in replay.marks.values())
    gaps = replay.offsets - sum(outcomes.values()) - tally.overtaken if finished else 0
    return Result(finished, outcomes, assembly.at, passed, before + tally.overtaken, gaps, seconds, failure)


def _question(asked: Mapping[TopicPartition, Asking]) -> str | None:
    """Of a dry run, which cannot wait for the answer."""
    for (topic, partition), question in asked.items():
        return (
            f"{topic}[{partition}]: asks because of its {question.reason}; answer with `crm-connector resume`"
        )
    return None


def _estimated(result: Result, assembly: ReplayAssembly, tape: _Dry) -> Result:
    requests = dict(tape.agreeable.batches)
    minutes = assembly.minutes(sum(requests.values()))
    return replace(result, requests=requests, minutes=minutes, causes=dict(tape.unwritten.causes))
