"""One lane's way to its history: what it gives out stands between the lane and its ports."""

from connector.core.brake import Brake
from connector.lane.books import Books
from connector.lane.partitions import Partitions
from connector.ports import Clock, DeadLetters, Destination, History, Http, Members, Meter, Source
from connector.recording.group import RecordedMembers, RecordedSource
from connector.recording.sending import RecordedDestination, RecordedHttp, Rules
from connector.recording.settling import Counting, RecordedBooks, RecordedLedger, RecordedLetters
from connector.recording.tape import Tape


class Unrecorded:
    """Without a history everything is what it was, and costs what it did."""

    def ledger(self, ledger: Counting) -> Counting:
        """The ledger; before the others, since it has the key of the hashes."""
        return ledger

    def destination(self, destination: Destination) -> Destination:
        """The dialects."""
        return destination

    def http(self, http: Http) -> Http:
        """The client."""
        return http

    def letters(self, letters: DeadLetters) -> DeadLetters:
        """The dead letters."""
        return letters

    def books(self, name: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter) -> Books:
        """New books."""
        return Books(name, partitions, brake, clock, meter)

    def members(self, members: Members) -> Members:
        """Who hears of the group."""
        return members

    def source(self, source: Source) -> Source:
        """The records."""
        return source


class Recorder(Unrecorded):
    """With a history everything says what it does."""

    def __init__(self, history: History, destination: str, clock: Clock) -> None:
        self._tape = Tape(history, destination, clock)
        self._rules: Rules = {}

    def ledger(self, ledger: Counting) -> Counting:
        """See Unrecorded."""
        return RecordedLedger(ledger, self._tape)

    def destination(self, destination: Destination) -> Destination:
        """See Unrecorded."""
        return RecordedDestination(destination, self._tape, self._rules)

    def http(self, http: Http) -> Http:
        """See Unrecorded."""
        return RecordedHttp(http, self._tape, self._rules)

    def letters(self, letters: DeadLetters) -> DeadLetters:
        """See Unrecorded."""
        return RecordedLetters(letters, self._tape)

    def books(self, name: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter) -> Books:
        """See Unrecorded."""
        return RecordedBooks(self._tape, name, partitions, brake, clock, meter)

    def members(self, members: Members) -> Members:
        """See Unrecorded."""
        return RecordedMembers(members, self._tape)

    def source(self, source: Source) -> Source:
        """See Unrecorded."""
        return RecordedSource(source, self._tape)


def recorder(history: History | None, destination: str, clock: Clock) -> Unrecorded:
    """Of one lane; history None: there is none."""
    return Unrecorded() if history is None else Recorder(history, destination, clock)
