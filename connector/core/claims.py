"""What a lane asks of the ledger, what the ledger answers, and what became of what it granted (RULES 2)."""

from typing import Literal

from msgspec import Struct

from connector.core.events import Event, Requirement
from connector.core.heads import Kept


class Want(Struct, frozen=True, gc=False):
    """Ask to send an event now. `requires`: the contact that must be accepted first (RULES 5).

    past: where it goes as history, when it occurred, in seconds since the epoch. forced: the version that was
    accepted last may go again (RULES 11). Of a contact's change, aliases: what leads to it once it is
    accepted; beside: the addresses of guests whose orders, or contacts, are on their way by the same process.
    """

    event: Event
    requires: Requirement | None = None
    past: int | None = None
    forced: bool = False
    aliases: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


class Grant(Struct, frozen=True, gc=False):
    """Send it: the claim is durable.

    known: the entity was accepted through live events or Add orders. status_only: nothing but status and
    date differs from what was last accepted. doubtful: a dead owner may have sent this very version.
    id_only: the contact is known, but not by the requirement's alias. guest: of a contact, that a contact
    without externalCustomerId has its address. contact_key, kept: of an order, the
    contact that it was last accepted with, and more that a delete does not tell itself, where kept (RULES 8).
    forced: it was accepted before, and goes again because it was asked for.
    """

    known: bool = False
    status_only: bool = False
    doubtful: bool = False
    id_only: bool = False
    guest: bool = False
    contact_key: str | None = None
    kept: Kept | None = None
    forced: bool = False


class Done(Struct, frozen=True, gc=False):
    """Settled without sending; nothing is claimed."""

    outcome: Literal["duplicate", "superseded", "unchanged"]


class Busy(Struct, frozen=True, gc=False):
    """A living owner holds the key, or changes the contact that an order goes to: ask again later.

    guest: which of those `beside` a contact's change comes first, since it takes this address away.
    """

    guest: str | None = None


class Needs(Struct, frozen=True, gc=False):
    """The required contact is not known: have it accepted first, then ask again.

    shared: the order's address leads to a contact of another key, whose it stays. doubtful: it is known, but
    a stopped process may have erased it, or taken the order's address away: ask again once that is settled.
    """

    shared: bool = False
    doubtful: bool = False


class Ask(Struct, frozen=True, gc=False):
    """Only the operator can tell (RULES 1 and 3): pause the partition. reason: clock."""

    reason: str


class Deny(Struct, frozen=True, gc=False):
    """A dead letter by the ledger's word: cause erased_contact | no_usable_locator | older_than_ledger."""

    cause: str
    detail: str


Verdict = Grant | Done | Busy | Needs | Ask | Deny


class Settlement(Struct, frozen=True, gc=False):
    """What became of a claimed event.

    accepted: the head takes version and digests (an event without version only marks its key as known).
    released: not applied, or dead-lettered: the claim goes, the head stays.
    certain=False (in doubt at any time, forced): the head's digests are cleared (RULES 2).
    live: accepted through live events or Add orders (RULES 7). aliases: what now leads to this contact.
    contact_key: the contact of an order, kept with row_key for deletes (RULES 8). keeps: see Lot. forced: as
    its Grant says. client: of an order that is new, the contact whose orders are counted (see Lot).
    """

    event: Event
    outcome: Literal["accepted", "released"]
    certain: bool = True
    live: bool = True
    aliases: tuple[str, ...] = ()
    contact_key: str | None = None
    remote_id: str | None = None
    attempts: int = 1
    keeps: bool = False
    forced: bool = False
    client: str | None = None


class Count(Struct, frozen=True):
    """How many orders a client has by now, `added` of them by one turn; example: the key of one of these."""

    orders: int
    added: int
    example: str
