"""The gate of a destination: closed (requests flow), open until a time, half-open (one probe). Pure."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.core.talk import Accepted, Halt, InDoubt, Outcome, Refused, Retry

Reason = Literal["destination", "quota", "contract", "credentials"]
RANK: dict[Reason, int] = {"destination": 0, "quota": 1, "contract": 2, "credentials": 3}


class Failure(Struct, frozen=True):
    """Evidence against the destination. `after`: seconds it asked us to stay away.

    at_once: no further proof is needed (a quota, refused credentials, a broken contract, a Retry-After).
    """

    reason: Reason
    after: float | None = None

    @property
    def at_once(self) -> bool:
        """Whether this one alone opens the gate."""
        return self.reason != "destination" or self.after is not None


class Gate(Struct, frozen=True):
    """Whether requests may be sent (promise 6). Times are the caller's monotonic seconds.

    failures: in a row while closed. trips: openings in a row without a success: what the wait grows with.
    since: when it left closed; until: when a probe may fly.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    reason: Reason = "destination"
    since: float = 0.0
    until: float = 0.0
    failures: int = 0
    trips: int = 0

    def success(self, *, probe: bool = False) -> "Gate":
        """A request was answered. Only the probe closes: a straggler was sent before the trouble began."""
        return Gate() if probe or self.state == "closed" else self

    def failure(
        self, failure: Failure, now: float, wait: float, threshold: int, *, probe: bool = False
    ) -> "Gate":
        """A conversation failed. wait: seconds to the next probe; threshold: failures in a row that open."""
        if self.state == "closed":
            failures = self.failures + 1
            if failures < threshold and not failure.at_once:
                return replace(self, failures=failures)
            return Gate("open", failure.reason, now, now + wait, failures, trips=1)
        if probe:
            return Gate("open", failure.reason, self.since, now + wait, self.failures + 1, self.trips + 1)
        return self._straggler(failure, now)

    def probing(self) -> "Gate":
        """The time has come: one conversation may fly."""
        return replace(self, state="half_open")

    def _straggler(self, failure: Failure, now: float) -> "Gate":
        """It was sent before the gate opened: it may name a graver reason or a longer wait, no more."""
        reason = max(self.reason, failure.reason, key=RANK.__getitem__)
        until = max(self.until, now + (failure.after or 0.0))
        state = "open" if until > self.until else self.state
        return replace(self, state=state, reason=reason, until=until)


def evidence(outcomes: list[Outcome]) -> Failure | None:
    """What the outcomes of one conversation say of the destination: its gravest failure, None = it works."""
    found: Failure | None = None
    for outcome in outcomes:
        failure = _failure(outcome)
        if failure and (found is None or _gravity(failure) > _gravity(found)):
            found = failure
    return found


def _failure(outcome: Outcome) -> Failure | None:
    match outcome:
        case Accepted() | Refused() | Retry(reason="conflict"):
            return None
        case Halt(reason="credentials"):
            return Failure("credentials")
        case Halt():
            return Failure("contract")
        case Retry(reason="throttled", after=after):
            return Failure("quota", after)
        case Retry(after=after):
            return Failure("destination", after)
        case InDoubt():
            return Failure("destination")


def _gravity(failure: Failure) -> tuple[int, float]:
    return RANK[failure.reason], failure.after or 0.0
