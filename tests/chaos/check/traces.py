"""What the histories tell of each entity: its claims, its sends, and what was known of them at any moment."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import Enum, auto

from msgspec import Struct

from tests.chaos.check.reading import Event, History, Line
from tests.chaos.check.truth import Slot, Truth, Version

UNAVAILABLE = 503
"""Beside all 4xx the status that tells that a request was surely not applied (RULES 4)."""


class Claim(Struct, eq=False):
    """A granted claim. since, at: its turn began, and was noted. over: when it was settled (inf: never)."""

    by: str
    n: int
    since: float
    at: float
    doubtful: bool
    over: float = float("inf")
    accepted: bool = False


class Send(Struct, eq=False):
    """A version in a request. status: of the reply, 0 = none came. outcome: of its conversation."""

    by: str
    n: int
    at: float
    version: Version
    claim: Claim
    rule: str | None
    doubtful: bool
    status: int = 0
    replied: float = float("inf")
    outcome: str | None = None
    answered: float = float("inf")

    @property
    def refused(self) -> bool:
        """Its reply tells that it was not applied."""
        return 400 <= self.status < 500 or self.status == UNAVAILABLE

    @property
    def taken(self) -> bool:
        """Its reply tells that it was received well."""
        return 200 <= self.status < 300

    def applied(self, at: float) -> bool:
        """Whether its sender knew by then that it was."""
        return self.outcome == "accepted" and self.answered <= at

    def denied(self, at: float) -> bool:
        """Whether its sender knew by then that it was not, and would not be."""
        if self.refused and self.replied <= at:
            return True
        sure = self.outcome in {"refused", "retry"} or (self.outcome == "halt" and not self.taken)
        return sure and self.answered <= at

    def given_up(self, at: float) -> bool:
        """Whether its sender had stopped waiting for it by then."""
        unfinished = self.taken and self.outcome == "halt"
        return (self.outcome == "in_doubt" or unfinished) and self.answered <= at


class Fate(Enum):
    """What could be known of an earlier send."""

    KNOWN = auto()
    NOT_APPLIED = auto()
    DOUBT = auto()
    REPEATABLE = auto()
    """In doubt without a mark: part of a conversation that may repeat it."""
    LIVE = auto()


class Owners:
    """For how long each process's claims were its own, as far as it noted so itself."""

    def __init__(self, histories: Iterable[History]) -> None:
        self._leases: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._last: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        for history in histories:
            self._last[history.by] = history.lines[-1].at
            for line in history.lines:
                if line.what == "claimed" and line.lease_left is not None:
                    self._leases[history.by].append((line.at, line.at + line.lease_left))
                elif line.what == "ended":
                    self._ended.setdefault(history.by, line.at)

    def gone(self, by: str, at: float, skew: float) -> bool:
        """Whether others could take its claims at that time: it had ended, or its lease."""
        if self._ended.get(by, float("inf")) <= at + skew:
            return True
        ends = [end for noted, end in self._leases[by] if noted <= at]
        if ends:
            return max(ends) <= at + skew
        return self._last[by] <= at + skew


class Traces:
    """Claims and sends by entity, of one destination, in the order of their times."""

    def __init__(self, histories: list[History], truth: Truth, skew: float) -> None:
        self.truth, self._skew = truth, skew
        self.claims: dict[Slot, list[Claim]] = defaultdict(list)
        self.sends: dict[Slot, dict[Version, list[Send]]] = defaultdict(lambda: defaultdict(list))
        self._owners = Owners(histories)
        for event in (event for history in histories for line in history.lines for event in line.events):
            truth.learn(event)
        for history in histories:
            _Reader(self, history).read()
        for claims in self.claims.values():
            claims.sort(key=lambda claim: (claim.at, claim.n))
        for versions in self.sends.values():
            for sends in versions.values():
                sends.sort(key=lambda send: (send.at, send.n))

    def of(self, slot: Slot, version: Version) -> list[Send]:
        """The sends of a version."""
        return self.sends[slot][version] if slot in self.sends and version in self.sends[slot] else []

    def all_sends(self) -> Iterator[tuple[Slot, Version, list[Send]]]:
        """Of every version that was sent."""
        for slot, versions in self.sends.items():
            for version, sends in versions.items():
                yield slot, version, sends

    def lost(self, claim: Claim, slot: Slot, at: float) -> bool:
        """Whether the claim had been taken over by then, from an owner that others had to take for dead."""
        return any(
            other.by != claim.by
            and other.at >= claim.at
            and other.since <= at + self._skew
            and claim.over >= other.since
            and self._owners.gone(claim.by, other.at, self._skew)
            for other in self.claims[slot]
        )

    def stale(self, send: Send, slot: Slot, at: float) -> bool:
        """Whether it had lost its claim, or its sender all patience, by then."""
        return self.lost(send.claim, slot, at) or send.given_up(at - self._skew)

    def fate(self, send: Send, slot: Slot, viewer: Send) -> Fate:
        """What whoever sent `viewer` could know of an earlier send of this entity."""
        if send.by == viewer.by:
            lost = self.lost(send.claim, slot, viewer.claim.since)
            return Fate.DOUBT if lost and send.applied(viewer.at) else _own(send, viewer)
        began, claim = viewer.claim.since, send.claim
        if send.denied(began):
            return Fate.NOT_APPLIED
        if claim.over <= began:
            kept = claim.accepted and not self.lost(claim, slot, claim.over)
            return Fate.KNOWN if kept else Fate.DOUBT
        gone = self._owners.gone(send.by, viewer.claim.at, self._skew)
        return Fate.DOUBT if gone else Fate.LIVE


def _own(send: Send, viewer: Send) -> Fate:
    """The same process: it knows what it has noted."""
    if send.applied(viewer.at):
        return Fate.KNOWN
    if send.denied(viewer.at):
        return Fate.NOT_APPLIED
    return Fate.REPEATABLE if send.taken else Fate.DOUBT


class _Reader:
    """One process's lines into the traces. By what its own lines say, in their order."""

    def __init__(self, traces: Traces, history: History) -> None:
        self._traces, self._history = traces, history
        self._open: dict[tuple[Slot, Version], Claim] = {}
        self._flying: dict[tuple[Slot, Version], list[Send]] = defaultdict(list)
        self._requests: dict[int, list[Send]] = {}

    def read(self) -> None:
        for line in self._history.lines:
            match line.what:
                case "claimed":
                    self._claimed(line)
                case "sent":
                    self._sent(line)
                case "replied":
                    for send in self._requests.get(line.request, ()):
                        send.status, send.replied = line.status or 0, line.at
                case "answered":
                    self._answered(line)
                case "settled":
                    self._settled(line)

    def _events(self, events: Iterable[Event]) -> Iterator[tuple[Slot, Version, Event]]:
        for event in events:
            slot, version = self._traces.truth.find(event)
            yield slot, version, event

    def _claimed(self, line: Line) -> None:
        for slot, version, event in self._events(line.events):
            if event.verdict == "granted":
                claim = Claim(line.by, line.n, line.since, line.at, event.doubtful)
                self._open[slot, version] = claim
                self._traces.claims[slot].append(claim)

    def _sent(self, line: Line) -> None:
        sends = []
        for slot, version, event in self._events(line.events):
            claim = self._open.get((slot, version)) or Claim(
                line.by, line.n, line.at, line.at, event.doubtful
            )
            send = Send(line.by, line.n, line.at, version, claim, line.rule, event.doubtful)
            self._traces.sends[slot][version].append(send)
            self._flying[slot, version].append(send)
            sends.append(send)
        self._requests[line.request] = sends

    def _answered(self, line: Line) -> None:
        for slot, version, event in self._events(line.events):
            for send in self._flying.pop((slot, version), ()):
                send.outcome, send.answered = event.outcome, line.at

    def _settled(self, line: Line) -> None:
        for slot, version, event in self._events(line.events):
            if claim := self._open.pop((slot, version), None):
                claim.over, claim.accepted = line.at, event.outcome == "accepted"
