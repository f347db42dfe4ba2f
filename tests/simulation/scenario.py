"""What happens in one run, as data: drawn from a seed, and made smaller by leaving things out."""

import random
from collections.abc import Mapping
from typing import Literal, TypeVar, get_args

from msgspec import Struct
from msgspec.structs import replace

T = TypeVar("T", bound=str)
Dialect = Literal["resend", "hold", "past"]
Owners = Literal["lock", "lease"]
"""How a ledger tells who is dead: at once, by a file lock, as in SQLite; once a lease has passed."""
Fate = Literal[
    "ok", "lost", "vanished", "slow", "late", "refused", "500", "500 applied", "503", "429", "401", "failed",
    "error",
]  # fmt: skip
"""What becomes of one request. lost: applied, no answer; vanished: neither; slow: applied, answered too
late; late: applied too late; refused: no connection. Of an import, failed: it lists its first contact as
failed; error: its session ends in ERROR."""
What = Literal[
    "crash", "stop", "drain", "cut", "move", "refuse", "before", "after", "ledger", "registry", "letters",
    "broker", "crm", "partition",
]  # fmt: skip
"""crash, stop, drain: one process has a kill -9, SIGSTOP and SIGCONT, SIGTERM; the first two at a call of its
ports. cut: its heartbeats do not reach the group. move: partitions change hands. refuse: a commit is.
before, after: calls of ledger and dead letters fail so. ledger … crm: is down. partition: a topic grows."""
Do = Literal["change", "touch", "again", "poison", "null"]
Who = Literal["order", "contact", "guest", "nobody"]

WHO: Mapping[Who, float] = {"order": 10, "contact": 5, "guest": 3, "nobody": 0.4}
DO: Mapping[Do, float] = {"change": 8, "touch": 1.5, "again": 3, "poison": 0.6, "null": 0.3}
PLACES = (*("" for _ in range(8)), "http", "http", "http answered", "turned", "written", "poll", "commit")
"""Calls of a port by name: begun, or about to return."""
MOVING = 4
"""One run of so many has addresses that move."""
WRITING, FAULTING = 6.0, 8.0
"""Seconds in which records are written, and in which faults begin."""


class Write(Struct, frozen=True):
    """A record. who: guest: an order with an e-mail only; nobody: one without any contact.

    do: change: a new version; touch: a new version, again: the very record, of the content `back` versions
    before the newest; poison; null. marked: the CRM refuses this content. moved: with another e-mail.
    """

    at: float
    who: Who
    number: int
    do: Do = "change"
    back: int = 0
    marked: bool = False
    moved: bool = False


class Fault(Struct, frozen=True):
    """Something that happens to processes or around them. who: of them. calls: so many calls of a port later;
    place: which calls count ("": all). seconds: how long it lasts (of a crash: until the next start)."""

    at: float
    what: What
    who: int = 0
    calls: int = 1
    place: str = ""
    seconds: float = 0.0


class Scenario(Struct, frozen=True):
    """One run. seed: of who goes next, and of jitter. fates: of requests by number, the rest are ok.

    conflict: seconds in which the CRM answers a repeated body with 409. dawdle: how often a port call takes
    a moment, in which others go on. eager: the group's protocol. tight: little memory, small batches.
    """

    seed: int
    dialect: Dialect
    owners: Owners
    eager: bool
    tight: bool
    replicas: int
    partitions: int
    conflict: float
    dawdle: float
    writes: tuple[Write, ...]
    fates: tuple[tuple[int, Fate], ...]
    faults: tuple[Fault, ...]


def draw(seed: int, dialect: Dialect | None = None) -> Scenario:
    """The scenario of a seed; of one dialect, if it is given."""
    rng = random.Random(seed)
    moves = seed % MOVING == 0
    chosen = rng.choice(get_args(Dialect))
    return Scenario(
        seed=seed,
        dialect=dialect or chosen,
        owners=rng.choice(get_args(Owners)),
        eager=rng.random() < 0.4,
        tight=rng.random() < 0.3,
        replicas=3,
        partitions=rng.choice([1, 2, 3]),
        conflict=60.0 if rng.random() < 0.15 else 0.0,
        dawdle=rng.choice([0.0, 0.05, 0.3]),
        writes=tuple(sorted(_moved(_writes(rng), moves=moves), key=lambda write: write.at)),
        fates=tuple(_fates(rng)),
        faults=tuple(sorted(_faults(rng), key=lambda fault: fault.at)),
    )


def _writes(rng: random.Random) -> list[Write]:
    entities, burst = rng.choice([2, 4]), rng.random() < 0.5
    moments = [rng.uniform(0, WRITING) for _ in range(3)]
    return [
        Write(
            at=rng.choice(moments) if burst else rng.uniform(0, WRITING),
            who=_weighted(rng, WHO),
            number=rng.randrange(entities),
            do=_weighted(rng, DO),
            back=rng.randrange(4),
            marked=rng.random() < 0.08,
        )
        for _ in range(rng.randrange(4, 22))
    ]


def _moved(writes: list[Write], *, moves: bool) -> list[Write]:
    """Contacts change their e-mail, and orders, guests' too, come with one or the other."""
    return [replace(w, moved=n % 3 == 0) for n, w in enumerate(writes)] if moves else writes


def _fates(rng: random.Random) -> list[tuple[int, Fate]]:
    share = rng.choice([0.0, 0.1, 0.3])
    bad = [fate for fate in get_args(Fate) if fate != "ok"]
    return [(number, rng.choice(bad)) for number in range(60) if rng.random() < share]


def _faults(rng: random.Random) -> list[Fault]:
    weights: Mapping[What, float] = {
        "crash": 6, "stop": 6, "drain": 2, "cut": 2, "move": 4, "refuse": 1, "before": 1, "after": 2,
        "ledger": 1, "registry": 1, "letters": 1, "broker": 1, "crm": 1, "partition": 0.5,
    }  # fmt: skip
    return [_fault(rng, _weighted(rng, weights)) for _ in range(rng.choice([0, 1, 2, 3, 5, 8]))]


def _fault(rng: random.Random, what: What) -> Fault:
    place, seconds = rng.choice(PLACES), rng.choice([0.05, 0.5, 2.0, 5.0, 9.0, 16.0])
    if what == "stop" and place:
        seconds = 16.0  # past its lease: at "http", between the look at it and the write, makes a stale send
    calls = rng.choice([1, 1, 2, 3, 5, 8, 13, 21])
    return Fault(rng.uniform(0, FAULTING), what, rng.randrange(3), calls, place, seconds)


def _weighted(rng: random.Random, weights: Mapping[T, float]) -> T:
    return rng.choices(list(weights), list(weights.values()))[0]
