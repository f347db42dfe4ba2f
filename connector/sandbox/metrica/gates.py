"""What stands before every resource: the token, the counter, and the quotas."""

from collections import defaultdict
from collections.abc import Callable

from connector.sandbox.gates import Rate
from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.options import MetricaOptions

DAY = 86_400


class Quotas:
    """30 requests a second of an address; 3 in parallel and 5,000 a day of the user. 0 = no limit.

    A request that is refused counts for none of them. The day ends at 00:00 GMT, by the sandbox's clock.
    """

    def __init__(self, options: MetricaOptions, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.per_second, self.parallel = options.rate_per_second, options.parallel
        self._rates: defaultdict[str, Rate] = defaultdict(lambda: Rate(self.per_second, clock))
        self.per_day, self.counter_per_day = options.per_day, options.counter_per_day
        self.under_way = 0
        self._day, self._used = 0, 0

    @property
    def used(self) -> int:
        """Requests of this day."""
        if (today := int(self._clock() // DAY)) != self._day:
            self._day, self._used = today, 0
        return self._used

    def limit(self, per_second: int) -> None:
        """Set another limit of a second."""
        self.per_second = per_second
        self._rates.clear()

    def spend(self, requests: int) -> None:
        """As if so many more (or, below 0, fewer) had been made today."""
        self._used = max(0, self.used + requests)

    def pass_address(self, address: str) -> None:
        """Raises Refused."""
        if not self._rates[address].passes():
            raise _exceeded("quota_requests_by_ip", "requests per second of an address")

    def enter(self) -> None:
        """Count a request until it leaves. Raises Refused."""
        if self.parallel and self.under_way >= self.parallel:
            raise _exceeded("quota_parallel_requests", "parallel requests of a user")
        if self.per_day and self.used >= self.per_day:
            raise _exceeded("quota_requests_by_uid", "requests of a user in a day")
        if self.counter_per_day and self.used >= self.counter_per_day:
            raise _exceeded("quota_requests_by_counter_id", "requests of a counter in a day")
        self._used = self.used + 1
        self.under_way += 1

    def leave(self) -> None:
        """The request is answered."""
        self.under_way -= 1


class Token:
    """`Authorization: OAuth TOKEN`, with a scope that may write."""

    def __init__(self, options: MetricaOptions) -> None:
        self._writes = options.scope != "metrika:read"
        self.change(options.token)

    def change(self, token: str) -> None:
        """From now on only this one opens."""
        self._good = f"OAuth {token}".encode()

    def open(self, header: bytes, method: str) -> None:
        """Raises Refused."""
        if not header.startswith(b"OAuth "):
            raise Refused(401, "The user is not authorized")
        if header != self._good:
            raise Refused(403, "The OAuth token is not valid", error_type="invalid_token")
        if method != "GET" and not self._writes:
            raise Refused(403, "The token's scope does not allow it")


def _exceeded(error_type: str, what: str) -> Refused:
    return Refused(429, f"The quota is exceeded: {what}", error_type=error_type)
