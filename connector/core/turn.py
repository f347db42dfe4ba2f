"""What a ledger's turn makes of one want and of one settlement (RULES 2, 5). Pure: the stores share it.

A claim whose owner is dead leaves a doubt: its version may have been sent. A doubt is not an acceptance, so
it makes no other version look superseded; it makes the same version doubtful, forbids "unchanged", and
outlives the claim that takes over, until its own version, or a newer one, is settled.
"""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from connector.core.claims import Ask, Busy, Done, Grant, Settlement, Verdict, Want
from connector.core.contact_first import ERASED, PSEUDO
from connector.core.events import Event, Order
from connector.core.heads import Epochs, Head, Kept, State
from connector.core.judge import Judgement, advance, clear, compare, judge
from connector.core.moving import Alias, leaving

NOBODY = 0
"""The owner of a claim that nobody holds any more: what is left is its doubt."""


class Claim(Struct, frozen=True):
    """One open claim. head: what the key's head becomes once it is accepted (a store may leave out `live`,
    which the key's head tells). doubts: heads that earlier
    owners, now dead, had claimed."""

    owner: int
    head: Head
    doubts: tuple[Head, ...] = ()


class Decision(Struct, frozen=True):
    """A verdict, and what is to be written with it (None: nothing)."""

    verdict: Verdict
    head: Head | None = None
    claim: Claim | None = None


class Conclusion(Struct, frozen=True):
    """What a settlement changes. head: None = stays. claim: what is left of it (None = gone).
    stale: the claim was lost, and the event may have been sent all the same (RULES 2)."""

    head: Head | None = None
    claim: Claim | None = None
    stale: bool = False


def decide(
    want: Want, head: Head | None, claim: Claim | None, *,
    living: bool, owner: int, epochs: Epochs, alias: Alias = str.encode,
) -> Decision:  # fmt: skip
    """Judge a want, but for what it requires (contact_first.fit). living: the owner of `claim` is alive."""
    event = want.event
    doubts: tuple[Head, ...] = ()
    seen = head
    if claim is not None and not living:
        doubts = (claim.head, *claim.doubts)
        seen = clear(head) if head else None
    judgement, against = judge(seen, event, epochs), seen
    if judgement == "duplicate" and want.forced and seen is not None and seen.state is State.ACCEPTED:
        against = replace(seen, state=State.REMOVED)
        judgement = judge(against, event, epochs)
    if judgement in {"newer", "unchanged"}:
        if claim is not None and living:
            return Decision(Busy())
        if judgement == "newer":
            # An event without version is told by its having none: merged with the head only when accepted.
            claimed = _sent(advance(against if event.version else None, event, epochs), want.past)
            if head is not None and head.aliases:
                claimed = replace(claimed, leaving=leaving(head.aliases, event, want.aliases, alias))
                if claimed.leaving and (guest := _beside(want, claimed, alias)) is not None:
                    return Decision(Busy(guest))
            granted = _grant(event, head, seen, doubts, Claim(owner, claimed, doubts), epochs)
            return granted if against is seen else _forced(granted)
        new = advance(head, event, epochs)
        return Decision(Done("unchanged"), None if new is head else new)
    return Decision(_refusal(judgement))


def _beside(want: Want, claimed: Head, alias: Alias) -> str | None:
    """An address that the change takes away from an own guest who is on the way to it."""
    return next((guest for guest in want.beside if alias(guest) in claimed.leaving), None)


def _forced(decision: Decision) -> Decision:
    """It goes although it was accepted: an operator asked for it."""
    if not isinstance(decision.verdict, Grant):
        return decision
    return replace(decision, verdict=replace(decision.verdict, forced=True))


def _refusal(judgement: Judgement) -> Verdict:
    if judgement == "clock":
        return Ask("clock")
    if judgement == "erased":
        return ERASED
    return Done("superseded" if judgement == "superseded" else "duplicate")


def _grant(
    event: Event, head: Head | None, seen: Head | None, doubts: tuple[Head, ...], claim: Claim, epochs: Epochs
) -> Decision:
    doubtful = False
    if doubts:
        if any(_strange(doubt, event, epochs) for doubt in doubts):
            return Decision(Ask("clock"))
        doubtful = any(is_at(doubt, event) for doubt in doubts)
    if seen is None:
        return Decision(Grant(doubtful=doubtful), None, claim)
    status_only = _status_only(seen, event)
    verdict = Grant(seen.live, status_only, doubtful, contact_key=seen.contact_key, kept=seen.kept)
    return Decision(verdict, None if seen is head else seen, claim)


def _sent(head: Head, past: int | None) -> Head:
    return head if head.past == past else replace(head, past=past)


def _status_only(head: Head, event: Event) -> bool:
    if not head.core_digest or head.state is not State.ACCEPTED:
        return False
    return head.core_digest == event.core_digest and head.digest != event.digest


def _strange(doubt: Head, event: Event, epochs: Epochs) -> bool:
    return event.version is not None and compare(doubt, event.version, event.digest, epochs) == "clock"


def is_at(head: Head, event: Event) -> bool:
    """The head's version is the event's own, whatever epochs were accepted since."""
    if event.version is None or head.version is None:
        return event.version is head.version
    return compare(head, event.version, event.digest) == "same"


def conclude(
    settlement: Settlement, head: Head | None, claim: Claim | None, *, mine: bool, epochs: Epochs
) -> Conclusion:
    """Settle one event. mine: `claim` is held by the one who settles. Aliases are the store's business."""
    event = settlement.event
    if claim is None or not mine or not is_at(claim.head, event):
        return _lost(settlement, head, claim)
    if settlement.outcome == "accepted":
        return _accepted(settlement, head, claim, epochs)
    if settlement.certain:
        return Conclusion(None, _left(claim.doubts))
    # Given up in doubt (held as a dead letter): whoever reads the record again must not send it as certain.
    doubts = tuple(doubt for doubt in claim.doubts if not is_at(doubt, event))
    return Conclusion(_cleared(head), _left((claim.head, *doubts)))


def _accepted(settlement: Settlement, head: Head | None, claim: Claim, epochs: Epochs) -> Conclusion:
    event, new = settlement.event, claim.head
    if event.version is None and head is not None:
        new = advance(head, event, epochs)
    doubts = tuple(doubt for doubt in claim.doubts if _outlives(doubt, new, epochs))
    new = replace(
        new,
        live=new.live or settlement.live or (head is not None and head.live),
        remote_id=settlement.remote_id or new.remote_id,
        contact_key=_kept_contact(settlement) or new.contact_key,
        kept=_kept(settlement) or new.kept,
        past=claim.head.past,
        leaving=(),
    )
    return Conclusion(new if settlement.certain else clear(new), _left(doubts))


def plain(settlement: Settlement) -> bool:
    """Accepting it makes its claim's head the head, but for `live`, and does nothing else."""
    return (
        settlement.certain
        and settlement.outcome == "accepted"
        and not settlement.aliases
        and settlement.remote_id is None
        and settlement.event.row_key is None
        and not settlement.keeps
        and settlement.client is None
    )


def _kept_contact(settlement: Settlement) -> str | None:
    """Kept only for deletes, and never where it is personal data."""
    contact = settlement.contact_key
    if contact is None or settlement.event.row_key is None or contact.startswith(PSEUDO):
        return None
    return contact


def _kept(settlement: Settlement) -> Kept | None:
    order, told = settlement.event.body, settlement.keeps
    if not isinstance(order, Order) or not (told or settlement.event.row_key is not None):
        return None
    if not isinstance(order.date, datetime) or not (told or isinstance(order.total_cost, Decimal)):
        return None
    total = order.total_cost if isinstance(order.total_cost, Decimal) else Decimal()
    return Kept(format(total, "f"), order.date.isoformat())


def _outlives(doubt: Head, head: Head, epochs: Epochs) -> bool:
    if doubt.version is None:
        return False
    return compare(head, doubt.version, doubt.digest, epochs) in {"newer", "clock"}


def _lost(settlement: Settlement, head: Head | None, claim: Claim | None) -> Conclusion:
    """The claim is another's, or gone. Gone and at this very version: the settle came twice."""
    released = settlement.outcome == "released"
    repeated = claim is None and head is not None and is_at(head, settlement.event)
    if (released and settlement.certain) or repeated:
        return Conclusion(None, claim)
    return Conclusion(_cleared(head), claim, stale=not released or claim is not None)


def _left(doubts: tuple[Head, ...]) -> Claim | None:
    return Claim(NOBODY, doubts[0], doubts[1:]) if doubts else None


def _cleared(head: Head | None) -> Head | None:
    """The head to write so that it has no digests, None where it has none already."""
    if head is None:
        return None
    new = clear(head)
    return None if new is head else new
