"""In the words of the ledger: what is asked for, and what becomes of it by what the courier brought back."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from connector.core.claims import Settlement, Want
from connector.core.plan import Item
from connector.core.removal import occurred_s
from connector.courier import Landed
from connector.lane.books import RecordOutcome
from connector.ports import Destination


class Settling(Struct, gc=False):
    """A settlement on its way into the ledger, and how its record is closed then (None: it stays open)."""

    settlement: Settlement
    item: Item | None
    outcome: RecordOutcome


def wanted(batch: Sequence[Item], guests: Callable[[], tuple[str, ...]]) -> list[Want]:
    """To send a lot's events now. guests: asked where contacts are to be changed, see claims.Want."""
    lot = batch[0].lot
    if batch[0].event.entity == "contact":
        beside = guests()
        return [Want(item.event, item.requires, aliases=item.aliases, beside=beside) for item in batch]
    if lot.live:
        return [Want(item.event, item.requires) for item in batch]
    return [Want(item.event, item.requires, occurred_s(item.event)) for item in batch]


def accepted(destination: Destination, item: Item, landed: Landed, remote_id: str | None) -> Settling:
    """The destination has it."""
    event = landed.sending.event
    aliases = destination.aliases(event) if event.entity == "contact" else ()
    contact_key = (item.requires.key or None) if item.requires else None
    client = contact_key if item.lot.counts and not landed.sending.known else None
    settlement = Settlement(
        event, "accepted", landed.certain, item.lot.live, aliases, contact_key, remote_id, landed.attempts,
        item.lot.keeps, False, client,
    )  # fmt: skip
    return Settling(settlement, item, "delivered")


def released(item: Item, landed: Landed) -> Settlement:
    """It is given up: a dead letter, or to be asked for again. A doubt of it stays in the ledger."""
    certain, live = landed.certain, item.lot.live
    return Settlement(item.event, "released", certain=certain, live=live, attempts=landed.attempts)
