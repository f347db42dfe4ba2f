"""The second half of a turn: wants become verdicts and claims (RULES 2, 5)."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from msgspec.structs import replace

from connector.adapters.ledger_rows import pack_first
from connector.adapters.ledger_sqlite_claims import Held
from connector.adapters.ledger_sqlite_memory import Memory
from connector.adapters.ledger_sqlite_tables import Found, Slot
from connector.core.claims import Done, Grant, Verdict, Want
from connector.core.events import Event
from connector.core.horizon import OLDER, is_beyond
from connector.core.moving import Alias, unsettles
from connector.core.turn import Claim, Decision, decide

_DUPLICATE: Final = Done("duplicate")
_GRANT: Final = Grant()


class Granting:
    """Judges all wants, then claims: the wants of one turn do not see each other."""

    def __init__(self, memory: Memory, now: Callable[[], float]) -> None:
        """now: seconds since the epoch."""
        self._memory, self._tables, self._claims = memory, memory.tables, memory.claims
        self._now = now

    def claim(self, wanted: Sequence[Want]) -> list[Verdict]:
        """Raises ValueError: two wants of one key. Belongs into a transaction."""
        living, epochs, number = self._memory.store.living(), self._memory.epochs, self._tables.number
        mine, others, horizon = self._claims.mine, self._claims.others, self._memory.horizon
        alias = cache(self._tables.alias)
        slot_of = self._tables.slot
        slots = [slot_of(want.event.entity, want.event.key) for want in wanted]
        if len(set(slots)) < len(slots):
            raise ValueError("two wants of one key in one turn")
        spreads = self._tables.spreads(slots)
        found = self._tables.find(spreads)
        verdicts: list[Verdict] = []
        granted: dict[int, Held] = {}
        judged: dict[int, Decision] = {}
        for at, (want, slot, spread) in enumerate(zip(wanted, slots, spreads, strict=True)):
            event, seen = want.event, found.get(slot)
            blob = pack_first(event, number, epochs, want.past)
            if seen is None and slot not in mine and slot not in others:
                if horizon and is_beyond(event, horizon):
                    verdicts.append(OLDER)
                    continue
                verdicts.append(_GRANT)
                granted[at] = Held(event.version, blob, None, spread)
            elif seen is not None and seen.blob == blob and not want.forced:
                verdicts.append(_DUPLICATE)
            else:
                judged[at] = decision = self._decide(want, slot, seen, living, alias)
                verdicts.append(decision.verdict)
                if decision.claim is not None:
                    granted[at] = self._held(event, decision.claim, seen, spread)
        self._narrow(wanted, verdicts, granted)
        self._write(wanted, slots, found, granted, judged)
        return verdicts

    def _decide(
        self, want: Want, slot: Slot, found: Found | None, living: Callable[[int], bool], alias: Alias
    ) -> Decision:
        claim = self._claims.get(slot)
        held = claim is not None and living(claim.owner)
        head = self._tables.unpack(found) if found else None
        owner, epochs = self._memory.owner, self._memory.epochs
        return decide(want, head, claim, living=held, owner=owner, epochs=epochs, alias=alias)

    def _held(self, event: Event, claim: Claim, found: Found | None, spread: int) -> Held:
        blob, number = self._tables.pack(claim.head), found.number if found else None
        return Held(event.version, blob, number, spread, claim.head.live, claim.doubts)

    def _narrow(self, wanted: Sequence[Want], verdicts: list[Verdict], granted: dict[int, Held]) -> None:
        """Take back the grants whose contact is not there."""
        is_fit = self._memory.fitness.is_fit
        needs = {at: need for at in granted if (need := wanted[at].requires) is not None and not is_fit(need)}
        if not needs:
            return
        limits = self._memory.fitness.look_up(set(needs.values()))
        for at, need in needs.items():
            limit, verdict = limits[need], verdicts[at]
            if not isinstance(limit, Grant):
                verdicts[at] = limit
                del granted[at]
            elif (limit.id_only or limit.guest) and isinstance(verdict, Grant):
                verdicts[at] = replace(verdict, id_only=limit.id_only, guest=limit.guest)

    def _write(
        self, wanted: Sequence[Want], slots: Sequence[Slot], found: dict[Slot, Found],
        granted: dict[int, Held], judged: dict[int, Decision],
    ) -> None:  # fmt: skip
        heads, rows = self._tables.writing(), []
        for at, decision in judged.items():
            slot, head = slots[at], decision.head
            if decision.claim is not None:
                if at not in granted:
                    continue
                if slot in self._claims.others:
                    self._memory.drop(slot)
                if unsettles(decision.claim.head):
                    self._memory.bump()
            if head is not None:
                heads.put(slot, 0, found[slot].number, head.live, self._tables.pack(head))
                if decision.claim is None:
                    rows.append((wanted[at].event.row_key, slot))
        self._tables.write_heads(heads)
        self._tables.write_rows((row, slot) for row, slot in rows if row is not None)
        self._claims.hold([(slots[at], held) for at, held in granted.items()], int(self._now() * 1000))
