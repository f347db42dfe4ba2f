"""What waits in a plan: items, and the buckets they wait in."""

from collections import deque
from heapq import heappop, heappush

from msgspec import Struct

from connector.core.events import Event, Requirement
from connector.core.lots import Lot
from connector.core.model import Record
from connector.core.talk import Refused

Line = tuple[str, str]


class Item(Struct, eq=False, gc=False):
    """An event on its way through a lane, with the record it was made from.

    record None: a contact made for `sponsor`, an order. denied: why it must become a dead letter instead.
    ticket: its place in the order of arrival, given by the plan. cost: bytes of memory it stands for.
    aliases: what will lead to a contact. earlier: changes that it stands for (`Plan.fold`). looks: how often
    its contact was asked for in vain.
    No cycles: `next` leads to what came later, and no order leads to the contact that it sponsors.
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
    earlier: "tuple[Item, ...]" = ()
    looks: int = 0

    @property
    def line(self) -> Line:
        """Whose order it must keep."""
        return (self.event.entity, self.event.key)


class Bucket:
    """What of one lot is ready to be claimed, oldest first: else the watermark stands still in a backlog.

    Most come in the order of their tickets and stand in `_queue`; who waited for something is in `_early`.
    """

    __slots__ = ("_early", "_queue", "size")

    def __init__(self) -> None:
        self._queue: deque[Item] = deque()
        self._early: list[tuple[int, Item]] = []
        self.size = 0

    def __len__(self) -> int:
        return len(self._queue) + len(self._early)

    def put(self, item: Item) -> None:
        """It is ready."""
        if self._queue and item.ticket < self._queue[-1].ticket:
            heappush(self._early, (item.ticket, item))
        else:
            self._queue.append(item)
        self.size += item.event.size

    def take(self, events: int, size: int) -> list[Item]:
        """At most so many events and bytes, but at least one event."""
        queue, early, left = self._queue, self._early, size
        taken: list[Item] = []
        while (queue or early) and len(taken) < events:
            overtakes = early and not (queue and queue[0].ticket < early[0][0])
            item = early[0][1] if overtakes else queue[0]
            left -= item.event.size
            if left < 0 and taken:
                left += item.event.size
                break
            taken.append(heappop(early)[1] if overtakes else queue.popleft())
        self.size -= size - left
        return taken

    @property
    def first(self) -> Item:
        """The one with the lowest ticket."""
        queue, early = self._queue, self._early
        return early[0][1] if early and not (queue and queue[0].ticket < early[0][0]) else queue[0]

    @property
    def oldest(self) -> float:
        """When the first of them arrived."""
        return self.first.arrived
