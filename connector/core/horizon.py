"""The horizon of `ledger prune`: what it forgets, and what nobody can tell from then on (RULES 2)."""

from typing import Final

from connector.core.claims import Deny
from connector.core.events import Event
from connector.core.heads import Head, State
from connector.core.judge import time_of

OLDER: Final = Deny(
    "older_than_ledger", "older than the ledger: pruned heads may have known it; see ledger prune"
)


def is_beyond(event: Event, horizon_ms: int) -> bool:
    """Older than what `ledger prune` left: an unknown key does not make it new."""
    if event.entity == "event":
        return 0 <= event.source_ms < horizon_ms
    return event.version is not None and 0 <= time_of(event.version) < horizon_ms


def is_prunable(head: Head, before_ms: int) -> bool:
    """Whether it is forgotten: never an erased contact (RULES 5); a fact once all of its second is older."""
    if head.at is not None:
        return (head.at + 1) * 1000 <= before_ms
    erased = head.state is State.ERASED
    return head.version is not None and not erased and 0 <= time_of(head.version) < before_ms
