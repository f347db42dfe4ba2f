"""One lane's way to its traces: what it gives out stands between the lane and its ports."""

from connector.core.brake import Brake
from connector.lane.books import Books
from connector.lane.partitions import Partitions
from connector.ports import Clock, DeadLetters, Destination, Http, Members, Meter, Source, Tracer
from connector.recording import Counting, Unrecorded
from connector.tracing.origins import Origins, TracedSource
from connector.tracing.sending import Answered, TracedDestination, TracedHttp


class Traced(Unrecorded):
    """Around another tape: what that one records is recorded."""

    def __init__(
        self, tape: Unrecorded, tracer: Tracer, destination: str, clock: Clock, meter: Meter
    ) -> None:
        self._tape, self._tracer, self._name = tape, tracer, destination
        self._clock, self._meter = clock, meter
        self._origins, self._answered = Origins(), Answered()

    def destination(self, destination: Destination) -> Destination:
        """See Unrecorded."""
        return TracedDestination(self._tape.destination(destination), self._tracer, self._answered)

    def http(self, http: Http) -> Http:
        """See Unrecorded."""
        within, clock, meter = self._tape.http(http), self._clock, self._meter
        return TracedHttp(within, self._tracer, self._answered, self._origins, self._name, clock, meter)

    def source(self, source: Source) -> Source:
        """See Unrecorded."""
        return TracedSource(self._tape.source(source), self._origins)

    def ledger(self, ledger: Counting) -> Counting:
        """See Unrecorded."""
        return self._tape.ledger(ledger)

    def letters(self, letters: DeadLetters) -> DeadLetters:
        """See Unrecorded."""
        return self._tape.letters(letters)

    def books(self, name: str, partitions: Partitions, brake: Brake, clock: Clock, meter: Meter) -> Books:
        """See Unrecorded."""
        return self._tape.books(name, partitions, brake, clock, meter)

    def members(self, members: Members) -> Members:
        """See Unrecorded."""
        return self._tape.members(members)
