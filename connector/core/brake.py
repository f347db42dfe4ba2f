"""The flood brake: a topic must not be emptied into the dead letters by a bad deploy (RULES 3, 10)."""

from collections import deque


class Brake:
    """Share of dead letters among the last `window` settled records.

    Once it exceeds `share` over a full window the brake holds until `release()`: the operator's answer.
    """

    def __init__(self, window: int, share: float) -> None:
        """window: records looked at; share: 0..1, 1 = never brakes."""
        self._last: deque[bool] = deque(maxlen=window)
        self._share = share
        self._dead = 0
        self.holds = False

    def note(self, *, dead: bool, count: int = 1) -> None:
        """Count settled records; a held in-doubt event is not noted at all."""
        for _ in range(min(count, self._window)):
            self._push(dead=dead)
        self.holds = self.holds or (
            len(self._last) == self._window and self._dead > self._share * self._window
        )

    def release(self) -> None:
        """Start anew with an empty window."""
        self._last.clear()
        self._dead = 0
        self.holds = False

    @property
    def _window(self) -> int:
        return self._last.maxlen or 0

    def _push(self, *, dead: bool) -> None:
        if len(self._last) == self._window:
            self._dead -= self._last[0]
        self._last.append(dead)
        self._dead += dead
