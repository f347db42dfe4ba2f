"""The first half of a turn: settlements become heads (RULES 2)."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from connector.adapters.ledger_sqlite_claims import Held
from connector.adapters.ledger_sqlite_history import History
from connector.adapters.ledger_sqlite_memory import Memory
from connector.adapters.ledger_sqlite_tables import Slot
from connector.core.claims import Count, Settlement
from connector.core.events import Event
from connector.core.heads import Head, State
from connector.core.moving import aliases_after
from connector.core.turn import Conclusion, conclude, plain


class Settling:
    """Settles in the order given. What the claim in memory tells is written together and reads nothing."""

    def __init__(self, memory: Memory, history: History, now: Callable[[], float]) -> None:
        """now: seconds since the epoch."""
        self._note = history.note
        self._memory, self._tables, self._claims = memory, memory.tables, memory.claims
        self._now = now
        self._heads = self._tables.writing()
        self._orders: defaultdict[str, list[str]] = defaultdict(list)

    def settle(self, settled: Sequence[Settlement]) -> int:
        """Returns how many were stale. Belongs into a transaction."""
        mine, slot_of, note, stale = self._claims.mine, self._tables.slot, self._note, 0
        heads = self._heads = self._tables.writing()
        self._orders.clear()
        for one in settled:
            slot = slot_of(one.event.entity, one.event.key)
            held = mine.get(slot)
            if held is None or not _is_told(one, held):
                stale += self._settle_one(slot, one).stale
                continue
            if one.outcome == "accepted":
                if plain(one) and slot[0] != "contact":
                    heads.put(slot, held.spread, held.number, one.live or held.live, held.blob)
                else:
                    self._accept(slot, one, held)
                    self._count(one)
                note(slot, held.spread, one)
            self._claims.settle(mine.pop(slot))
        self._tables.write_heads(heads)
        return stale

    def count(self) -> list[Count]:
        """Count the new orders of what was settled last. Belongs into the same transaction."""
        return self._tables.count_orders(self._orders) if self._orders else []

    def _count(self, one: Settlement) -> None:
        if one.client is not None:
            self._orders[one.client].append(one.event.key)

    def _accept(self, slot: Slot, one: Settlement, held: Held) -> None:
        claim = self._claims.claim(held)
        after = conclude(one, None, claim, mine=True, epochs=self._memory.epochs)
        if after.head is not None:
            head = self._led(one, after.head)
            self._heads.put(slot, held.spread, held.number, head.live, self._tables.pack(head))
        self._write_row(slot, one.event)

    def _settle_one(self, slot: Slot, one: Settlement) -> Conclusion:
        """By what the file says."""
        self._tables.write_heads(self._heads)
        spread = self._tables.spreads([slot])
        found = self._tables.find(spread).get(slot)
        head = self._tables.unpack(found) if found else None
        claim = self._claims.get(slot)
        mine = claim is not None and claim.owner == self._memory.owner
        after = conclude(one, head, claim, mine=mine, epochs=self._memory.epochs)
        accepted = one.outcome == "accepted" and after.claim is not claim
        if after.head is not None:
            new = self._led(one, after.head) if accepted else after.head
            number = found.number if found else None
            self._heads.put(slot, spread[0], number, new.live, self._tables.pack(new))
        if claim is not None and after.claim is not claim:
            self._memory.drop(slot)
            if after.claim is not None:
                self._claims.leave(slot, after.claim, int(self._now() * 1000))
        if accepted:
            self._write_row(slot, one.event)
            self._count(one)
        if accepted or after.stale:
            self._note(slot, spread[0], one, stale=after.stale)
        return after

    def _led(self, one: Settlement, head: Head) -> Head:
        """The head of an accepted event with what leads to it."""
        if head.state is State.ERASED:
            self._memory.bump()
        if one.event.entity != "contact":
            return head
        new = tuple(self._tables.alias(alias) for alias in one.aliases)
        after = aliases_after(head.aliases, one.event, new)
        if self._tables.lead(one.event.key, new, set(head.aliases) - set(after)):
            self._memory.bump()
        return replace(head, aliases=after)

    def _write_row(self, slot: Slot, event: Event) -> None:
        if event.row_key is not None:
            self._tables.write_rows([(event.row_key, slot)])


def _is_told(settlement: Settlement, held: Held) -> bool:
    """Settling it needs nothing that the claim in memory does not tell."""
    at = settlement.event.version
    if at is None and held.number is not None:
        return False
    if held.doubts or (held.version is not at and held.version != at):
        return False
    return settlement.certain or settlement.outcome == "accepted"
