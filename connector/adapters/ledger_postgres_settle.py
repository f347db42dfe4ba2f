"""The first half of a turn: settled at once where memory tells all, else one by one on locked rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from connector.adapters import ledger_postgres_sql as sql
from connector.adapters.ledger_postgres_arrays import bigs, texts
from connector.adapters.ledger_postgres_keys import indexed
from connector.adapters.ledger_postgres_store import Store
from connector.adapters.ledger_postgres_tables import Accepted, EntityKey, Tables
from connector.adapters.ledger_rows import Veil, unpack_head
from connector.core.claims import Count, Settlement
from connector.core.events import Event
from connector.core.heads import Epochs, Head, State
from connector.core.model import Kind
from connector.core.moving import aliases_after
from connector.core.past import outcome_of, via_of
from connector.core.turn import Claim, conclude, plain


class Held(Struct, frozen=True, gc=False):
    """An own claim: what it was granted for, and its packed head with its `live`.

    apart: it has doubts, or is to be merged with the key's head: settled one by one. unsettles: it erases
    a contact, or takes an address away.
    """

    event: Event
    head: bytes
    live: bool = False
    apart: bool = False
    unsettles: bool = False


class LostClaims(Exception):
    """An own claim is not there any more: settle one by one."""


class Settling:
    """The settlements of one turn. rows: row keys to be written at its end."""

    def __init__(
        self, store: Store, tables: Tables, mine: Mapping[EntityKey, Held], epochs: Epochs, *, history: bool
    ) -> None:
        """mine: claims granted and not settled yet."""
        self._store, self._tables, self._mine = store, tables, mine
        self._epochs, self._history = epochs, history
        self.rows: dict[str, EntityKey] = {}
        self._orders: defaultdict[str, list[str]] = defaultdict(list)
        self._leads: dict[bytes, str] = {}
        self._dropped: set[tuple[bytes, str]] = set()
        self._erases = False

    def at_once(self, settled: Sequence[Settlement]) -> None:
        """In one statement each for accepted and released. Raises LostClaims: roll back."""
        accepted, released = [], []
        if len({(one.event.entity, one.event.key) for one in settled}) < len(settled):
            raise LostClaims
        for one in settled:
            slot = one.event.entity, one.event.key
            held = self._mine.get(slot)
            if held is None or held.apart or held.event.version != one.event.version:
                raise LostClaims
            if one.forced:  # rare: its history is written row by row
                raise LostClaims
            if one.outcome == "accepted":
                accepted.append(self._accepted(slot, one, held))
            elif one.certain:
                released.append(slot)
            else:
                raise LostClaims
        if accepted and self._tables.accept(accepted, history=self._history) != len(accepted):
            raise LostClaims
        if released and self._tables.release(released) != len(released):
            raise LostClaims

    def _accepted(self, slot: EntityKey, one: Settlement, held: Held) -> Accepted:
        if plain(one) and not held.unsettles and one.event.kind is not Kind.CONTACT_DELETED:
            return Accepted(slot, None, one.live, one.certain, one.attempts)
        self._count(one)
        claimed = unpack_head(held.head, self._store.source, live=held.live)
        claim = Claim(self._store.owner.number, claimed)
        head = conclude(one, None, claim, mine=True, epochs=self._epochs).head
        if head is None:
            raise LostClaims
        packed = self._tables.pack(self._led(one, head))
        return Accepted(slot, packed, head.live, one.certain, one.attempts)

    def one_by_one(self, settled: Sequence[Settlement]) -> int:
        """On locked rows, whatever became of the claims. Returns how many were stale."""
        slots = {(one.event.entity, one.event.key) for one in settled}
        states = self._tables.lock(slots)
        before, stale = dict(states), 0
        for one in settled:
            slot = one.event.entity, one.event.key
            head, claim = states[slot]
            mine = claim is not None and claim.owner == self._store.owner.number
            after = conclude(one, head, claim, mine=mine, epochs=self._epochs)
            accepted = one.outcome == "accepted" and after.claim is not claim
            new = after.head
            if accepted:
                self._count(one)
            if new is not None:
                head = self._led(one, new) if accepted else new
            states[slot] = head, after.claim
            stale += after.stale
            self._note(slot, one, accepted=accepted, stale=after.stale)
        changed = {slot: state for slot, state in states.items() if state != before[slot]}
        if changed:
            self._tables.put(changed)
        return stale

    def _note(self, slot: EntityKey, one: Settlement, *, accepted: bool, stale: bool) -> None:
        if not self._history or not (accepted or stale):
            return
        via, outcome = via_of(one), outcome_of(one, stale=stale)
        self._tables.note(slot, Head(one.event.version), one.attempts, via, outcome)

    def _led(self, one: Settlement, head: Head) -> Head:
        """The head of an accepted event with what leads to it."""
        self._erases = self._erases or head.state is State.ERASED
        event = one.event
        if event.row_key is not None:
            self.rows[event.row_key] = event.entity, event.key
        if event.entity != "contact":
            return head
        contact, veiled = self._tables.stored(event.key), Veil.veiled
        new = tuple(self._tables.alias(alias) for alias in one.aliases)
        after = aliases_after(head.aliases, event, new)
        for alias in set(head.aliases) - set(after):
            led = self._leads.get(alias, contact)
            if led == contact or (veiled(led) and not veiled(contact)):  # a guest had not got it either
                self._leads.pop(alias, None)
            self._dropped.add((alias, contact))
        for alias in new:
            if veiled(contact) and not veiled(self._leads.get(alias, contact)):
                continue  # a guest takes no customer's address
            self._erases = self._erases or self._leads.get(alias, contact) != contact
            self._leads[alias] = contact
            self._dropped.discard((alias, contact))
        return replace(head, aliases=after)

    def _count(self, one: Settlement) -> None:
        if one.client is not None:
            self._orders[indexed(self._tables.stored(one.client))].append(one.event.key)

    def count(self) -> list[Count]:
        """Add the new orders to what their clients have."""
        if not self._orders:
            return []
        new = self._orders
        parameters = {"clients": texts(new), "orders": bigs(map(len, new.values()))}
        found = self._store.run(sql.COUNT_ORDERS, parameters)
        return [Count(orders, len(new[client]), new[client][-1]) for client, orders in found]

    def finish(self) -> bool:
        """Write what leads to contacts; True where what others remember of them holds no longer."""
        moved = bool(self._leads or self._dropped) and self._tables.lead(self._leads, self._dropped)
        if moved or self._erases:
            self._store.bump()
        return moved or self._erases
