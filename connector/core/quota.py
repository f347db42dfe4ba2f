"""The token bucket of a request rate, as one number: the time at which it is full again (GCRA). Pure.

The rate in force is halved when the destination refuses for its quota (429), and raised again, evenly over
time, while it answers (AIMD). Replicas share a bucket by taking chunks of tokens: each token has the time at
which it is due, and is void soon after, so that nobody can hoard them.
"""

from math import ceil, inf
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

SPAN: Final = 0.05
"""A bucket holds so many seconds' worth of its rate, at least one token."""
VOID: Final = 0.12
"""Seconds past its time after which a token of a chunk is void."""
CHUNK: Final = 0.1
"""A chunk is at most so many seconds' worth of the rate."""
LOWERED: Final = 0.5
"""What a refusal leaves of the rate …"""
LOWEST: Final = 1 / 64
"""… and of the configured rate at the least."""
PATIENCE: Final = 1.0
"""Seconds within which refusals count as one: they are answers to one burst."""
REGAIN: Final = 60.0
"""Seconds of success in which the whole configured rate is regained."""


class Quota(Struct, frozen=True):
    """At most `burst` + rate * seconds requests in any span. Times are of one clock, in seconds.

    most: configured requests per second, 0 = unlimited. rate: those in force. full_at: when the bucket is
    full again; -inf: it is. changed, lowered: when the rate was changed, and lowered, last.
    """

    most: float = 0.0
    rate: float = 0.0
    full_at: float = -inf
    changed: float = -inf
    lowered: float = -inf

    @property
    def burst(self) -> float:
        """How many tokens a full bucket holds."""
        return max(1.0, self.rate * SPAN)

    def take(self, now: float, tokens: int = 1, lead: float = 0.0) -> tuple["Quota", float]:
        """Take tokens: the quota after it, and the seconds until the first is due (negative: long ago).

        The others follow at distances of 1/rate. Tokens that are not there yet are reserved, so requests that
        wait keep their order. lead: none is due before so many seconds have passed.
        """
        if self.rate <= 0:
            return self, 0.0
        start = max(self.full_at, now + lead)
        after = replace(self, full_at=start + tokens / self.rate)
        return after, start - now + (1 - self.burst) / self.rate

    def refused(self, now: float) -> "Quota":
        """The destination refused for its quota."""
        if self.rate <= 0 or now - self.lowered < PATIENCE:
            return self
        rate = max(self.most * LOWEST, self.rate * LOWERED)
        return replace(self, rate=rate, changed=now, lowered=now)

    def answered(self, now: float) -> "Quota":
        """The destination answers. A long silence before it does not count."""
        if self.rate >= self.most:
            return self
        rate = self.rate + self.most * min(now - self.changed, 1.0) / REGAIN
        return replace(self, rate=min(self.most, rate), changed=now)


class Taken(Struct, frozen=True):
    """Tokens of a shared bucket: seconds until the first is due, and the rate in force, their distance."""

    wait: float
    rate: float


class Chunk(Struct, frozen=True):
    """Tokens of a shared bucket, with the taker; wait and rate as Taken has them.

    asked, got: when it was asked for, and when the answer came, by the taker's own clock: the bucket's time
    of it lies between them. A token is used at its time or at most VOID later; where the answer took longer
    than that, it may be as much too early.
    next: the first token that was not taken yet. spent: how many were not void.
    """

    tokens: int = 0
    wait: float = 0.0
    rate: float = 1.0
    asked: float = -inf
    got: float = -inf
    next: int = 0
    spent: int = 0

    def take(self, now: float) -> tuple["Chunk", float | None]:
        """Take one token: the chunk after it, and when the token is due; None: no valid one is left."""
        token, late = self.next, now - self.asked - VOID
        if late > 0:
            token = max(token, ceil((late - self.wait) * self.rate)) if late < inf else self.tokens
        if token >= self.tokens:
            return self, None
        after = replace(self, next=token + 1, spent=self.spent + 1)
        return after, max(now, min(self.got, self.asked + VOID) + self.wait + token / self.rate)

    def more(self, waiting: int) -> int:
        """How many tokens to ask for next: twice as many where all were of use, else as many as were."""
        wanted = 2 * self.spent if self.spent >= self.tokens else self.spent
        return max(1, min(max(waiting, wanted), ceil(self.rate * CHUNK)))

    @property
    def lead(self) -> float:
        """Where answers are slow: what to ask for must not be void before it is here."""
        took = self.got - self.asked
        return took if took > VOID / 2 else 0.0
