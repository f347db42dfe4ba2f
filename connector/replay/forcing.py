"""A ledger that is asked to let the version which was accepted last go again (RULES 11)."""

from collections.abc import Sequence

from msgspec.structs import replace

from connector.core.claims import Grant, Settlement, Verdict, Want
from connector.core.model import Entity
from connector.replay.through import Counting, Through


class Forcing(Through):
    """Whose wants and settlements say that they are forced.

    But those of a contact that is made for an order. What was forced settles without certainty: nothing is
    unchanged against it (RULES 2).
    """

    def __init__(self, ledger: Counting) -> None:
        """Nothing is forced yet."""
        super().__init__(ledger)
        self._forced: set[tuple[Entity, str]] = set()

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        wants = [replace(want, forced=_own(want)) for want in wanted]
        verdicts = self._ledger.turn([self._marked(one) for one in settled], wants)
        self._forced.difference_update((one.event.entity, one.event.key) for one in settled)
        self._forced.update(
            (want.event.entity, want.event.key)
            for want, verdict in zip(wants, verdicts, strict=True)
            if isinstance(verdict, Grant) and verdict.forced
        )
        return verdicts

    def _marked(self, one: Settlement) -> Settlement:
        if one.outcome != "accepted" or (one.event.entity, one.event.key) not in self._forced:
            return one
        return replace(one, certain=False, forced=True)


def _own(want: Want) -> bool:
    return want.event.version is not None or want.event.entity == "event"
