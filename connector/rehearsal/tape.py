"""What stands between a rehearsing lane and its ports."""

from collections import Counter
from collections.abc import Sequence

from connector.core.letters import Letter
from connector.core.lots import Lot
from connector.core.talk import Accepted, Batch, Conversation
from connector.ports import DeadLetters, Destination
from connector.recording import Around, Unrecorded
from connector.rehearsal.ledger import Asked, Rehearsal

KEPT = 1000
"""Letters."""


class Agreeable(Around):
    """ports.Destination over another one: what would be sent is accepted, unsent. batches: by resource."""

    def __init__(self, destination: Destination) -> None:
        super().__init__(destination)
        self.batches: Counter[str] = Counter()

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """See ports.Destination."""
        self.batches[lot.resource] += 1
        yield from ()
        return [Accepted() for _ in batch]


class Unwritten:
    """ports.DeadLetters that writes none. letters: the first of them."""

    def __init__(self) -> None:
        self.causes: Counter[str] = Counter()
        self.letters: list[Letter] = []

    def write(self, letters: Sequence[Letter]) -> None:
        """See ports.DeadLetters."""
        self.causes.update(letter.cause for letter in letters)
        self.letters += letters[: max(0, KEPT - len(self.letters))]


class Rehearsed(Unrecorded):
    """One lane's rehearsal. unwritten, agreeable: what it came to."""

    agreeable: Agreeable

    def __init__(self) -> None:
        super().__init__()
        self.unwritten = Unwritten()

    def ledger(self, ledger: Asked) -> Rehearsal:  # type: ignore[override] # the real ones have an archive
        """See Unrecorded."""
        return Rehearsal(ledger)

    def destination(self, destination: Destination) -> Destination:
        """See Unrecorded."""
        self.agreeable = Agreeable(destination)
        return self.agreeable

    def letters(self, _letters: DeadLetters) -> DeadLetters:
        """See Unrecorded."""
        return self.unwritten
