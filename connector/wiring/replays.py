"""Replays as the brokers keep them: begun, found again, listed. Each is a consumer group without members."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from connector.adapters.kafka_checkpoints import Checkpoints
from connector.core.checkpoint import MOST, Job, Mark, parse
from connector.core.extent import Stretch
from connector.core.selection import Selection, parse_where
from connector.errors import ConfigError
from connector.ports import TopicPartition
from connector.replay import begun
from connector.settings import Settings
from connector.wiring.edges import ledger
from connector.wiring.ranges import Wish, range_of, refuse_strange
from connector.wiring.topic_columns import refuse_unknown

__all__ = ["Job", "Replay", "Selection", "find", "known", "parse_where", "plan", "replace", "save", "shared"]


class Replay(Struct, frozen=True):
    """One replay. marks: as committed last; at: up to where each partition is done."""

    id: str
    group: str
    job: Job
    marks: Mapping[TopicPartition, Mark]
    at: Mapping[TopicPartition, int]

    @property
    def rest(self) -> tuple[Stretch, ...]:
        """What is left to do."""
        return tuple(mark.rest(place[1], self.at[place]) for place, mark in sorted(self.marks.items()))

    @property
    def offsets(self) -> int:
        """Of the whole range."""
        return sum(mark.end - mark.start for mark in self.marks.values())

    @property
    def passed(self) -> int:
        """Of these, done."""
        return sum(min(self.at[place], mark.end) - mark.start for place, mark in self.marks.items())

    @property
    def finished(self) -> bool:
        """Whether nothing is left."""
        return self.passed == self.offsets and not self.forgotten

    @property
    def forgotten(self) -> int:
        """Partitions of which the brokers keep nothing any more."""
        return max(0, self.job.partitions - len(self.marks))


def plan(settings: Settings, wished: Job, partitions: tuple[int, ...]) -> Replay:
    """The range as of now; nothing is written. wished: without ledger and topic id.

    Raises ConfigError, BrokerDown, RegistryDown, LedgerDown, Fatal.
    """
    asked = Wish(wished.destination, wished.topic, wished.since, wished.until, wished.began, partitions)
    range_ = range_of(settings, asked)
    (topic,) = [one for one in settings.topics_of(wished.destination) if one.name == wished.topic]
    refuse_unknown(settings, topic, wished.selection.where)
    name = f"{datetime.fromtimestamp(wished.began / 1000, UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    group = _prefix(settings, wished.destination) + name
    of = range_.topic_id, len(range_.stretches)
    job = replace(wished, ledger=_ledger_of(settings, wished), topic_id=of[0], partitions=of[1])
    marks = begun(job, range_.stretches)
    if len(next(iter(marks.values())).encode()) > MOST:
        raise ConfigError("--key, --where: are more than a checkpoint can keep; name fewer at a time")
    return Replay(name, group, job, marks, {place: mark.start for place, mark in marks.items()})


def save(settings: Settings, replay: Replay) -> None:
    """Make the checkpoint, before anything is sent. Raises BrokerDown, ConfigError."""
    commits = {place: (replay.at[place], mark.encode()) for place, mark in replay.marks.items()}
    Checkpoints(settings.kafka_client()).save(replay.group, commits)


def shared(replay: Replay, share: float) -> Replay:
    """The same with another part of the rate, from its next commit on."""
    job = replace(replay.job, share=share)
    marks = {place: replace(mark, job=job) for place, mark in replay.marks.items()}
    return replace(replay, job=job, marks=marks)


def find(settings: Settings, name: str) -> Replay:
    """One that was begun, to be resumed. Raises ConfigError, BrokerDown, LedgerDown, Fatal."""
    checkpoints = Checkpoints(settings.kafka_client())
    for destination in settings.destinations:
        found = _loaded(checkpoints, _prefix(settings, destination), name)
        if found is not None:
            refuse_strange(settings, found.job.destination, found.job.topic)
            if found.job.ledger != _ledger_of(settings, found.job):
                raise ConfigError(f"--resume: {name} began with another ledger; begin a new replay")
            if found.forgotten:
                what = f"have forgotten how far it was in {found.forgotten} of its partitions"
                raise ConfigError(f"--resume: the brokers {what}; begin a new replay")
            return found
    raise ConfigError(f"--resume: there is no replay {name}; see crm-connector replay list")


def known(settings: Settings) -> list[Replay]:
    """All that the brokers still keep, newest first. Raises BrokerDown, ConfigError."""
    checkpoints, found = Checkpoints(settings.kafka_client()), []
    for destination in settings.destinations:
        prefix = _prefix(settings, destination)
        names = [group.removeprefix(prefix) for group in checkpoints.groups(prefix)]
        found += [one for name in names if (one := _loaded(checkpoints, prefix, name))]
    return sorted(found, key=lambda one: one.job.began, reverse=True)


def _loaded(checkpoints: Checkpoints, prefix: str, name: str) -> Replay | None:
    commits = checkpoints.load(prefix + name)
    marks = {place: mark for place, (_, note) in commits.items() if (mark := parse(note))}
    if not marks:
        return None
    job = next(iter(marks.values())).job
    return Replay(name, prefix + name, job, marks, {place: commits[place][0] for place in marks})


def _prefix(settings: Settings, destination: str) -> str:
    return f"{settings.group_of(destination)}.replay."


def _ledger_of(settings: Settings, job: Job) -> str:
    store = ledger(settings, job.destination)
    try:
        return store.identity
    finally:
        store.close()
