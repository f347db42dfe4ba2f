"""The flood brake: a topic must not be emptied into the dead letters by a bad deploy (RULES 3, 10)."""

from collections import deque


class Brake:
    """Share of dead letters among the last `window` records, as they were read, and as they were settled.

    Two windows, since what cannot be read is settled at once and what is sent takes its time: in one window a
    few unreadable records would overtake hundreds of good ones. Once either share exceeds `share` over a full
    window the brake holds until `release()`: the operator's answer.
    """

    def __init__(self, window: int, share: float) -> None:
        """window: records looked at; share: 0..1, 1 = never brakes."""
        self._read, self._settled = _Window(window), _Window(window)
        self._limit = share * window
        self.holds = False

    def read(self, *, dead: bool) -> None:
        """A record was decoded, mapped and checked, in the order of reading; dead: it was refused there."""
        if dead or not self._read.calm:
            self._note(self._read, dead=dead, count=1)

    def note(self, *, dead: bool, count: int = 1) -> None:
        """Count settled records; a held in-doubt event is not noted at all."""
        if dead or not self._settled.calm:
            self._note(self._settled, dead=dead, count=count)

    def release(self) -> None:
        """Start anew with empty windows."""
        self._read.clear()
        self._settled.clear()
        self.holds = False

    def _note(self, window: "_Window", *, dead: bool, count: int) -> None:
        window.push(dead=dead, count=count)
        self.holds = self.holds or (window.full and window.dead > self._limit)


class _Window:
    """The last so many records, and how many of them are dead.

    calm: it is full of good ones, so that another good one changes nothing: the usual case.
    """

    def __init__(self, size: int) -> None:
        self._last: deque[bool] = deque(maxlen=size)
        self._size = size
        self.dead = 0
        self.calm = False

    @property
    def full(self) -> bool:
        return len(self._last) == self._size

    def push(self, *, dead: bool, count: int) -> None:
        for _ in range(min(count, self._size)):
            if self.full:
                self.dead -= self._last[0]
            self._last.append(dead)
            self.dead += dead
        self.calm = self.full and not self.dead

    def clear(self) -> None:
        self._last.clear()
        self.dead = 0
        self.calm = False
