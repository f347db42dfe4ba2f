"""Metrica takes at most 100,000 orders of a client: the ledger counts them, and it is warned before."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from connector.adapters import logs
from connector.core.claims import Count
from connector.errors import LedgerDown
from connector.ports import Meter

MOST: Final = 100_000
WARNED: Final = MOST * 9 // 10
"""Orders of one client at which the first warning is said; the second one at MOST."""


class Counting(Protocol):
    """A ledger that counts the orders of clients."""

    counted: Callable[[Sequence[Count]], None]

    def most_orders(self) -> int:
        """See ports.Archive."""


class Clients:
    """Shows how many orders the client with most has. Who comes near the limit is warned of once, by the
    replica whose turn counted so far."""

    def __init__(self, destination: str, meter: Meter, warned: int = WARNED, most: int = MOST) -> None:
        self._destination, self._meter, self._limits, self._limit = destination, meter, (warned, most), most
        self._most = 0

    def watch(self, ledger: Counting) -> None:
        """From what is counted already on. Who has most of all is looked for once: it takes a while."""
        ledger.counted = self._told
        with suppress(LedgerDown):  # an outage, told by the lane's first turn
            self._show(ledger.most_orders())

    def _told(self, counts: Sequence[Count]) -> None:
        self._show(max(count.orders for count in counts))
        for count in counts:
            if any(count.orders - count.added < limit <= count.orders for limit in self._limits):
                logs.logger().warning(
                    "a client has nearly as many orders as the destination takes, or more",
                    destination=self._destination, orders=count.orders, most=self._limit,
                    example=count.example,
                )  # fmt: skip

    def _show(self, orders: int) -> None:
        self._most = max(self._most, orders)
        self._meter.set("client_orders", self._most, destination=self._destination)
