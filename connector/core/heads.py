"""What a ledger remembers of one entity key: the newest settled version and what was accepted with it."""

from enum import IntEnum

from msgspec import Struct

from connector.core.model import Version


class Kept(Struct, frozen=True, array_like=True):
    """What a deleted row no longer tells: totalCost as a decimal, date in ISO 8601 with its offset."""

    total_cost: str
    date: str


class State(IntEnum):
    """What became of the entity. The numbers are stored: never change them."""

    ACCEPTED = 0
    ERASED = 1
    """A contact whose delete was accepted (RULES 5: no order brings it back)."""
    REMOVED = 2
    """Deleted at the destination by `past-events delete`: equal versions may go again (RULES 11)."""
    UNSUBSCRIBED = 3
    """A contact of which nothing was accepted but that it is unsubscribed: unknown to its orders."""


class Epoch(Struct, frozen=True):
    """An operator's word: from `since_ms` on, changes of `clock` rank above all heads of lower ranks."""

    rank: int
    clock: str
    since_ms: int


Epochs = tuple[Epoch, ...]
"""All of a destination's, highest rank first."""


class Head(Struct, frozen=True):
    """The ledger's row for (destination, entity, key).

    version: merged, see judge.advance; None = known, but older than any change (an ensured contact), or a
    fact, which has none: at = when it was made, in seconds since the epoch.
    rank: that of the accepted epoch the version fell under. digest, core_digest: of what was last accepted
    with certainty, else b"". ties: digests accepted at the version's own time. live: once accepted through
    live events or Add orders (RULES 7). aliases: hashes of what leads to a contact; remote_id: the
    destination's own id. contact_key, kept: of an order whose deletes count (RULES 8), the contact it was
    accepted with, and what its cancellation has to tell. past: where this version, or fact, was accepted as
    history, when it occurred, in seconds since the epoch. leaving: of a claim alone, the aliases that will
    lead to the contact no longer.
    """

    version: Version | None = None
    rank: int = 0
    digest: bytes = b""
    core_digest: bytes = b""
    ties: tuple[bytes, ...] = ()
    state: State = State.ACCEPTED
    live: bool = False
    aliases: tuple[bytes, ...] = ()
    remote_id: str | None = None
    contact_key: str | None = None
    kept: Kept | None = None
    at: int | None = None
    past: int | None = None
    leaving: tuple[bytes, ...] = ()
