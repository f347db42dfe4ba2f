"""What may share a request."""

from typing import Literal

from msgspec import Struct


class Lot(Struct, frozen=True, cache_hash=True):
    """A kind of batch. `resource`: name in metrics; `group`: a further split (the set of fields sent);
    live: its acceptance makes the entity known (RULES 7). keeps: the ledger keeps an order's date, whatever
    becomes of deletes. newest: of one entity's changes that wait, only the last one need be sent. counts: the
    ledger counts the orders of each client."""

    resource: str
    group: str
    max_events: int
    in_doubt: Literal["resend", "hold"]
    live: bool = True
    keeps: bool = False
    newest: bool = False
    counts: bool = False
