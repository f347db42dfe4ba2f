"""How long to wait before the next attempt: capped exponential backoff with full jitter, as arithmetic."""

from msgspec import Struct


class Backoff(Struct, frozen=True):
    """A random time between `floor` and min(cap, base * 2^n), in seconds.

    Full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015) spreads clients that
    failed together; `floor` keeps a small random number from making a retry immediate.
    """

    base: float = 0.5
    cap: float = 60.0
    floor: float = 0.05

    def ceiling(self, failures: int) -> float:
        """The longest wait after that many failures in a row (1 = the first)."""
        doublings = min(max(failures - 1, 0), 64)  # 2^64 is past any cap, and a float's exponent is finite
        return max(self.floor, min(self.cap, self.base * 2.0**doublings))

    def delay(self, failures: int, random: float, asked: float | None = None) -> float:
        """Seconds to wait. random: uniform in [0, 1). asked: the destination's Retry-After, a lower bound."""
        own = self.floor + random * (self.ceiling(failures) - self.floor)
        return max(own, asked or 0.0)
