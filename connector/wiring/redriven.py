"""How letters are sent again, and what became of them."""

from collections import Counter

from msgspec import Struct, field


class Manner(Struct, frozen=True):
    """share: part of request rate and in_flight. resend: what is in doubt goes too.

    dry: nothing is sent, written or claimed; what would become of each is told by what the ledger holds now.
    """

    share: float = 1.0
    resend: bool = False
    dry: bool = False


class Progress(Struct, frozen=True):
    """Letters settled so far, of how many; why it waits (nothing: it does not)."""

    settled: int
    letters: int
    paused: tuple[str, ...] = ()


class Redriven(Struct):
    """What became of the letters that were meant.

    outcomes: counted, as in `records_total`. causes: of those that would be dead letters again; batches: what
    would be sent, by resource (both of a dry run). lost: whose value is nowhere any more. strange: of topics,
    or destinations, that are not configured. left: not tried, since it was interrupted.
    """

    letters: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    batches: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    strange: int = 0
    left: int = 0
    dry_run: bool = False
