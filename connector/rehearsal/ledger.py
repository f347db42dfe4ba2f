"""A ledger that is asked what it would say, and remembers by itself what would have been accepted since."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from msgspec.structs import replace

from connector.core.assignment import Answer
from connector.core.claims import Grant, Needs, Settlement, Verdict, Want
from connector.core.contact_first import PSEUDO
from connector.core.heads import Head
from connector.core.judge import advance
from connector.core.model import Entity
from connector.core.turn import decide
from connector.ports import Ledger
from connector.ports.archive import Archive

Slot = tuple[Entity, str]
REMEMBERED: Final = 200_000
"""Entities, and addresses, of which it is remembered; of an older one the ledger alone is asked again."""


class Asked(Ledger, Archive, Protocol):
    """A ledger with its archive."""

    stale_sends: int


class Rehearsal:
    """ports.Ledger over a real one, in which nothing changes."""

    stale_sends = 0

    def __init__(self, ledger: Asked) -> None:
        """Nothing would have been accepted yet."""
        self._ledger = ledger
        self._heads: dict[Slot, Head] = {}
        self._led: dict[str, str] = {}
        self.keys_of, self.answers, self.sizes = ledger.keys_of, ledger.answers, ledger.sizes
        self.close = ledger.close

    @property
    def identity(self) -> str:
        """See ports.Ledger."""
        return self._ledger.identity

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        for one in settled:
            if one.outcome == "accepted":
                self._accept(one)
        unknown = [want for want in wanted if _slot(want) not in self._heads]
        told = iter(self._ledger.rehearse(unknown) if unknown else ())
        return [
            self._eased(want, self._judged(want) if _slot(want) in self._heads else next(told))
            for want in wanted
        ]

    def _accept(self, one: Settlement) -> None:
        event = one.event
        slot = event.entity, event.key
        head = self._heads.pop(slot, None) or self._ledger.look(*slot).head
        new = advance(head, event)
        self._heads[slot] = replace(new, live=new.live or one.live)
        self._led |= dict.fromkeys(one.aliases, event.key)
        _forget_the_oldest(self._heads)
        _forget_the_oldest(self._led)

    def _judged(self, want: Want) -> Verdict:
        head = self._heads[_slot(want)]
        return decide(want, head, None, living=False, owner=1, epochs=()).verdict

    def _eased(self, want: Want, verdict: Verdict) -> Verdict:
        """A contact that would have been accepted meanwhile is needed no more, and has its addresses."""
        need = want.requires
        if not isinstance(verdict, Needs) or need is None:
            return verdict
        if ("contact", need.key) in self._heads:
            (eased,) = self._ledger.rehearse([replace(want, requires=None)])
            return Grant() if isinstance(eased, Needs) else eased
        holder = self._led.get(need.alias or "")
        return verdict if holder is None or holder.startswith(PSEUDO) else Needs(shared=True)

    def answer(self, answer: Answer) -> None:
        """Not part of a rehearsal."""

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        """Not part of a rehearsal."""

    def upkeep(self) -> None:
        """Nothing is due."""

    def lease_left(self) -> float:
        """See ports.Ledger."""
        return self._ledger.lease_left()


def _forget_the_oldest(known: dict[Any, Any]) -> None:
    while len(known) > REMEMBERED:
        del known[next(iter(known))]


def _slot(want: Want) -> Slot:
    return want.event.entity, want.event.key
