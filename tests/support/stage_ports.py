"""The ports of one process on a stage: the fakes, each with a fuse at every call."""

from collections.abc import Callable, Mapping, Sequence

from connector.core.claims import Settlement, Verdict, Want
from connector.core.letters import Letter
from connector.core.model import Record
from connector.errors import DeadLettersDown, LedgerDown
from connector.ports import Members, TopicPartition
from tests.fakes.ledger import FakeLedger, Store
from tests.fakes.source import FakeBroker, FakeSource
from tests.support.fuse import Fuse
from tests.support.stage_reading import Outside

REASONS = (
    "broker", "ledger", "registry", "dead_letters", "destination", "quota", "contract", "credentials",
    "flood", "recreated", "expired", "other_ledger", "clock",
)  # fmt: skip
"""What `paused` can name."""
Letters = dict[tuple[TopicPartition, int], Letter]


class StageLog:
    """The Log port: what was said, as (level, event, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, Mapping[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(("error", event, fields))


class StageLedger(FakeLedger):
    """One owner of the store."""

    def __init__(
        self, store: Store, now: Callable[[], float], outside: Outside, fuse: Fuse, lease: float
    ) -> None:
        super().__init__(store, "yespo", now, lease)
        self._outside, self._fuse = outside, fuse

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        self._fuse.tick("turn")
        with self._outside.call(LedgerDown("the ledger is down for a moment")):
            verdicts = super().turn(settled, wanted)
        self._fuse.tick("turned")
        return verdicts

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        self._fuse.tick("keys_of")
        return super().keys_of(row_keys)

    def claimed(self) -> list[tuple[str, str, TopicPartition | None, int]]:
        """What it has claimed: entity, key, and the position of the version (None: made for an order)."""
        mine = [(slot, claim.head.version) for slot, claim in self._scope.claims.items()
                if claim.owner == self._owner]  # fmt: skip
        return [
            (*slot, (at.topic, at.partition) if at else None, at.offset if at else -1) for slot, at in mine
        ]


class StageLetters:
    """The DeadLetters port: durable once `write` has returned, and perhaps if it has not."""

    def __init__(self, kept: Letters, outside: Outside, fuse: Fuse) -> None:
        self._kept, self._outside, self._fuse = kept, outside, fuse

    def write(self, letters: Sequence[Letter]) -> None:
        self._fuse.tick("write")
        if self._outside.letters:
            raise DeadLettersDown("the dead-letter topic is down")
        with self._outside.call(DeadLettersDown("the dead-letter topic is down for a moment")):
            for letter in letters:
                at = letter.record.position
                self._kept[(at.topic, at.partition), at.offset] = letter
        self._fuse.tick("written")


class StageSource(FakeSource):
    """One member of the group. on_poll, on_commit: who watches, before it happens."""

    def __init__(
        self,
        broker: FakeBroker,
        group: str,
        topics: Sequence[str],
        members: Members,
        idle: Callable[[float], object],
        fuse: Fuse,
    ) -> None:
        super().__init__(broker, group, topics, members, idle)
        self._fuse = fuse
        self.on_poll: Callable[[], object] = lambda: None
        self.on_commit: Callable[[Mapping[TopicPartition, int]], object] = lambda _: None

    def poll(self, limit: int, timeout: float) -> list[Record]:
        self._fuse.tick("poll")
        self.on_poll()
        return super().poll(limit, timeout)

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        self._fuse.tick("commit")
        self.on_commit(offsets)
        done = super().commit(offsets, wait=wait)
        self._fuse.tick("committed")
        return done
