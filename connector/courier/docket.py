"""What becomes of a batch that failed: another attempt, in halves, or the end of an event's own budget."""

from collections import defaultdict

from connector.core.blame import Score
from connector.core.talk import Accepted, Halt, InDoubt, Outcome, Refused, Retry, Sending
from connector.courier.flight import Flight, Landed, reason


class _Count:
    """A score that goes on."""

    __slots__ = ("failed", "passed")

    def __init__(self) -> None:
        self.passed = self.failed = 0

    @property
    def score(self) -> Score:
        return Score(self.passed, self.failed)


class Docket:
    """By resource. budget: failures of its own after which an event is given up."""

    def __init__(self, budget: int) -> None:
        self._counts: defaultdict[str, _Count] = defaultdict(_Count)
        self._budget = budget

    def heard(self, flight: Flight, outcomes: list[Outcome], *, failed: bool) -> None:
        """A conversation ended: evidence for or against all others of its resource, and against itself."""
        count = self._counts[flight.lot.resource]
        for outcome in outcomes:  # mostly the first one
            if type(outcome) is Accepted:
                count.passed += 1
                break
        if failed:
            before = count.score
            count.failed += not flight.blame.suspected
            if any(_may_be_own(outcome) for outcome in outcomes):
                flight.blame = flight.blame.failed(before, count.score)

    def next(
        self, flight: Flight, batch: list[Sending], outcome: Retry | InDoubt | Halt
    ) -> list[Flight] | Landed:
        """What follows for events of this flight that failed alike: other attempts, or the end of it."""
        if not flight.blame.suspected:
            return [flight.again(batch)]
        if len(batch) > 1:
            return [Flight(flight.lot, half, failures=1, trial=flight.trial) for half in _halves(batch)]
        if flight.blame.spent(self._budget):
            return _given_up(batch[0], outcome)
        return [flight.again(batch)]


def _may_be_own(outcome: Outcome) -> bool:
    """A quota, or a connection that was never made, has nothing to do with the event."""
    if isinstance(outcome, Retry):
        return outcome.reason not in ("throttled", "unreachable")
    return isinstance(outcome, InDoubt | Halt)


def _halves(batch: list[Sending]) -> tuple[list[Sending], list[Sending]]:
    return batch[: len(batch) // 2], batch[len(batch) // 2 :]


def _given_up(sending: Sending, outcome: Retry | InDoubt | Halt) -> Landed:
    what = outcome.reason if isinstance(outcome, InDoubt) else reason(outcome)
    doubt = "; it may have been applied" if sending.doubtful else ""
    detail = f"{sending.attempts} attempts, the last: {what}, while others were accepted{doubt}"
    end = Refused("retries_exhausted", detail)
    return Landed(sending, end, sending.attempts, not sending.doubtful)
