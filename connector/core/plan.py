"""Planning: one line per entity, batches across entities.

Rules.
1. Changes of one entity stand in one line; only the head of a line may be claimed or be in flight.
2. Lines do not wait for each other, except an order's for its contact's (RULES 5).
3. A batch of a lot is due when it is full by events or bytes, or when its oldest member has lingered.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush

from connector.core.events import Requirement
from connector.core.fold import replaces
from connector.core.lots import Lot
from connector.core.waiting import Bucket, Item, Line

__all__ = ["Item", "Line", "Plan"]


class Plan:
    """The events of one lane that are not settled, and which of them may go now."""

    def __init__(self, *, batch_events: int, batch_bytes: int, linger: float) -> None:
        """linger: seconds that a batch may wait for company."""
        self._batch_events, self._batch_bytes, self.linger = batch_events, batch_bytes, linger
        self._heads: dict[Line, Item] = {}
        self._tails: dict[Line, Item] = {}
        self._buckets: dict[Lot, Bucket] = {}
        self._later: list[tuple[float, int, Item]] = []
        self._blocked: dict[Line, list[Item]] = {}
        self._rows: dict[str, Item] = {}
        self._led: dict[str, Item] = {}
        self._ticket = 0

    def __len__(self) -> int:
        """Lines with something in them."""
        return len(self._heads)

    @property
    def ready(self) -> int:
        """Events that wait for nothing but room: their batch is full."""
        return sum(
            len(bucket)
            for lot, bucket in self._buckets.items()
            if len(bucket) >= min(lot.max_events, self._batch_events) or bucket.size >= self._batch_bytes
        )

    def add(self, item: Item) -> None:
        """Put an event at the end of its line."""
        if item.event.row_key is not None or item.aliases:
            self._note(item)
        if not item.ticket:
            self._ticket += 1
            item.ticket = item.sponsor.ticket if item.sponsor else self._ticket
        line = item.line
        head = self._heads.setdefault(line, item)
        if head is item:
            self._offer(item)
            return
        self._tails.get(line, head).next = item
        self._tails[line] = item

    def key_of(self, row_key: str) -> str | None:
        """The entity key of a row whose last change is not settled yet: the ledger is not told before."""
        item = self._rows.get(row_key)
        return item.event.key if item else None

    def due(self, now: float, room: int, ahead: int = 0, *, flush: bool = False) -> Iterator[list[Item]]:
        """Batches to claim now, at most `room`, or with single events of which a doubt costs nothing `ahead`;
        what is yielded counts as taken. flush: linger no longer."""
        taken = 0
        while self._later and self._later[0][0] <= now:
            self._offer(heappop(self._later)[2])
        for lot, bucket in self._by_age():
            full = min(lot.max_events, self._batch_events)
            most = max(room, ahead) if lot.max_events == 1 and lot.in_doubt == "resend" else room
            while len(bucket) and (len(bucket) >= full or flush or self._is_due(bucket, now)):
                if taken >= most:
                    ahead = room  # nobody overtakes who waits for a slot
                    break
                taken += 1
                yield bucket.take(full, self._batch_bytes)

    def fold(self, item: Item) -> Item:
        """The last of its line, as far as each stands for those before it: it goes in their place.

        `item` was just taken. Who finishes the last one has finished its `earlier` ones, or leaves them: then
        `done` puts them back.
        """
        last, earlier = item, list(item.earlier)
        while item.denied is None and (later := last.next) is not None:
            if later.denied is not None or later.lot != item.lot or not replaces(later.event, last.event):
                break
            earlier.append(last)
            last.next, last = None, later
        if last is not item:
            item.earlier, last.earlier = (), tuple(earlier)
            self._heads[item.line] = last
        return last

    def next_due(self, now: float) -> float | None:
        """Seconds until something becomes due by itself, None: nothing waits."""
        lingering = [b.oldest + self.linger for b in self._buckets.values() if len(b)]
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
        if item.earlier:
            self._unfold(item)
        if item.next is None:
            del self._heads[line]
            self._tails.pop(line, None)
        else:
            self._heads[line] = item.next
            self._offer(item.next)
        if self._blocked:
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
        return self.wait_for(item, contact)

    def wait_for(self, item: Item, line: Line) -> bool:
        """Let an order wait until the head of a line is finished. False: nothing is in it."""
        if line not in self._heads:
            return False
        self._blocked.setdefault(line, []).append(item)
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
        left = set(map(id, kept))
        folded = {id(one) for item in kept if item.earlier and flying(item) for one in item.earlier}
        self._rows, self._led = {}, {}
        self._heads, self._tails, self._buckets, self._later, self._blocked = {}, {}, {}, [], {}
        for item in kept:
            if id(item) in folded:
                continue
            item.next = None
            if item.line not in self._heads and flying(item):
                item.earlier = tuple(one for one in item.earlier if id(one) in left)
                self._heads[item.line] = item
                self._note(item)
            else:
                item.earlier = ()
                self.add(item)

    def _unfold(self, item: Item) -> None:
        """What it stood for comes next after all."""
        *most, last = earlier = item.earlier
        for one, following in zip(most, earlier[1:], strict=True):
            one.next = following
        last.next, item.next, item.earlier = item.next, earlier[0], ()
        if last.next is None:
            self._tails[item.line] = last

    def _note(self, item: Item) -> None:
        if item.event.row_key is not None:
            self._rows[item.event.row_key] = item
        for alias in item.aliases:
            self._led[alias] = item

    def _offer(self, item: Item) -> None:
        bucket = self._buckets.get(item.lot)
        if bucket is None:
            bucket = self._buckets[item.lot] = Bucket()
        bucket.put(item)

    def _by_age(self) -> list[tuple[Lot, Bucket]]:
        """Whose first has waited longest goes first: where room is short, no lot starves another."""
        waiting = [(lot, bucket) for lot, bucket in self._buckets.items() if len(bucket)]
        return sorted(waiting, key=_ticket) if len(waiting) > 1 else waiting

    def _is_due(self, bucket: Bucket, now: float) -> bool:
        return bucket.size >= self._batch_bytes or now - bucket.oldest >= self.linger


def _ticket(waiting: tuple[Lot, Bucket]) -> int:
    return waiting[1].first.ticket


def _chain(item: Item | None) -> Iterator[Item]:
    while item is not None:
        yield from item.earlier
        yield item
        item = item.next
