"""What a ledger tells of its own: what was accepted, when and how (`history`), and how large it is."""

from typing import Final, Literal

from msgspec import Struct

from connector.core.claims import Settlement
from connector.core.model import Entity, Version

Via = Literal["live", "past_events", "contacts"]
Outcome = Literal["accepted", "in_doubt", "stale", "forced"]
VIAS: Final[tuple[Via, ...]] = ("live", "past_events", "contacts")
OUTCOMES: Final[tuple[Outcome, ...]] = ("accepted", "in_doubt", "stale", "forced")
"""Both in the order of the numbers that stand for them in a file: never change it."""


class Sent(Struct, frozen=True):
    """One row of history. at: when it was settled, seconds since the epoch; attempts: requests it took.

    version: with its position; None of a contact made for an order. outcome: accepted | in_doubt (accepted,
    or not, by a request whose answer was lost) | stale (its claim was another's by then) |
    forced (accepted before, and sent again because an operator wanted it).
    """

    version: Version | None
    at: float
    attempts: int
    via: Via
    outcome: Outcome


class Stale(Struct, frozen=True):
    """A key of which the last that is known is a stale send: the destination may hold it instead.

    version: what was sent late; None of a contact made for an order.
    """

    entity: Entity
    key: str
    version: Version | None
    at: float


class Sizes(Struct, frozen=True):
    """Rows of heads and of history, of all destinations; open claims of this owner; bytes of it all."""

    heads: int
    history: int
    claims: int
    bytes: int


def via_of(settlement: Settlement) -> Via:
    """By which of the destination's ways it was sent."""
    if settlement.event.entity == "contact":
        return "contacts"
    return "live" if settlement.live else "past_events"


def outcome_of(settlement: Settlement, *, stale: bool) -> Outcome:
    """How sure it is."""
    if stale or not settlement.forced:
        return "stale" if stale else "accepted" if settlement.certain else "in_doubt"
    return "forced"
