"""A ledger in memory that passes the contract of the port. Claims outlive a crash, as in a file."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import inf

from msgspec.structs import replace

from connector.core.assignment import Answer
from connector.core.claims import Busy, Count, Grant, Settlement, Verdict, Want
from connector.core.contact_first import PSEUDO, Holder, Limits
from connector.core.events import Event, Requirement
from connector.core.heads import Epoch, Epochs, Head
from connector.core.horizon import OLDER, is_beyond, is_prunable
from connector.core.model import Entity
from connector.core.moving import aliases_after
from connector.core.past import Sent, Sizes, Stale, outcome_of, via_of
from connector.core.removal import Removable, Removal, Removed, Row, Span, survey
from connector.core.sight import Sight, reach
from connector.core.turn import Claim, Conclusion, Decision, conclude, decide
from connector.errors import LedgerDown

Key = tuple[str, str]
DAYS = 30
"""How long history is retained."""


@dataclass(frozen=True)
class Rules:
    """What decides in every store (core.turn). A test may put a wrong one here, to see that it is noticed."""

    decide: Callable[..., Decision] = decide
    conclude: Callable[..., Conclusion] = conclude


@dataclass
class Scope:
    """One destination's rows."""

    heads: dict[Key, Head] = field(default_factory=dict)
    claims: dict[Key, Claim] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    epochs: Epochs = ()
    history: dict[Key, list[Sent]] = field(default_factory=dict)
    horizon: int = 0
    clients: Counter[str] = field(default_factory=Counter)


@dataclass
class Store:
    """What the ledgers of several destinations and owners share. living: owner → end of its lease."""

    identity: str = "fake-ledger"
    scopes: dict[str, Scope] = field(default_factory=dict)
    living: dict[int, float] = field(default_factory=dict)
    owners: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))


class FakeLedger:
    """`crash()` kills this owner and returns its successor; `down = True` makes every call raise.

    lease: seconds after its last sign of life (a turn, a `beat`) for which others let it live.
    """

    def __init__(
        self,
        store: Store | None = None,
        destination: str = "yespo",
        now: Callable[[], float] = lambda: 1.0,
        lease: float = inf,
        rules: Rules = Rules(),
    ) -> None:
        self.store = store or Store()
        self.down = False
        self.stale_sends = 0
        self.counted: Callable[[Sequence[Count]], None] = lambda _: None
        self._destination, self._now, self._rules = destination, now, rules
        self._scope = self.store.scopes.setdefault(destination, Scope())
        self._lease = lease
        self._mine: set[Key] = set()
        self._register()

    @property
    def identity(self) -> str:
        return self.store.identity

    def crash(self) -> "FakeLedger":
        self.close()
        return FakeLedger(self.store, self._destination, self._now, self._lease)

    def close(self) -> None:
        self.store.living.pop(self._owner, None)

    def beat(self) -> None:
        """A sign of life; too late once it was buried."""
        if self._lives and not self.down:
            self.store.living[self._owner] = self._now() + self._lease

    def lease_left(self) -> float:
        return max(0.0, self.store.living.get(self._owner, 0.0) - self._now())

    @property
    def _lives(self) -> bool:
        return self._owner in self.store.living

    def _register(self) -> None:
        self._owner = next(self.store.owners)
        self.store.living[self._owner] = self._now() + self._lease

    def _renew(self) -> None:
        """Bury whose lease has passed; begin anew where it was one's own and nothing is under way."""
        self.beat()
        for owner in [owner for owner, until in self.store.living.items() if until < self._now()]:
            del self.store.living[owner]
        if not self._lives and not self._mine:
            self._register()

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        self._answering()
        if len({_slot(want.event) for want in wanted}) < len(wanted):
            raise ValueError("two wants of one key in one turn")
        self._renew()
        new: dict[str, list[str]] = {}
        for one in settled:
            if self._settle(one) and one.client is not None:
                new.setdefault(one.client, []).append(one.event.key)
        if new:
            self._count(new)
        # Decide all before any is claimed: wants of one turn do not see each other.
        verdicts = [self._decide(want) for want in wanted]
        return [write() for write in verdicts]

    def _count(self, new: dict[str, list[str]]) -> None:
        clients = self._scope.clients
        clients.update({client: len(orders) for client, orders in new.items()})
        self.counted([Count(clients[client], len(added), added[-1]) for client, added in new.items()])

    def most_orders(self) -> int:
        self._answering()
        return max(self._scope.clients.values(), default=0)

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        self._answering()
        found = (self._scope.rows.get(row) for row in row_keys)
        return [None if key and key.startswith(("email:", "phone:")) else key for key in found]

    def answers(self) -> list[Answer]:
        self._answering()
        return list(self._scope.answers)

    def answer(self, answer: Answer) -> None:
        self._answering()
        self._scope.answers.append(replace(answer, at=self._now()))

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        self._answering()
        self._scope.epochs = (Epoch(len(self._scope.epochs) + 1, clock, since_ms), *self._scope.epochs)

    def look(self, entity: Entity, key: str) -> Sight:
        self._answering()
        claim = self._scope.claims.get((entity, key))
        living = claim is not None and claim.owner in self.store.living
        orders = self._scope.clients[key] if entity == "contact" else 0
        return Sight(self._scope.heads.get((entity, key)), claim, living, orders)

    def upkeep(self) -> None:
        self._answering()
        for sent in self._scope.history.values():
            sent[:] = [one for one in sent if one.at > self._now() - DAYS * 86400]

    def history(self, entity: Entity, key: str) -> list[Sent]:
        self._answering()
        return list(self._scope.history.get((entity, key), []))

    def stale(self) -> list[Stale]:
        self._answering()
        return [
            Stale(entity, key, sent[-1].version, sent[-1].at)  # type: ignore[arg-type] # keys are of entities
            for (entity, key), sent in self._scope.history.items()
            if sent and sent[-1].outcome == "stale"
        ]

    def sizes(self) -> Sizes:
        self._answering()
        scopes = self.store.scopes.values()
        sent = sum(len(each) for scope in scopes for each in scope.history.values())
        return Sizes(sum(len(scope.heads) for scope in scopes), sent, len(self._mine), 0)

    def prune(self, before_ms: int) -> int:
        self._answering()
        scope = self._scope
        scope.horizon = max(scope.horizon, before_ms)
        gone = [
            key
            for key, head in scope.heads.items()
            if key not in scope.claims and is_prunable(head, before_ms)
        ]
        for key in gone:
            del scope.heads[key]
        return len(gone)

    def rehearse(self, wanted: Sequence[Want]) -> list[Verdict]:
        self._answering()
        scope, mine = deepcopy(self._scope), set(self._mine)
        try:
            return self.turn([], wanted)
        finally:
            vars(self._scope).update(vars(scope))
            self._mine = mine

    def removable(self, span: Span) -> Removable:
        self._answering()
        return survey(self._rows(), span)

    def remove(self, span: Span, seen: Removable) -> Removed:
        self._answering()
        work = Removal(span, seen)
        for row in self._rows():
            if (new := work.apply(row)) is not None:
                self._put(new)
        return work.done

    def _rows(self) -> list[Row]:
        heads, claims = self._scope.heads, self._scope.claims
        return [
            Row(entity, key, heads.get((entity, key)), claim, claim is not None and self._is_living(claim))  # type: ignore[arg-type]
            for entity, key in [*heads, *(claims.keys() - heads.keys())]
            for claim in [claims.get((entity, key))]
        ]

    def _is_living(self, claim: Claim) -> bool:
        return claim.owner in self.store.living

    def _put(self, row: Row) -> None:
        slot = row.entity, row.key
        if row.head is not None:
            self._scope.heads[slot] = row.head
        self._scope.claims.pop(slot, None)
        if row.claim is not None:
            self._scope.claims[slot] = row.claim

    def _answering(self) -> None:
        if self.down:
            raise LedgerDown("the fake ledger is down")

    def _settle(self, one: Settlement) -> bool:
        scope, slot = self._scope, _slot(one.event)
        head, claim = scope.heads.get(slot), scope.claims.get(slot)
        mine = claim is not None and claim.owner == self._owner
        self._mine.discard(slot)
        after = self._rules.conclude(one, head, claim, mine=mine, epochs=scope.epochs)
        self.stale_sends += after.stale
        accepted = one.outcome == "accepted" and after.claim is not claim
        if accepted or after.stale:
            outcome = outcome_of(one, stale=after.stale)
            sent = Sent(one.event.version, self._now(), one.attempts, via_of(one), outcome)
            scope.history.setdefault(slot, []).append(sent)
        if after.head is not None:
            scope.heads[slot] = self._led(one, after.head) if accepted else after.head
        if after.claim is None:
            scope.claims.pop(slot, None)
        else:
            scope.claims[slot] = after.claim
        if accepted and one.event.row_key is not None:
            scope.rows[one.event.row_key] = one.event.key
        return accepted

    def _led(self, one: Settlement, head: Head) -> Head:
        if one.event.entity != "contact":
            return head
        new = tuple(alias.encode() for alias in one.aliases)
        after = aliases_after(head.aliases, one.event, new)
        aliases = self._scope.aliases
        for gone in set(head.aliases) - set(after):
            if aliases.get(gone.decode()) == one.event.key:
                del aliases[gone.decode()]
        for alias in one.aliases:  # a guest takes no customer's
            if not one.event.key.startswith(PSEUDO) or aliases.get(alias, PSEUDO[0]).startswith(PSEUDO):
                aliases[alias] = one.event.key
        return replace(head, aliases=after)

    def _decide(self, want: Want) -> Callable[[], Verdict]:
        scope, slot = self._scope, _slot(want.event)
        claim = scope.claims.get(slot)
        living = claim is not None and claim.owner in self.store.living
        decision = self._rules.decide(
            want, scope.heads.get(slot), claim, living=living, owner=self._owner, epochs=scope.epochs
        )
        verdict = decision.verdict
        if slot not in scope.heads and claim is None and is_beyond(want.event, scope.horizon):
            return lambda: OLDER
        if isinstance(verdict, Grant) and not self._lives:
            return Busy
        if isinstance(verdict, Grant) and want.requires is not None:
            limits = self._fit(want.requires)
            if not isinstance(limits, Grant):
                return lambda: limits
            verdict = replace(verdict, id_only=limits.id_only, guest=limits.guest)

        def write() -> Verdict:
            if decision.head is not None:
                scope.heads[slot] = decision.head
                if decision.claim is None and want.event.row_key is not None:
                    scope.rows[want.event.row_key] = want.event.key
            if decision.claim is not None:
                scope.claims[slot] = decision.claim
                self._mine.add(slot)
            return verdict

        return write

    def _fit(self, need: Requirement) -> Limits:
        alias = need.alias
        contact = self._scope.aliases.get(alias) if alias is not None else None
        holder: Holder = "nobody" if contact is None else "guest" if contact.startswith(PSEUDO) else "other"
        known, led = self._sight(need.key), self._sight(contact or "")
        hashed = alias.encode() if alias is not None else None
        return reach(need, known, led, hashed, own=contact == need.key, holder=holder)

    def _sight(self, contact: str) -> Sight:
        claim = self._scope.claims.get(("contact", contact))
        head = self._scope.heads.get(("contact", contact))
        return Sight(head, claim, claim is not None and self._is_living(claim))


def _slot(event: Event) -> Key:
    return event.entity, event.key
