"""The second half of a turn: wants become verdicts and claims (RULES 2, 5)."""

from collections.abc import Container, Mapping
from functools import cache
from typing import Final

from msgspec.structs import replace

from connector.adapters.ledger_postgres_settle import Held
from connector.adapters.ledger_postgres_store import Store
from connector.adapters.ledger_postgres_tables import EntityKey, Seen, Tables, Writes
from connector.adapters.ledger_rows import pack_first
from connector.adapters.ledger_sqlite_fit import Fitness
from connector.core.claims import Busy, Done, Grant, Verdict, Want
from connector.core.events import Event
from connector.core.heads import Epochs
from connector.core.horizon import OLDER, is_beyond
from connector.core.moving import unsettles
from connector.core.turn import Decision, decide

_DUPLICATE: Final = Done("duplicate")
_GRANT: Final = Grant()


class Claiming:
    """Judges all wants of one turn, then claims: they do not see each other.

    granted: the claims that were made. rows: row keys to be written at the turn's end. unsettles: what others
    remember of contacts holds no longer.
    """

    def __init__(self, store: Store, tables: Tables, fitness: Fitness, epochs: Epochs, horizon: int) -> None:
        """horizon: what is older and unknown is denied; 0 = none."""
        self._store, self._tables, self._fitness = store, tables, fitness
        self._epochs, self._horizon = epochs, horizon
        self.granted: dict[EntityKey, Held] = {}
        self.rows: dict[str, EntityKey] = {}
        self.unsettles = False
        self._alias = cache(tables.alias)

    def claim(self, wants: Mapping[EntityKey, Want], mine: Container[EntityKey]) -> list[Verdict]:
        """Belongs into a transaction. mine: the claims that this owner knows to be its own."""
        found = self._tables.read(wants.keys())
        judged: dict[EntityKey, Decision] = {}
        verdicts = [
            self._judge(slot, want, found.get(at), judged, held=slot in mine)
            for at, (slot, want) in enumerate(wants.items())
        ]
        self._narrow(wants, verdicts)
        if self.unsettles:  # before rows are locked: see ledger_postgres_sql
            self._store.bump()
        lost = self._write(wants, found, judged)
        if not lost:
            return verdicts
        return [Busy() if slot in lost else one for slot, one in zip(wants, verdicts, strict=True)]

    def _judge(
        self, slot: EntityKey, want: Want, seen: Seen | None, judged: dict[EntityKey, Decision], *, held: bool
    ) -> Verdict:
        event, past = want.event, want.past
        blob = pack_first(event, self._store.number, self._epochs, past)
        if seen is None:
            if self._horizon and is_beyond(event, self._horizon):
                return OLDER
            self.granted[slot] = Held(event, blob)
            return _GRANT
        if seen.head == blob and not want.forced:
            return _DUPLICATE
        head, claim = self._tables.state(seen.live, seen.head, seen.owner, seen.claim, seen.doubts)
        owner, epochs = self._store.owner.number, self._epochs
        # An own claim that was settled long ago: a fail-over has lost the settle, and nobody else ends it.
        living = seen.living and (held or seen.owner != owner)
        one = decide(want, head, claim, living=living, owner=owner, epochs=epochs, alias=self._alias)
        judged[slot] = one
        if one.claim is not None:
            claimed = one.claim.head
            apart = bool(one.claim.doubts) or (event.version is None and head is not None)
            unsettling = unsettles(claimed)
            self.unsettles = self.unsettles or unsettling
            self.granted[slot] = Held(event, self._tables.pack(claimed), claimed.live, apart, unsettling)
        return one.verdict

    def _narrow(self, wants: Mapping[EntityKey, Want], verdicts: list[Verdict]) -> None:
        """Take back the grants that may not be: of a lost lease, or whose contact is not there."""
        if self._store.owner.lapsed:
            verdicts[:] = [Busy() if s in self.granted else v for s, v in zip(wants, verdicts, strict=True)]
            self.granted.clear()
        is_fit = self._fitness.is_fit
        needs = {
            at: (slot, want.requires)
            for at, (slot, want) in enumerate(wants.items())
            if want.requires is not None and slot in self.granted and not is_fit(want.requires)
        }
        if not needs:
            return
        limits = self._fitness.look_up({need for _, need in needs.values()})
        for at, (slot, need) in needs.items():
            limit, verdict = limits[need], verdicts[at]
            if not isinstance(limit, Grant):
                verdicts[at] = limit
                del self.granted[slot]
            elif (limit.id_only or limit.guest) and isinstance(verdict, Grant):
                verdicts[at] = replace(verdict, id_only=limit.id_only, guest=limit.guest)

    def _write(
        self, wants: Mapping[EntityKey, Want], found: Mapping[int, Seen], judged: Mapping[EntityKey, Decision]
    ) -> set[EntityKey]:
        """Returns what another got first."""
        writes = Writes()
        for at, slot in enumerate(wants):
            if (decision := judged.get(slot)) is not None:
                self._rewrite(writes, slot, wants[slot].event, found[at], decision)
        lost = self._tables.take(writes) if writes.slots else set()
        new = [(slot, held.head) for slot, held in self.granted.items() if slot not in judged]
        if new:
            lost |= self._tables.make([slot for slot, _ in new], [head for _, head in new])
        for slot in lost:
            self.granted.pop(slot, None)
            self.rows.pop(wants[slot].event.row_key or "", None)
        return lost

    def _rewrite(self, writes: Writes, slot: EntityKey, event: Event, seen: Seen, decision: Decision) -> None:
        held, claim = self.granted.get(slot), decision.claim
        head = self._tables.pack(decision.head) if decision.head is not None else None
        if claim is not None:
            if held is not None:
                writes.add(slot, seen.mark, head, held.head, self._tables.pack_doubts(claim))
        elif head is not None:
            writes.add(slot, seen.mark, head, None, None)
            if event.row_key is not None:
                self.rows[event.row_key] = slot
