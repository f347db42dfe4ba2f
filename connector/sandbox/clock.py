"""The sandbox's own time, which tests and trials can move forward."""

import time


class MovableClock:
    """Wall time plus what it was moved by; with `start`, it stands still there until moved."""

    def __init__(self, start: float | None = None) -> None:
        self._still = start
        self._moved = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return (time.time() if self._still is None else self._still) + self._moved

    def stop(self) -> None:
        """From now on it stands still until moved."""
        self._still, self._moved = self(), 0.0

    def advance(self, seconds: float) -> None:
        """Move forward; raises ValueError for a step back."""
        if not 0 <= seconds < float("inf"):
            raise ValueError("the clock only moves forward")
        self._moved += seconds
