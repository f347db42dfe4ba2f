"""The ledger, the dead letters and the books: what becomes of each event and of each position."""

from collections.abc import Sequence
from math import isfinite
from typing import Protocol

from connector.core.assignment import Answer
from connector.core.brake import Brake
from connector.core.claims import Ask, Busy, Deny, Done, Grant, Needs, Settlement, Verdict, Want
from connector.core.letters import Letter
from connector.core.model import Position
from connector.errors import ConnectorError
from connector.lane.books import Books, RecordOutcome
from connector.lane.partitions import Partitions
from connector.ports import Clock, DeadLetters, Ledger, Meter, Sizes
from connector.recording.entries import Entry
from connector.recording.tape import Tape


class Counting(Ledger, Protocol):
    """A ledger that counts its stale sends since start (RULES 2), and knows its size."""

    stale_sends: int

    def sizes(self) -> Sizes:
        """See ports.Archive."""


class RecordedLedger:
    """ports.Ledger over another one."""

    def __init__(self, ledger: Counting, tape: Tape) -> None:
        self._ledger, self._tape = ledger, tape
        self.stale_sends = ledger.stale_sends
        self.answer, self.accept_clock = ledger.answer, ledger.accept_clock
        self.upkeep, self.sizes = ledger.upkeep, ledger.sizes
        self.lease_left = ledger.lease_left
        tape.identity = lambda: ledger.identity

    @property
    def identity(self) -> str:
        """See ports.Ledger."""
        return self._ledger.identity

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        tape, since = self._tape, self._tape.clock.now()
        tape.flush()
        try:
            verdicts = self._ledger.turn(settled, wanted)
        except ConnectorError:
            events = [tape.entry(want.event) for want in wanted]
            tape.note("unsure", since=since, settled=self._settled(settled), wanted=events)
            raise
        stale, self.stale_sends = self._ledger.stale_sends - self.stale_sends, self._ledger.stale_sends
        if settled:
            tape.note("settled", stale=stale, events=self._settled(settled))
        if wanted:
            events = [self._claimed(w, v) for w, v in zip(wanted, verdicts, strict=True)]
            left = self.lease_left()
            tape.note("claimed", since=since, lease_left=left if isfinite(left) else None, events=events)
        return verdicts

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        """See ports.Ledger."""
        return self._ledger.keys_of(row_keys)

    def answers(self) -> list[Answer]:
        """See ports.Ledger."""
        return self._ledger.answers()

    def close(self) -> None:
        """See ports.Ledger."""
        self._tape.note("ended")
        self._ledger.close()

    def _settled(self, settled: Sequence[Settlement]) -> list[Entry]:
        entry = self._tape.entry
        return [entry(s.event, outcome=s.outcome, certain=s.certain, attempt=s.attempts) for s in settled]

    def _claimed(self, want: Want, verdict: Verdict) -> Entry:
        name, cause = _named(verdict)
        doubtful = isinstance(verdict, Grant) and verdict.doubtful
        return self._tape.entry(want.event, verdict=name, cause=cause, doubtful=doubtful)


class RecordedLetters:
    """ports.DeadLetters over another one."""

    def __init__(self, letters: DeadLetters, tape: Tape) -> None:
        self._letters, self._tape = letters, tape

    def write(self, letters: Sequence[Letter]) -> None:
        """See ports.DeadLetters."""
        self._letters.write(letters)
        told = []
        for letter in letters:
            at = letter.record.position
            place = {"topic": at.topic, "partition": at.partition, "offset": at.offset, "lease": at.lease}
            told.append(place | {"cause": letter.cause})
        self._tape.note("dead_lettered", letters=told)


class RecordedBooks(Books):
    """Books that say what they close."""

    def __init__(
        self, tape: Tape, destination: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter
    ) -> None:
        super().__init__(destination, partitions, brake, clock, meter)
        self._tape = tape

    def free(self, position: Position, outcome: RecordOutcome) -> None:
        """See Books."""
        self._tape.close(position, outcome)
        super().free(position, outcome)


def _named(verdict: Verdict) -> tuple[str, str | None]:
    match verdict:
        case Grant():
            return "granted", None
        case Done(outcome):
            return outcome, None
        case Busy():
            return "busy", None
        case Needs():
            return "needs", None
        case Ask(reason):
            return "ask", reason
        case Deny(cause, _):
            return "denied", cause
