"""A ledger that lets what is in doubt go once more, because an operator says so (RULES 4)."""

from collections.abc import Sequence

from msgspec.structs import replace

from connector.core.claims import Grant, Settlement, Verdict, Want
from connector.core.model import Entity
from connector.replay.through import Counting, Through


class Resending(Through):
    """Its grants are as if nothing had been sent: none is held for its doubt.

    It settles without certainty, so nothing is unchanged against it (RULES 2). An answer that is lost again
    leaves a doubt again.
    """

    def __init__(self, ledger: Counting) -> None:
        """Nothing was in doubt yet."""
        super().__init__(ledger)
        self._doubtful: set[tuple[Entity, str]] = set()

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        verdicts = self._ledger.turn([self._marked(one) for one in settled], wanted)
        self._doubtful.difference_update((one.event.entity, one.event.key) for one in settled)
        return [self._eased(want, said) for want, said in zip(wanted, verdicts, strict=True)]

    def _marked(self, one: Settlement) -> Settlement:
        doubtful = one.outcome == "accepted" and (one.event.entity, one.event.key) in self._doubtful
        return replace(one, certain=False) if doubtful else one

    def _eased(self, want: Want, verdict: Verdict) -> Verdict:
        if not isinstance(verdict, Grant) or not verdict.doubtful:
            return verdict
        self._doubtful.add((want.event.entity, want.event.key))
        return replace(verdict, doubtful=False)
