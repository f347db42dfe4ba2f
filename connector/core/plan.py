"""Planning: one line per entity, batches across entities.

Rules.
1. Changes of one entity stand in one line; only the head of a line may be claimed or be in flight.
2. Lines do not wait for each other, except an order's for its contact's (RULES 5).
3. A batch of a lot is due when it is full by events or bytes, or when its oldest member has lingered.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush

from msgspec import Struct

from connector.core.events import Event, Requirement
from connector.core.lots import Lot
from connector.core.model import Record
from connector.core.talk import Refused

Line = tuple[str, str]


class Item(Struct, eq=False):
    """An event on its way through a lane, with the record it was made from.

    record None: a contact made for `sponsor`, an order. denied: why it must become a dead letter instead.
    ticket: its place in the order of arrival, given by the plan. cost: bytes of memory it stands for.
    aliases: what will lead to a contact.
    """

    event: Event
    record: Record | None
    topic_id: str
    lot: Lot
    requires: Requirement | None = None
    arrived: float = 0.0
    next: "Item | None" = None
    sponsor: "Item | None" = None
    denied: Refused | None = None
    ticket: int = 0
    cost: int = 0
    aliases: tuple[str, ...] = ()

    @property
    def line(self) -> Line:
        """Whose order it must keep."""
        return (self.event.entity, self.event.key)


class _Bucket:
    """What of one lot is ready to be claimed, oldest first: else the watermark stands still in a backlog."""

    __slots__ = ("items", "size")

    def __init__(self) -> None:
        self.items: list[tuple[int, Item]] = []
        self.size = 0

    def put(self, item: Item) -> None:
        heappush(self.items, (item.ticket, item))
        self.size += item.event.size

    def take(self, events: int, size: int) -> list[Item]:
        """At most so many events and bytes, but at least one event."""
        taken = [heappop(self.items)[1]]
        room = size - taken[0].event.size
        while self.items and len(taken) < events and self.items[0][1].event.size <= room:
            taken.append(heappop(self.items)[1])
            room -= taken[-1].event.size
        self.size -= size - room
        return taken

    @property
    def oldest(self) -> float:
        """When the first of them arrived."""
        return self.items[0][1].arrived


class Plan:
    """The events of one lane that are not settled, and which of them may go now."""

    def __init__(self, *, batch_events: int, batch_bytes: int, linger: float) -> None:
        """linger: seconds that a batch may wait for company."""
        self._batch_events, self._batch_bytes, self._linger = batch_events, batch_bytes, linger
        self._heads: dict[Line, Item] = {}
        self._tails: dict[Line, Item] = {}
        self._buckets: dict[Lot, _Bucket] = {}
        self._later: list[tuple[float, int, Item]] = []
        self._blocked: dict[Line, list[Item]] = {}
        self._rows: dict[str, Item] = {}
        self._led: dict[str, Item] = {}
        self._ticket = 0

    def __len__(self) -> int:
        """Lines with something in them."""
        return len(self._heads)

    def add(self, item: Item) -> None:
        """Put an event at the end of its line."""
        self._note(item)
        if not item.ticket:
            self._ticket += 1
            item.ticket = item.sponsor.ticket if item.sponsor else self._ticket
        line = item.line
        if line not in self._heads:
            self._heads[line] = item
            self._offer(item)
            return
        self._tails.get(line, self._heads[line]).next = item
        self._tails[line] = item

    def key_of(self, row_key: str) -> str | None:
        """The entity key of a row whose last change is not settled yet: the ledger is not told before."""
        item = self._rows.get(row_key)
        return item.event.key if item else None

    def due(self, now: float, room: int, *, flush: bool = False) -> Iterator[list[Item]]:
        """Batches to claim now, at most `room`; what is yielded counts as taken. flush: linger no longer."""
        while self._later and self._later[0][0] <= now:
            self._offer(heappop(self._later)[2])
        for lot, bucket in list(self._buckets.items()):
            while room > 0 and bucket.items and self._is_due(lot, bucket, now, flush=flush):
                room -= 1
                yield bucket.take(min(lot.max_events, self._batch_events), self._batch_bytes)

    def next_due(self, now: float) -> float | None:
        """Seconds until something becomes due by itself, None: nothing waits."""
        lingering = [b.oldest + self._linger for b in self._buckets.values() if b.items]
        later = [self._later[0][0]] if self._later else []
        return max(0.0, min(lingering + later) - now) if lingering or later else None

    def done(self, item: Item) -> None:
        """The head of its line is finished: the next one may go, and so may who waited for this line."""
        line, row_key = item.line, item.event.row_key
        if row_key is not None and self._rows.get(row_key) is item:
            del self._rows[row_key]
        for alias in item.aliases:
            if self._led.get(alias) is item:
                del self._led[alias]
        if item.next is None:
            del self._heads[line]
            self._tails.pop(line, None)
        else:
            self._heads[line] = item.next
            self._offer(item.next)
        for waiting in self._blocked.pop(line, ()):
            self._offer(waiting)

    def again(self, item: Item, when: float) -> None:
        """Ask for this head once more at `when` (its key was busy, or the ledger down)."""
        self._ticket += 1
        heappush(self._later, (when, self._ticket, item))

    def await_contact(self, item: Item, need: Requirement) -> bool:
        """Let an order wait for its contact's line, else for whoever in the plan will have its address.

        False: nobody is there.
        """
        contact: Line = ("contact", need.key)
        if contact not in self._heads:
            led = self._led.get(need.alias) if need.alias is not None else None
            if led is None:
                return False
            contact = led.line
        self._blocked.setdefault(contact, []).append(item)
        return True

    def drop(self, gone: Callable[[Item], bool], flying: Callable[[Item], bool]) -> list[Item]:
        """Forget the items that `gone` names, but for those in flight; returns what was forgotten."""
        dropped = [
            item for head in self._heads.values() for item in _chain(head) if gone(item) and not flying(item)
        ]
        if dropped:
            names = set(map(id, dropped))
            self._rebuild(
                [i for h in self._heads.values() for i in _chain(h) if id(i) not in names],
                flying,
            )
        return dropped

    def _rebuild(self, items: Iterable[Item], flying: Callable[[Item], bool]) -> None:
        kept = list(items)
        self._rows, self._led = {}, {}
        self._heads, self._tails, self._buckets, self._later, self._blocked = {}, {}, {}, [], {}
        for item in kept:
            item.next = None
            if item.line not in self._heads and flying(item):
                self._heads[item.line] = item
                self._note(item)
            else:
                self.add(item)

    def _note(self, item: Item) -> None:
        if item.event.row_key is not None:
            self._rows[item.event.row_key] = item
        for alias in item.aliases:
            self._led[alias] = item

    def _offer(self, item: Item) -> None:
        bucket = self._buckets.get(item.lot)
        if bucket is None:
            bucket = self._buckets[item.lot] = _Bucket()
        bucket.put(item)

    def _is_due(self, lot: Lot, bucket: _Bucket, now: float, *, flush: bool) -> bool:
        return (
            flush
            or len(bucket.items) >= min(lot.max_events, self._batch_events)
            or bucket.size >= self._batch_bytes
            or now - bucket.oldest >= self._linger
        )


def _chain(item: Item | None) -> Iterator[Item]:
    while item is not None:
        yield item
        item = item.next
