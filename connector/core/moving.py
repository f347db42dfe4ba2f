"""Changes of a contact that take an address away from it, or erase it (RULES 5). Pure.

An alias is its kind's first letter and a hash. From the moment such a change is claimed until it is settled,
and where its owner died before, nobody knows whether the CRM has made it: the aliases that it takes away
may lead nowhere already.
"""

from collections.abc import Callable, Iterable

from msgspec import UNSET, Struct

from connector.core.events import Contact, Event
from connector.core.heads import Head, State
from connector.core.model import Kind

Alias = Callable[[str], bytes]
"""An alias as a ledger stores it."""


class Change(Struct, frozen=True):
    """One under way, or in doubt, of the contact that an order goes to. erases: all of it, not the order's
    address alone. living: whoever claimed it last is alive."""

    erases: bool
    living: bool


def aliases_after(old: tuple[bytes, ...], event: Event, new: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """What leads to a contact after an accepted change.

    A locator that the change did not carry stays; so do those of a deleted contact, else its orders
    would bring it back under its e-mail, and of an unsubscribed one.
    """
    if event.kind is not Kind.CONTACT_UPSERTED:
        return old
    body = event.body
    kept = b"".join(
        letter
        for letter, value in ((b"e", body.email), (b"p", body.phone))
        if isinstance(body, Contact) and value is UNSET
    )
    return tuple(dict.fromkeys((*new, *(alias for alias in old if alias[:1] in kept))))


def leaving(old: tuple[bytes, ...], event: Event, aliases: Iterable[str], alias: Alias) -> tuple[bytes, ...]:
    """By what the contact may be found no longer once the change is sent. aliases: what it comes with."""
    if not old or event.kind is Kind.CONTACT_DELETED:
        return old
    after = aliases_after(old, event, tuple(map(alias, aliases)))
    return tuple(one for one in old if one not in after)


def unsettles(claimed: Head) -> bool:
    """A claim from which on less is known of the contact than before."""
    return bool(claimed.leaving) or claimed.state is State.ERASED


def change_of(claimed: Iterable[Head], alias: bytes | None, *, living: bool) -> Change | None:
    """What an order has to know of an open claim of its contact. claimed: its head, and its doubts.

    alias: what the order is found by. living: the claim's owner is.
    """
    erases = gone = False
    for head in claimed:
        erases = erases or head.state is State.ERASED
        gone = gone or alias in head.leaving
    return Change(erases, living) if erases or gone else None
