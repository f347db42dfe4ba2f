"""What a deletion of past events makes of the ledger (RULES 11). Pure: the stores share it.

The ledger is looked at before the deletion, and marked after it. What was accepted in between may be gone or
not: it is counted, not marked, and a second deletion settles it. So a deletion that failed, or whose answer
was lost, has changed nothing here.
"""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from connector.core.events import Contact, Event, Order
from connector.core.heads import Head, State
from connector.core.model import Entity
from connector.core.turn import NOBODY, Claim

_HISTORY: Final = ("order", "event")


class Span(Struct, frozen=True):
    """Minutes of the wall clock in the zone that past events are sent in; both ends are included."""

    since: datetime
    until: datetime
    zone: tzinfo

    def holds(self, past: int | None) -> bool:
        """Whether what occurred then was sent with one of these minutes."""
        if past is None:
            return False
        wall = datetime.fromtimestamp(past, self.zone).replace(second=0, tzinfo=None)
        return self.since <= wall <= self.until


class Row(Struct, frozen=True):
    """What a ledger has of one key. living: the owner of the claim is."""

    entity: Entity
    key: str
    head: Head | None
    claim: Claim | None = None
    living: bool = False


class Removable(Struct, frozen=True):
    """What a ledger has of a span. orders, events: accepted as past events.

    doubtful: what may have been accepted besides (RULES 4). flying: what is being sent. undated: accepted as
    past events of any time, by a version that did not keep it. marks: what was seen, about 70 bytes each.
    """

    orders: int = 0
    events: int = 0
    doubtful: int = 0
    flying: int = 0
    undated: int = 0
    marks: frozenset[int] = frozenset()


class Removed(Struct, frozen=True):
    """orders and events that may be sent again; doubts that are none any more; what was sent meanwhile."""

    heads: int
    doubts: int
    changed: int


def occurred_s(event: Event) -> int | None:
    """When an order or fact occurred, in seconds since the epoch."""
    body = event.body
    if type(body) is Contact:
        return None
    when = body.occurred or body.date if type(body) is Order else body.occurred
    return int(when.timestamp()) if isinstance(when, datetime) else None


def survey(rows: Iterable[Row], span: Span) -> Removable:
    """What these rows have of a span."""
    marks: set[int] = set()
    found = {"order": 0, "event": 0, "doubtful": 0, "flying": 0, "undated": 0}
    for row in rows:
        found["flying"] += _flies(row, span)
        if row.head is not None and _is_there(row.head, span):
            found[row.entity] += 1
            marks.add(_mark(row, row.head))
        found["undated"] += _is_undated(row)
        doubts = [doubt for doubt in _doubts(row) if span.holds(doubt.past)]
        found["doubtful"] += len(doubts)
        marks.update(_mark(row, doubt) for doubt in doubts)
    order, event, doubtful, flying, undated = found.values()
    return Removable(order, event, doubtful, flying, undated, frozenset(marks))


class Removal:
    """Marks row by row what a survey had seen."""

    def __init__(self, span: Span, seen: Removable) -> None:
        """Nothing is marked yet."""
        self._span, self._seen = span, seen.marks
        self._heads = self._doubts = self._changed = 0

    @property
    def done(self) -> Removed:
        """What came of it."""
        return Removed(self._heads, self._doubts, self._changed)

    def missed(self, old: Row, new: Row) -> None:
        """What `apply` made of a row could not be written: another wrote it first."""
        heads, doubts = new.head is not old.head, len(_doubts(old)) - len(_doubts(new))
        self._heads -= heads
        self._doubts -= doubts
        self._changed += heads + doubts

    def apply(self, row: Row) -> Row | None:
        """The row as it is to be written; None: it stays. One that somebody is sending is left alone."""
        head, doubts = row.head, _doubts(row)
        there = head is not None and _is_there(head, self._span)
        within = [doubt for doubt in doubts if self._span.holds(doubt.past)]
        if row.living and row.claim is not None:
            self._changed += there or _flies(row, self._span)
            return None
        gone = [doubt for doubt in within if _mark(row, doubt) in self._seen]
        marked = head is not None and there and _mark(row, head) in self._seen
        self._changed += len(within) - len(gone) + (there and not marked)
        self._heads += marked
        self._doubts += len(gone)
        if not marked and not gone:
            return None
        left = [doubt for doubt in doubts if doubt not in gone]
        claim = Claim(NOBODY, left[0], tuple(left[1:])) if left else None
        removed = replace(head, state=State.REMOVED) if head is not None and marked else head
        return Row(row.entity, row.key, removed, claim if gone else row.claim)


def _mark(row: Row, head: Head) -> int:
    return hash((row.entity, row.key, head))


def _is_there(head: Head, span: Span) -> bool:
    return head.state is State.ACCEPTED and span.holds(head.past)


def _is_undated(row: Row) -> bool:
    head = row.head
    if head is None or row.entity not in _HISTORY:
        return False
    return head.state is State.ACCEPTED and not head.live and head.past is None


def _flies(row: Row, span: Span) -> bool:
    return row.claim is not None and row.living and span.holds(row.claim.head.past)


def _doubts(row: Row) -> tuple[Head, ...]:
    return () if row.claim is None or row.living else (row.claim.head, *row.claim.doubts)
