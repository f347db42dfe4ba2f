"""The ports of one simulated process: the fakes, with a nerve at every call and a judge who looks on."""

from collections.abc import Callable, Mapping, Sequence

from connector.core.assignment import Answer
from connector.core.claims import Settlement, Verdict, Want
from connector.core.letters import Letter
from connector.errors import DeadLettersDown, LedgerDown
from connector.ports import Log, Meter, Sizes, TopicPartition
from connector.recording.settling import Counting
from tests.support.fuse import Fuse
from tests.support.stage_ports import Letters, StageSource
from tests.support.stage_reading import Outside


class Surroundings(Outside):
    """What is down, for all processes."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = False


class SimLedger:
    """The Ledger port. done: hears of each turn that the store has made durable, even if nobody is told."""

    def __init__(
        self,
        inner: Counting,
        outside: Surroundings,
        nerve: Fuse,
        done: Callable[[Sequence[Settlement], Sequence[Want], Sequence[Verdict]], object],
    ) -> None:
        self._inner, self._outside, self._nerve, self._done = inner, outside, nerve, done
        self.stale_sends = 0

    @property
    def identity(self) -> str:
        return self._inner.identity

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        self._nerve.tick("turn")
        self._answering()
        with self._outside.call(LedgerDown("the ledger is down for a moment")):
            verdicts = self._inner.turn(settled, wanted)
            self.stale_sends = self._inner.stale_sends
            self._done(settled, wanted, verdicts)
        self._nerve.tick("turned")
        return verdicts

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        self._nerve.tick("keys_of")
        self._answering()
        return self._inner.keys_of(row_keys)

    def answers(self) -> list[Answer]:
        self._answering()
        return self._inner.answers()

    def answer(self, answer: Answer) -> None:
        self._answering()
        self._inner.answer(answer)

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        self._answering()
        self._inner.accept_clock(clock, since_ms, reason)

    def upkeep(self) -> None:
        self._answering()
        self._inner.upkeep()

    def sizes(self) -> Sizes:
        self._answering()
        return self._inner.sizes()

    def lease_left(self) -> float:
        return self._inner.lease_left()

    def close(self) -> None:
        self._inner.close()

    def _answering(self) -> None:
        if self._outside.ledger:
            raise LedgerDown("the ledger is down")


class SimLetters:
    """The DeadLetters port: durable once `write` has returned, and perhaps if it has not."""

    def __init__(
        self, kept: Letters, outside: Surroundings, nerve: Fuse, done: Callable[[Sequence[Letter]], object]
    ) -> None:
        self._kept, self._outside, self._nerve, self._done = kept, outside, nerve, done

    def write(self, letters: Sequence[Letter]) -> None:
        self._nerve.tick("write")
        if self._outside.letters:
            raise DeadLettersDown("the dead-letter topic is down")
        with self._outside.call(DeadLettersDown("the dead-letter topic is down for a moment")):
            for letter in letters:
                at = letter.record.position
                self._kept[(at.topic, at.partition), at.offset] = letter
            self._done(letters)
        self._nerve.tick("written")


class SimSource(StageSource):
    """A member of the group, whose end the group notices by itself."""

    asked: Callable[[Mapping[TopicPartition, int], set[TopicPartition]], object]

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        self.asked(offsets, set(self._placed))
        return super().commit(offsets, wait=wait)


class Silent:
    """A Meter and a Log that nobody reads."""

    def add(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Nothing."""

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Nothing."""

    def observe(self, name: str, values: Sequence[float], /, **labels: str) -> None:
        """Nothing."""

    def exemplar(self, name: str, value: float, trace_id: str, /, **labels: str) -> None:
        """Nothing."""

    def drop(self, name: str, /, **labels: str) -> None:
        """Nothing."""

    def info(self, event: str, **fields: object) -> None:
        """Nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Nothing."""

    def error(self, event: str, **fields: object) -> None:
        """Nothing."""


METER: Meter = Silent()
LOG: Log = Silent()
