"""What comes most often, in bounded memory (Misra and Gries, 1982)."""

from collections.abc import Hashable


class Frequent:
    """Counts keys; those that are rare may be forgotten, those that are frequent never are.

    A count is too high by at most what was added divided by `room`, and never too low.
    """

    def __init__(self, room: int = 10_000) -> None:
        """room: keys that are remembered at a time."""
        self._room, self._missed = room, 0
        self._counts: dict[Hashable, int] = {}

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._counts)

    def add(self, key: Hashable) -> int:
        """Count it once more; how often it was added, at most."""
        counts = self._counts
        if key in counts or len(counts) < self._room:
            counts[key] = counts.get(key, 0) + 1
            return counts[key] + self._missed
        self._missed += 1
        self._counts = {one: count - 1 for one, count in counts.items() if count > 1}
        return self._missed
