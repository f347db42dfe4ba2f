"""What a ledger knows of one key, for whoever asks."""

from msgspec import Struct

from connector.core.heads import Head
from connector.core.turn import Claim


class Sight(Struct, frozen=True):
    """head: what was accepted last. claim: what is on its way, or may have been sent (its owner is dead).
    orders: of a contact, how many of its orders were counted."""

    head: Head | None = None
    claim: Claim | None = None
    living: bool = False
    orders: int = 0
