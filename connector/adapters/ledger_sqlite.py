"""The ledger in an SQLite file: one replica, and beside it other processes of the same host (RULES 2).

A turn is one write transaction. An event's key is looked up once and its head written once, at the settle,
since a random key touches a page of its own each time; what is claimed stands in a small table, and in
memory, so that settling reads nothing. Every transaction starts as a writer: what it decides on cannot
change before it commits.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from connector.adapters.ledger_sqlite_fit import Fitness
from connector.adapters.ledger_sqlite_schema import translated
from connector.adapters.ledger_sqlite_store import Store
from connector.adapters.ledger_sqlite_tables import EntityKey
from connector.core.assignment import Answer
from connector.core.claims import Settlement, Verdict, Want
from connector.core.events import Event
from connector.core.heads import Epochs, Head, State
from connector.core.model import Entity, Version
from connector.core.turn import Claim, Conclusion, Decision, aliases_after, conclude, decide, plain

_Wants = dict[EntityKey, Want]


class _Held(Struct, frozen=True):
    """An own claim: the event's version, and the claim with its packed head."""

    version: Version | None
    claim: Claim
    blob: bytes


class _LostClaims(Exception):
    """An own claim is not in the file: settle one by one."""


class SqliteLedger:
    """Implements ports.Ledger. Used by one thread at a time.

    path: the file, in an existing directory. wait: seconds to wait for another process's transaction.
    stale_sends: settles that found their claim lost, since start (`stale_sends_total`).
    Raises LedgerDown while it cannot be read or written; Fatal: damaged, of another program, or too new.
    """

    def __init__(
        self, path: Path, destination: str, *, now: Callable[[], float] = time.time, wait: float = 5.0
    ) -> None:
        """Open or make the file, and become an owner."""
        self._store = Store(path, destination, wait)
        self._tables, self._owner = self._store.tables, self._store.owner
        self._fitness = Fitness(self._tables)
        self._now = now
        self._mine: dict[EntityKey, _Held] = {}
        self._generation = -1
        self._epochs: Epochs = ()
        self.stale_sends = 0

    @property
    def identity(self) -> str:
        """See ports.Ledger."""
        return self._store.identity

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        wants: _Wants = {(want.event.entity, want.event.key): want for want in wanted}
        if len(wants) < len(wanted):
            raise ValueError("two wants of one key in one turn")
        try:
            return self._turn(settled, wants, self._settle)
        except _LostClaims:
            return self._turn(settled, wants, self._settle_each)

    def _turn(
        self, settled: Sequence[Settlement], wants: _Wants, settle: Callable[[Sequence[Settlement]], int]
    ) -> list[Verdict]:
        granted: dict[EntityKey, _Held] = {}
        try:
            with self._store.transaction():
                self._refresh()
                stale = settle(settled)
                verdicts = self._claim(wants, granted) if wants else []
        except BaseException:
            self._generation = -1
            raise
        self.stale_sends += stale
        for event in (one.event for one in settled):
            held = self._mine.get((event.entity, event.key))
            if held is not None and held.version == event.version:
                del self._mine[event.entity, event.key]
        self._mine.update(granted)
        return verdicts

    def _refresh(self) -> None:
        """Read anew what another process may have changed."""
        generation = self._store.generation()
        if generation != self._generation:
            self._generation = generation
            self._fitness.forget()
            self._epochs = self._tables.epochs()

    def _bump(self) -> None:
        self._store.bump()
        self._generation += 1
        self._fitness.forget()

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        """See ports.Ledger."""
        with translated(self._store.path):
            found = self._tables.keys_of(row_keys)
        return [found.get(row) for row in row_keys]

    def answers(self) -> list[Answer]:
        """See ports.Ledger."""
        with translated(self._store.path):
            return self._tables.answers()

    def answer(self, answer: Answer) -> None:
        """See ports.Ledger."""
        with self._store.transaction():
            self._tables.add_answer(answer, self._now())

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        """See ports.Ledger."""
        with self._store.transaction():
            self._tables.add_epoch(clock, since_ms, reason, self._now())
            self._store.bump()

    def close(self) -> None:
        """See ports.Ledger."""
        self._store.close()

    # --- Settle -----------------------------------------------------------------------------------

    def _settle(self, settled: Sequence[Settlement]) -> int:
        """All at once where all are known to be ours, else one by one. Returns the stale ones."""
        held = [self._mine.get((one.event.entity, one.event.key)) for one in settled]
        mine = [(one, has) for one, has in zip(settled, held, strict=True) if has and _is_plain(one, has)]
        if len(mine) < len(settled):
            return self._settle_each(settled)
        keys = [(one.event.entity, one.event.key) for one in settled]
        if keys and self._tables.drop_claims(keys, self._owner) != len(keys):
            raise _LostClaims
        self._accept([pair for pair in mine if pair[0].outcome == "accepted"])
        return 0

    def _accept(self, accepted: Sequence[tuple[Settlement, _Held]]) -> None:
        """Their claims are gone from the file; nobody else could write their heads meanwhile."""
        heads = []
        for one, held in accepted:
            event = one.event
            if plain(one):
                live = one.live or held.claim.head.live
                heads.append((event.entity, event.key, live, held.blob))
                self._erased(held.claim.head)
                continue
            after = conclude(one, None, held.claim, mine=True, epochs=self._epochs)
            if after.head is not None:
                head = self._led(one, after.head)
                heads.append((event.entity, event.key, head.live, self._tables.pack(head)))
        self._tables.write_heads(heads)
        self._write_rows([one.event for one, _ in accepted])

    def _settle_each(self, settled: Sequence[Settlement]) -> int:
        return sum(self._settle_one(one).stale for one in settled)

    def _settle_one(self, one: Settlement) -> Conclusion:
        entity, key = one.event.entity, one.event.key
        head = self._tables.heads(entity, [key]).get(key)
        claim = self._tables.claims(entity, [key]).get(key)
        mine = claim is not None and claim.owner == self._owner
        after = conclude(one, head, claim, mine=mine, epochs=self._epochs)
        accepted = one.outcome == "accepted" and after.claim is not claim
        if after.head is not None:
            new = self._led(one, after.head) if accepted else after.head
            self._tables.write_heads([(entity, key, new.live, self._tables.pack(new))])
        if claim is not None and after.claim is not claim:
            self._tables.drop_claims([(entity, key)], claim.owner)
            if after.claim is not None:
                blob = self._tables.pack(after.claim.head)
                self._tables.write_claims([(entity, key, after.claim, blob)], int(self._now() * 1000))
        if accepted:
            self._write_rows([one.event])
        return after

    def _led(self, one: Settlement, head: Head) -> Head:
        """The head of an accepted event with what leads to it."""
        self._erased(head)
        if one.event.entity != "contact":
            return head
        new = tuple(self._tables.alias(alias) for alias in one.aliases)
        after = aliases_after(head.aliases, one.event, new)
        if self._tables.lead(one.event.key, new, set(head.aliases) - set(after)):
            self._bump()
        return replace(head, aliases=after)

    def _erased(self, head: Head) -> None:
        if head.state is State.ERASED:
            self._bump()

    def _write_rows(self, events: Sequence[Event]) -> None:
        self._tables.write_rows(
            [(event.row_key, event.entity, event.key) for event in events if event.row_key is not None]
        )

    # --- Claim ------------------------------------------------------------------------------------

    def _claim(self, wants: _Wants, granted: dict[EntityKey, _Held]) -> list[Verdict]:
        decisions = self._fitness.narrow(list(wants.values()), self._decide(wants))
        pack = self._tables.pack
        heads, claims, known = [], [], []
        for (slot, want), decision in zip(wants.items(), decisions, strict=True):
            if decision.head is not None:
                heads.append((*slot, decision.head.live, pack(decision.head)))
            if decision.claim is not None:
                blob = pack(decision.claim.head)
                claims.append((*slot, decision.claim, blob))
                granted[slot] = _Held(want.event.version, decision.claim, blob)
            elif decision.head is not None:
                known.append(want.event)
        self._tables.write_heads(heads)
        self._tables.write_claims(claims, int(self._now() * 1000))
        self._write_rows(known)
        return [decision.verdict for decision in decisions]

    def _decide(self, wants: _Wants) -> list[Decision]:
        living, owner, epochs = self._store.living(), self._owner, self._epochs
        keys: dict[Entity, list[str]] = {}
        for entity, key in wants:
            keys.setdefault(entity, []).append(key)
        heads = {entity: self._tables.heads(entity, some) for entity, some in keys.items()}
        claims = {entity: self._tables.claims(entity, some) for entity, some in keys.items()}
        decisions = []
        for (entity, key), want in wants.items():
            claim = claims[entity].get(key)
            held = claim is not None and living(claim.owner)
            head = heads[entity].get(key)
            decisions.append(decide(want.event, head, claim, living=held, owner=owner, epochs=epochs))
        return decisions


def _is_plain(settlement: Settlement, held: _Held) -> bool:
    """Settling it needs nothing that the claim in memory does not tell."""
    if held.claim.doubts or held.version != settlement.event.version:
        return False
    return settlement.certain or settlement.outcome == "accepted"
