"""Metrica takes at most 100,000 orders of a client: a destination that counts them, and warns before."""

from typing import Final

import structlog

from connector.core.claims import Grant
from connector.core.events import Event
from connector.core.frequent import Frequent
from connector.core.lots import Lot
from connector.core.talk import Accepted, Batch, Conversation
from connector.ports import Destination, Meter

MOST: Final = 100_000
WARNED: Final = MOST * 9 // 10
"""Orders of one client at which the first warning is said; the second one at MOST."""


class CountedClients:
    """ports.Destination over another one. New orders are counted since start, each once it is accepted."""

    def __init__(self, destination: Destination, meter: Meter, warned: int = WARNED) -> None:
        self.name, self.patience = destination.name, destination.patience
        self.check, self.requires, self.ensure = destination.check, destination.requires, destination.ensure
        self.deep, self.lot, self.aliases = destination.deep, destination.lot, destination.aliases
        self._destination, self._meter, self._warned = destination, meter, warned
        self._clients, self._most = Frequent(), 0
        self._new: set[str] = set()

    def refine(self, event: Event, grant: Grant) -> Event:
        """See ports.Destination. On the lane's thread."""
        if event.entity == "order" and not grant.known:
            self._new.add(event.key)
        return self._destination.refine(event, grant)

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """See ports.Destination. On the courier's thread."""
        outcomes = yield from self._destination.converse(lot, batch)
        for sending, outcome in zip(batch, outcomes, strict=True):
            key = sending.event.key
            if isinstance(outcome, Accepted) and sending.event.entity == "order" and key in self._new:
                self._new.discard(key)
                self._count(sending.event)
        self._meter.set("client_orders", self._most, destination=self.name)
        return outcomes

    def _count(self, event: Event) -> None:
        need = self._destination.requires(event)
        if need is None:
            return
        count = self._clients.add(need.key)
        self._most = max(self._most, count)
        if count in (self._warned, MOST):
            structlog.get_logger("connector").warning(
                "a client has nearly as many orders as the destination takes, or more",
                destination=self.name, orders=count, most=MOST, example=event.key,
            )  # fmt: skip
