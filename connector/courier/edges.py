"""What a courier touches outside itself."""

from collections.abc import Callable
from math import inf

from msgspec import Struct

from connector.ports import Clock, Destination, Http, Meter, Quotas


def _for_ever() -> float:
    return inf


class Edges(Struct, frozen=True):
    """One destination, its client, and who times, counts and limits it.

    lease: seconds for which every claim of the lane is surely its own (RULES 2, Ledger.lease_left). quotas:
    the rate that it shares with other replicas, None = it is alone.
    """

    destination: Destination
    http: Http
    clock: Clock
    meter: Meter
    lease: Callable[[], float] = _for_ever
    quotas: Quotas | None = None
