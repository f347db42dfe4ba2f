"""The token bucket of a request rate, as one number: the time at which it is full again (GCRA)."""

from msgspec import Struct


class Quota(Struct, frozen=True):
    """At most `burst` + rate * seconds requests in any span. rate: requests per second, 0 = unlimited.

    full_at: when the bucket is full again, by the caller's monotonic clock; -inf: it is full.
    """

    rate: float = 0.0
    burst: float = 1.0
    full_at: float = float("-inf")

    def take(self, now: float) -> tuple["Quota", float]:
        """Take one token: the quota after it, and the seconds to wait before the request may be written.

        A token that is not there yet is reserved, so requests that wait keep their order.
        """
        if self.rate <= 0:
            return self, 0.0
        full_at = max(self.full_at, now) + 1 / self.rate
        wait = max(0.0, full_at - now - self.burst / self.rate)
        return Quota(self.rate, self.burst, full_at), wait
