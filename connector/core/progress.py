"""How far a partition is done: the watermark, computed from settled positions only.

Offsets may have gaps (compaction, transaction markers): only offsets that were really received count.
"""


class Track:
    """One assigned partition. `lease` tells its assignment from earlier ones of the same partition.

    Open positions are all it remembers: what is settled behind an open one takes no memory.
    """

    __slots__ = ("_open", "end", "lease", "next")

    def __init__(self, start: int, lease: int, end: int = 0) -> None:
        """Nothing received yet; the group would read on from `start`. end: the partition's, where known."""
        self.lease = lease
        self.next = start
        self.end = max(start, end)
        self._open: dict[int, int] = {}

    def open(self, offset: int, timestamp_ms: int) -> None:
        """A record was received, behind all before it: no commit passes it until it is settled."""
        self._open[offset] = timestamp_ms
        self.next = offset + 1

    def settle(self, offset: int) -> None:
        """The record at `offset` is done. Settling twice is an error of the caller (KeyError)."""
        del self._open[offset]

    def reach(self, offset: int) -> None:
        """The reader came to the end at `offset`: what it did not get below (markers) is not there."""
        self.next = self.end = max(self.next, offset)

    @property
    def watermark(self) -> int:
        """The next offset to read after a restart: every record below it is settled.

        The first of the open ones, which stand in their order. Finding it may step over all that were settled
        since the dict grew last: for once a second, not for every record.
        """
        return next(iter(self._open), self.next)

    @property
    def oldest_ms(self) -> int | None:
        """Timestamp of the oldest record that is not settled, ms since the epoch; None: all are."""
        return next(iter(self._open.values()), None)

    @property
    def spread(self) -> int:
        """How many offsets the watermark is behind what was received."""
        return self.next - self.watermark

    def __len__(self) -> int:
        """Records received and not settled."""
        return len(self._open)
