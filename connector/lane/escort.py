"""Orders and their contacts (RULES 5): who waits for whom, and who is made.

Rules.
1. An order whose contact is not known waits for that contact's change, if one is in the plan; else for a
   contact made from its own fields, if contacts are made; else for a while, and becomes a dead letter.
2. A contact's change (a new address, an erasure) and an order that goes to it are never in flight together:
   the CRM would ignore an order whose address has just changed hands. This holds within one process. Which
   guests go to the contact, by nothing but an address, the ledger alone can tell: it is asked with those
   that are on their way, and the change waits for them, and those that come later for the change.
"""

from msgspec.structs import replace

from connector.core.contact_first import PSEUDO
from connector.core.plan import Item, Line, Plan
from connector.core.talk import Refused
from connector.ports import Clock, Destination

LOOK_SECONDS = 1.0
"""How long until the ledger is asked again for a contact that is not made, or not settled."""
UNKNOWN = Refused(
    "unknown_contact",
    "its contact was not accepted in time, and none is made from the order; redrive it later",
)
DOUBTFUL = Refused(
    "unknown_contact",
    "a stopped process may have moved its address, or erased its contact, and that was not settled in time; "
    "redrive it later",
)


class Escort:
    """On the lane's thread, asked by dispatch."""

    def __init__(self, destination: Destination, plan: Plan, clock: Clock) -> None:
        """Nothing flies."""
        self._destination, self._plan, self._clock = destination, plan, clock
        self._served: dict[str, int] = {}
        self._held: dict[str, Item] = {}
        self._changing: dict[str, Line] = {}  # by contact's key, or guest's address: whose change comes first
        self._yielding: dict[Line, set[str]] = {}  # to which guests a change yields

    def lets_go(self, item: Item) -> bool:
        """Whether an item that is due may go: then all else that is due in the same turn sees it fly, and it
        has to land. If not, it is offered again by itself."""
        contact = item.event.entity == "contact"
        if (contact or self._changing) and self._holds(item):
            return False
        if contact:
            self._changing[item.event.key] = item.line
        elif item.requires is not None:
            key = item.requires.key
            self._served[key] = self._served.get(key, 0) + 1
        return True

    def lands(self, item: Item, guest: str | None = None) -> None:
        """It is in flight no longer, or may not fly.

        guest: a contact's change may not, since it would take away the address of this one, who flies: it is
        to be offered again, and who goes to that address from now on waits for it.
        """
        if item.event.entity == "contact":
            self._changing.pop(item.event.key, None)
            if guest is not None:
                self._yielding.setdefault(item.line, set()).add(guest)
                self._changing.setdefault(guest, item.line)
            elif self._yielding:
                self._unmark(item.line)
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
            for key in self._held:
                self._changing.pop(key, None)
            self._held.clear()
        for item in dropped:
            self._unmark(item.line)

    def guests(self) -> tuple[str, ...]:
        """The addresses of guests whose orders, or contacts, are let go and have not landed."""
        changing = (key for key, line in self._changing.items() if line[1] == key)
        return tuple(key for key in (*self._served, *changing) if key.startswith(PSEUDO))

    def need(self, item: Item, *, shared: bool, doubtful: bool) -> Refused | None:
        """An order's contact is not known: let it wait; Refused: in vain. shared, doubtful: see Needs."""
        need = item.requires
        if need is None:
            raise AssertionError("only an event that requires a contact can need one")
        if doubtful:
            return None if self._plan.await_contact(item, need) else self._look_again(item, DOUBTFUL)
        if need.fresh:
            item.requires = replace(need, fresh=False)  # once is enough for one order
        if self._plan.await_contact(item, need):
            return None
        contact = self._destination.ensure(item.event, shared=shared)
        if contact is None:
            return self._look_again(item, UNKNOWN)
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
            return self._plan.wait_for(item, self._changing[need.key])
        key = item.event.key
        if key not in self._served:
            return False
        self._changing[key] = item.line
        self._held[key] = item
        return True

    def _unmark(self, line: Line) -> None:
        for guest in self._yielding.pop(line, ()):
            if self._changing.get(guest) == line:
                del self._changing[guest]

    def _look_again(self, item: Item, in_vain: Refused) -> Refused | None:
        """Time in which the ledger was not asked (an outage, a living owner) is no waiting in vain."""
        if item.looks * LOOK_SECONDS >= self._destination.patience:
            return in_vain
        item.looks += 1
        self._plan.again(item, self._clock.monotonic() + LOOK_SECONDS)
        return None

    def _let_go(self, key: str) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._changing.pop(key, None)
            self._plan.again(held, self._clock.monotonic())
