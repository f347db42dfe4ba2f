"""Orders and their contacts (RULES 5): who waits for whom, and who is made.

Rules.
1. An order whose contact is not known waits for that contact's change, if one is in the plan; else for a
   contact made from its own fields, if contacts are made; else for a while, and becomes a dead letter.
2. A contact's change (a new address, an erasure) and an order that goes to it are never in flight together:
   the CRM would ignore an order whose address has just changed hands. This holds within one process.
"""

from msgspec.structs import replace

from connector.core.plan import Item, Plan
from connector.core.talk import Refused
from connector.ports import Clock, Destination

LOOK_SECONDS = 1.0
"""How long until the ledger is asked again for a contact that is not made."""
UNKNOWN = Refused(
    "unknown_contact",
    "its contact was not accepted in time, and none is made from the order; redrive it later",
)


class Escort:
    """On the lane's thread, asked by dispatch."""

    def __init__(self, destination: Destination, plan: Plan, clock: Clock) -> None:
        """Nothing flies."""
        self._destination, self._plan, self._clock = destination, plan, clock
        self._served: dict[str, int] = {}
        self._held: dict[str, Item] = {}
        self._changing: set[str] = set()

    def lets_go(self, item: Item) -> bool:
        """Whether an item that is due may go: then all else that is due in the same turn sees it fly, and it
        has to land. If not, it is offered again by itself."""
        contact = item.event.entity == "contact"
        if (contact or self._changing) and self._holds(item):
            return False
        if contact:
            self._changing.add(item.event.key)
        elif item.requires is not None:
            key = item.requires.key
            self._served[key] = self._served.get(key, 0) + 1
        return True

    def lands(self, item: Item) -> None:
        """It is in flight no longer, or may not fly."""
        if item.event.entity == "contact":
            self._changing.discard(item.event.key)
        elif item.requires is not None:
            key = item.requires.key
            self._served[key] -= 1
            if not self._served[key]:
                del self._served[key]
                if self._held:
                    self._let_go(key)

    def forget(self, dropped: list[Item]) -> None:
        """They are another member's now; the plan, rebuilt without them, offers all others anew."""
        if dropped:
            self._changing.difference_update(self._held)
            self._held.clear()

    def need(self, item: Item, *, shared: bool) -> Refused | None:
        """An order's contact is not known: let it wait; Refused: in vain. shared: see ports.Destination."""
        need = item.requires
        if need is None:
            raise AssertionError("only an event that requires a contact can need one")
        if need.fresh:
            item.requires = replace(need, fresh=False)  # once is enough for one order
        if self._plan.await_contact(item, need):
            return None
        contact = self._destination.ensure(item.event, shared=shared)
        if contact is None:
            return self._look_again(item)
        lot, asks = self._destination.lot(contact), self._destination.requires(contact)
        aliases = self._destination.aliases(contact)
        self._plan.add(Item(contact, None, "", lot, asks, item.arrived, sponsor=item, aliases=aliases))
        self._plan.await_contact(item, need)
        return None

    def _holds(self, item: Item) -> bool:
        if item.event.entity != "contact":
            need = item.requires
            if need is None or need.key not in self._changing:
                return False
            return self._plan.await_contact(item, need)
        key = item.event.key
        if key not in self._served:
            return False
        self._changing.add(key)
        self._held[key] = item
        return True

    def _look_again(self, item: Item) -> Refused | None:
        now = self._clock.monotonic()
        if now - item.arrived >= self._destination.patience:
            return UNKNOWN
        self._plan.again(item, now + LOOK_SECONDS)
        return None

    def _let_go(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._changing.discard(key)
            self._plan.again(held, self._clock.monotonic())
