"""The gate of a destination: closed (requests flow), open until a time, half-open (one probe). Pure.

Once the probe has closed it, little flies at first, and one more with each success: twice as much each round,
until all slots are in use again (slow start). So what has just come back is not pushed over at once.
"""

from math import inf
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.core.talk import Accepted, Halt, InDoubt, Outcome, Refused, Retry

Reason = Literal["destination", "quota", "contract", "credentials"]
SLOW_START: Final = 2
"""Conversations at once after a recovery."""
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

    failures: in a row while closed. trips: openings since all slots were last in use, what the wait grows
    with. since: when it left closed; until: when a probe may fly. limit: of conversations, as it recovers.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    reason: Reason = "destination"
    since: float = 0.0
    until: float = 0.0
    failures: int = 0
    trips: int = 0
    limit: float = inf

    def success(self, slots: int, *, probe: bool = False) -> "Gate":
        """A request was answered. Only the probe closes: a straggler was sent before the trouble began."""
        if self.state != "closed":
            return self._recovering(SLOW_START, slots) if probe else self
        return self._recovering(self.limit + 1, slots) if self.failures or self.limit < inf else self

    def failure(
        self, failure: Failure, now: float, wait: float, threshold: int, *, probe: bool = False
    ) -> "Gate":
        """A conversation failed. wait: seconds to the next probe; threshold: failures in a row that open."""
        if self.state == "closed":
            failures = self.failures + 1
            if failures < threshold and not failure.at_once:
                return replace(self, failures=failures, limit=_halved(self.limit))
            return Gate("open", failure.reason, now, now + wait, failures, self.trips + 1)
        if probe:
            return Gate("open", failure.reason, self.since, now + wait, self.failures + 1, self.trips + 1)
        return self._straggler(failure, now)

    def probing(self) -> "Gate":
        """The time has come: one conversation may fly."""
        return replace(self, state="half_open")

    def _recovering(self, limit: float, slots: int) -> "Gate":
        return Gate(trips=self.trips, limit=limit) if limit < slots else Gate()

    def _straggler(self, failure: Failure, now: float) -> "Gate":
        """It was sent before the gate opened: it may name a graver reason or a longer wait, no more."""
        reason = max(self.reason, failure.reason, key=RANK.__getitem__)
        until = max(self.until, now + (failure.after or 0.0))
        state = "open" if until > self.until else self.state
        return replace(self, state=state, reason=reason, until=until)


def _halved(limit: float) -> float:
    return limit if limit == inf else max(1.0, limit // 2)


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
