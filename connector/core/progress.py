"""How far a partition is done: the watermark, computed from settled positions only.

Offsets may have gaps (compaction, transaction markers): only offsets that were really received count.
"""

from collections import deque


class Track:
    """One assigned partition. `lease` tells its assignment from earlier ones of the same partition."""

    __slots__ = ("_open", "_order", "end", "lease", "next")

    def __init__(self, start: int, lease: int) -> None:
        """Nothing received yet; the group would read on from `start`."""
        self.lease = lease
        self.next = start
        self.end = start
        self._order: deque[int] = deque()
        self._open: dict[int, int] = {}

    def open(self, offset: int, timestamp_ms: int) -> None:
        """A record was received; nothing at or above it may be committed until it is settled."""
        self._order.append(offset)
        self._open[offset] = timestamp_ms
        self.next = offset + 1

    def settle(self, offset: int) -> None:
        """The record at `offset` is done. Settling twice is an error of the caller (KeyError)."""
        del self._open[offset]

    def reach(self, offset: int) -> None:
        """The reader came to the end at `offset`: what it did not get below (markers) is not there."""
        self.next = max(self.next, offset)
        self.end = max(self.end, offset)

    @property
    def watermark(self) -> int:
        """The next offset to read after a restart: every record below it is settled."""
        order, still_open = self._order, self._open
        while order and order[0] not in still_open:
            order.popleft()
        return order[0] if order else self.next

    @property
    def oldest_ms(self) -> int | None:
        """Timestamp of the oldest record that is not settled, ms since the epoch; None: all are."""
        watermark = self.watermark
        return self._open.get(watermark)

    @property
    def spread(self) -> int:
        """How many received records the watermark is behind, settled ones among them."""
        return len(self._order)

    def __len__(self) -> int:
        """Records received and not settled."""
        return len(self._open)
