"""What a ledger tells, or lets do, an operator: nothing that a lane needs."""

from collections.abc import Sequence
from typing import Protocol

from connector.core.claims import Verdict, Want
from connector.core.letters import Discarded
from connector.core.model import Entity
from connector.core.past import Sent, Sizes, Stale
from connector.core.removal import Removable, Removed, Span
from connector.core.sight import Sight

__all__ = [
    "Archive", "Discarded", "Discards", "Lock", "Removable", "Removed", "Sent", "Sight", "Sizes", "Span",
    "Stale",
]  # fmt: skip


class Archive(Protocol):
    """What a ledger tells an operator of itself. Scoped to one destination; raises LedgerDown."""

    def look(self, entity: Entity, key: str) -> Sight:
        """All that is known of one key now; nothing is changed."""

    def history(self, entity: Entity, key: str) -> list[Sent]:
        """What was accepted of an entity, or may have been, oldest first; as long as it is retained."""

    def stale(self) -> list[Stale]:
        """Keys of which nothing was accepted since a stale send (RULES 2), as long as history is retained.

        All of history is looked at: for an operator.
        """

    def sizes(self) -> Sizes:
        """How large the ledger is, by its own count or statistics: not exact, and quick."""

    def most_orders(self) -> int:
        """How many orders the client with most has, as they were counted (claims.Settlement); 0: none."""

    def prune(self, before_ms: int) -> int:
        """Remove heads whose newest version is older than this time; how many (RULES 2).

        From then on, what is older and unknown is denied: `older_than_ledger`.
        """

    def rehearse(self, wanted: Sequence[Want]) -> list[Verdict]:
        """What `Ledger.turn` would say to these wants now; nothing is claimed, nothing changes.

        By an owner without claims of its own.
        """

    def removable(self, span: Span) -> Removable:
        """What was accepted as past events of this span, or may have been; nothing is changed."""

    def remove(self, span: Span, seen: Removable) -> Removed:
        """Mark as removed what `removable` saw before the destination deleted it (RULES 11).

        What was seen may be sent again, doubts included; older versions may not. What somebody sends, or has
        sent meanwhile, stays as it is and is counted.
        """


class Discards(Protocol):
    """The dead letters that an operator dropped; raises LedgerDown."""

    def add(self, letters: Sequence[tuple[str, str]], reason: str, at: int) -> None:
        """Record them, each with its id and cause; durable on return. Once recorded a letter stays as it was.

        at: seconds since the epoch.
        """

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these letters were discarded; some hundred at a time."""

    def sums(self) -> list[Discarded]:
        """By cause and reason, the latest last."""

    def close(self) -> None:
        """Let go of the store."""


class Lock(Protocol):
    """Held by one process at a time, and by none once that has ended; raises LedgerDown."""

    def take(self) -> bool:
        """Take it, or see that it is still held; False: another process holds it."""

    def close(self) -> None:
        """Let go."""
