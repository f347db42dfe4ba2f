"""May an order go to its contact (RULES 5)? Pure: the ledgers share it.

An address (e-mail, phone) leads to the contact that was accepted with it last. Whoever has none is a guest: a
contact without externalCustomerId, made from the order of somebody who left nothing but an address.
"""

from typing import Final, Literal

from connector.core.claims import Busy, Deny, Grant, Needs
from connector.core.events import Requirement
from connector.core.heads import Head, State
from connector.core.moving import Change

PSEUDO: Final = ("email:", "phone:")
"""Keys of contacts without an externalCustomerId begin so; they are personal data."""
Holder = Literal["nobody", "guest", "other"]
"""Who has an address that an order, or a contact's change, comes with; "nobody" also where it is its own."""

ERASED: Final = Deny("erased_contact", "the contact was erased; an order does not bring it back")
NO_LOCATOR: Final = Deny(
    "no_usable_locator", "the contact is known, but not by the only locator that the order has"
)
Limits = Grant | Needs | Busy | Deny


def fit(
    need: Requirement, known: Head | None, led: Head | None, *,
    own: bool, holder: Holder = "nobody", change: Change | None = None,
) -> Limits:  # fmt: skip
    """What a want with this requirement may do. A Grant tells by `id_only` and `guest` how.

    known: head of the requirement's key. led: head of the contact that its alias leads to (None: to none);
    own: that contact has the requirement's key. A key made from the alias itself stands for whichever
    contact the alias leads to. No key: a contact's own change, which asks who has its address.
    change: of the contact that the order goes to, if it matters to the order.
    """
    if not need.key:
        return Grant(guest=holder == "guest")
    if known is not None and known.state is State.UNSUBSCRIBED:
        known = None
    pseudo = need.key.startswith(PSEUDO)
    found = led if led is not None and (own or pseudo) else None
    if any(head is not None and head.state is State.ERASED for head in (known, found)):
        return ERASED
    if found is None:
        limits = _by_key(need, known, holder, pseudo=pseudo)
    else:
        limits = Needs() if need.fresh and own and _from_orders(found) else Grant()
    return _beside(need, change, limits, pseudo=pseudo) if change and isinstance(limits, Grant) else limits


def _beside(need: Requirement, change: Change, limits: Grant, *, pseudo: bool) -> Limits:
    """An address may have moved away already; whoever has a key is found by that, unless they are erased."""
    if change.erases or pseudo:
        return Busy() if change.living else Needs(doubtful=True)
    return limits if need.by_id else Grant(id_only=True)


def _by_key(need: Requirement, known: Head | None, holder: Holder, *, pseudo: bool) -> Limits:
    """Its address does not lead to the contact that it names."""
    if known is None or (need.fresh and _from_orders(known)):
        return Needs(shared=holder == "other")
    if need.alias is None or need.by_id:
        return Grant()
    return NO_LOCATOR if pseudo else Grant(id_only=True)


def _from_orders(head: Head) -> bool:
    """No change of its own was seen: what is known of the contact came with orders."""
    return head.version is None
