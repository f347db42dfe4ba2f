"""What stands before every resource: the key, the rate, and repeated requests."""

import base64
import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable

from connector.sandbox.options import Options


class Keys:
    """HTTP Basic with any user name and the API key as password; Bearer where a resource allows it."""

    def __init__(self, options: Options) -> None:
        self._key = options.api_key
        self._bearer = f"Bearer {options.bearer_token or options.api_key}".encode()
        self._good = b""

    def opens(self, header: bytes, *, bearer: bool) -> bool:
        """Whether the Authorization header lets the request in."""
        if header and header == self._good:
            return True
        if header == self._bearer:
            return bearer
        if not self._is_basic(header):
            return False
        self._good = header
        return True

    def _is_basic(self, header: bytes) -> bool:
        scheme, _, encoded = header.partition(b" ")
        try:
            user_and_key = base64.b64decode(encoded, validate=True).decode()
        except ValueError:
            return False
        return scheme.lower() == b"basic" and user_and_key.partition(":")[2] == self._key


class Rate:
    """At most so many requests in any second; 0 = no limit."""

    def __init__(self, per_second: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.limit(per_second)

    def limit(self, per_second: int) -> None:
        """Set another limit."""
        self._times: deque[float] = deque(maxlen=per_second or 1)
        self._limited = per_second > 0

    def passes(self) -> bool:
        """Count a request, or refuse it."""
        if not self._limited:
            return True
        now, times = self._clock(), self._times
        if len(times) == times.maxlen and now - times[0] < 1:
            return False
        times.append(now)
        return True


class Repeats:
    """Bodies accepted within the last so many seconds; 0 = none is remembered."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self._clock = clock
        self._accepted: OrderedDict[bytes, float] = OrderedDict()

    def knows(self, path: str, body: bytes) -> bool:
        """Whether the very same request was accepted a moment ago."""
        return bool(self.seconds) and self._digest(path, body) in self._fresh()

    def accept(self, path: str, body: bytes) -> None:
        """Remember a request that was carried out."""
        if self.seconds:
            self._accepted[self._digest(path, body)] = self._clock()

    def _fresh(self) -> OrderedDict[bytes, float]:
        limit = self._clock() - self.seconds
        while self._accepted and next(iter(self._accepted.values())) <= limit:
            self._accepted.popitem(last=False)
        return self._accepted

    @staticmethod
    def _digest(path: str, body: bytes) -> bytes:
        return hashlib.blake2b(body, digest_size=16, key=path.encode()[:64]).digest()
