"""What a ledger knows of one key, for whoever asks."""

from msgspec import Struct

from connector.core.contact_first import PSEUDO, Holder, Limits, fit
from connector.core.events import Requirement
from connector.core.heads import Head
from connector.core.moving import change_of
from connector.core.turn import Claim


class Sight(Struct, frozen=True):
    """head: what was accepted last. claim: what is on its way, or may have been sent (its owner is dead).
    orders: of a contact, how many of its orders were counted."""

    head: Head | None = None
    claim: Claim | None = None
    living: bool = False
    orders: int = 0


def reach(
    need: Requirement, named: Sight, led: Sight, alias: bytes | None, *, own: bool, holder: Holder
) -> Limits:
    """`fit`, by what is known of the contact that the requirement names, and of whom its alias leads to.

    alias: as it is stored. own: both are one. holder: of another contact's address.
    """
    goes_to = led if led.head is not None and (own or need.key.startswith(PSEUDO)) else named
    claim = goes_to.claim
    claimed = (claim.head, *claim.doubts) if claim is not None else ()
    change = change_of(claimed, alias, living=goes_to.living)
    return fit(
        need, named.head, led.head, own=own, holder="nobody" if own else holder, change=change
    )  # fmt: skip
