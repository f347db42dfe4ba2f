"""The values of the courier: a batch on its way, what lands, and how outcomes are sorted."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from connector.core.blame import Blame
from connector.core.lots import Lot
from connector.core.retry import Backoff
from connector.core.talk import Accepted, Halt, InDoubt, Outcome, Refused, Retry, Sending


class CourierOptions(Struct, frozen=True):
    """How a courier flies. Times in seconds.

    in_flight: conversations at once. rate_per_second: requests, 0 = unlimited. backoff: of a retried batch;
    pause: of the gate, between two probes. threshold: failures in a row that open the gate. longest: an upper
    bound for what a Retry-After may ask. waiting: batches that may wait for their retry before no more are
    taken. gather: landings are announced together for so long. defects: attempts of a batch that raises.
    budget: failures of its own after which an event is given up (core.blame).
    """

    in_flight: int = 32
    rate_per_second: float = 0.0
    request_timeout: float = 30.0
    backoff: Backoff = Backoff()
    pause: Backoff = Backoff(base=1.0, cap=60.0, floor=0.5)
    threshold: int = 5
    longest: float = 3600.0
    waiting: int = 1000
    gather: float = 0.002
    defects: int = 5
    budget: int = 16


class CourierState(Struct, frozen=True):
    """For observers. Times by the clock's monotonic().

    events, bytes: handed in and not landed. flying: conversations that are on their way. throttled: those of
    them that wait for the request rate. paused: the gate's reason, None = it is closed. deadline: when the
    conversation nearest to it must have moved, begun at `started`; None: nothing flies, or what flies waits
    for the gate. failed: requests since start without success, by resource and status (`none`: no answer).
    """

    events: int
    bytes: int
    flying: int
    throttled: int
    waiting: int
    paused: str | None
    paused_since: float | None
    next_attempt: float | None
    started: float | None
    deadline: float | None
    failed: Mapping[tuple[str, str], int]


class Held(Struct, frozen=True):
    """It may or may not have been applied, and its resource does not bear a resend (RULES 4)."""

    reason: str


class Returned(Struct, frozen=True):
    """Not written, since its claim may soon be another's: the ledger has to be asked again (RULES 2)."""


class Landed(Struct, frozen=True, gc=False):
    """The end of one event here. certain: no earlier request of it was in doubt (RULES 2)."""

    sending: Sending
    outcome: Accepted | Refused | Held | Returned
    attempts: int
    certain: bool


class Flight(Struct, eq=False):
    """A batch and its attempts so far. failures: attempts in a row that did not end it.

    written: a request of the running attempt may be on the wire. trial: the one event that flies alone
    (Caution). probes: how often it failed as the probe of a half-open gate. blame: whose fault its failures
    are. lapsed: a request of it was not written for want of a lease. deadline: when the running step must be
    over, inf while it waits for the gate.
    """

    lot: Lot
    batch: list[Sending]
    failures: int = 0
    defects: int = 0
    trial: bool = False
    probes: int = 0
    blame: Blame = Blame()
    written: bool = False
    lapsed: bool = False
    started: float = 0.0
    deadline: float = float("inf")
    timer: asyncio.TimerHandle | None = None

    def again(self, batch: list[Sending], *, defects: int = 0) -> "Flight":
        """The next attempt of some of its events."""
        return Flight(self.lot, batch, self.failures + 1, defects, self.trial, self.probes, self.blame)

    def part(self, batch: list[Sending], *, trial: bool = False) -> "Flight":
        """Some of its events, before the next attempt. trial: they fly alone."""
        return Flight(self.lot, batch, self.failures, self.defects, trial, self.probes, self.blame)

    def interrupted(self) -> list[Sending]:
        """Its events after an attempt that ended nobody knows how: in doubt if something was written."""
        if not self.written:
            return self.batch
        return [replace(sending, attempts=sending.attempts + 1, doubtful=True) for sending in self.batch]

    def cancel(self) -> None:
        """It is not due by itself any more."""
        if self.timer is not None:
            self.timer.cancel()

    @property
    def size(self) -> int:
        """Bytes of its records."""
        return sum([sending.event.size for sending in self.batch])


RETURNED = Returned()
Again = dict[Retry | InDoubt | Halt, list[Sending]]


def all_accepted(outcomes: Sequence[Outcome]) -> bool:
    """The usual end."""
    for outcome in outcomes:  # noqa: SIM110 - a generator for each event costs more than all the rest
        if type(outcome) is not Accepted:
            return False
    return True


def sort(lot: Lot, batch: Sequence[Sending], outcomes: Sequence[Outcome]) -> tuple[list[Landed], Again]:
    """What has landed, and what is tried again: events with the same outcome stay together."""
    landed: list[Landed] = []
    again: Again = {}
    for sending, outcome in zip(batch, outcomes, strict=True):
        attempts = sending.attempts + 1
        if type(outcome) is Accepted or type(outcome) is Refused:
            landed.append(Landed(sending, outcome, attempts, not sending.doubtful))
        elif isinstance(outcome, InDoubt) and lot.in_doubt == "hold":
            landed.append(Landed(sending, Held(outcome.reason), attempts, certain=False))
        else:
            again.setdefault(outcome, []).append(_next(sending, outcome))
    return landed, again


def _next(sending: Sending, outcome: Retry | InDoubt | Halt) -> Sending:
    told = outcome.reason if isinstance(outcome, Retry) else None
    doubt = isinstance(outcome, InDoubt) or (isinstance(outcome, Halt) and outcome.doubtful)
    return replace(
        sending,
        attempts=sending.attempts + 1,
        conflicts=sending.conflicts + 1 if told == "conflict" else 0,
        errors=sending.errors + (told == "import_error"),
        doubtful=sending.doubtful or doubt,
        part=sending.part if outcome.part is None else outcome.part,
    )


def given_back(batches: Iterable[list[Sending]]) -> list[Landed]:
    """Events for the ledger to be asked about again."""
    return [Landed(s, RETURNED, s.attempts, not s.doubtful) for batch in batches for s in batch]


def reason(outcome: Retry | InDoubt | Halt) -> str:
    """The label of `retries_total`."""
    return "in_doubt" if isinstance(outcome, InDoubt) else outcome.reason
