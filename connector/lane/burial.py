"""Dead letters on their way: durable first, then the claim goes, then the position is freed (RULES 10)."""

from msgspec import Struct

from connector.core.claims import Settlement
from connector.core.letters import Letter
from connector.core.model import Record
from connector.core.plan import Item
from connector.core.talk import Refused
from connector.lane.books import Books, RecordOutcome
from connector.lane.intake import Refusal
from connector.ports import DeadLetters


class Dead(Struct):
    """A dead letter on its way: what it was made from, and the claim that it gives up (None: had none)."""

    letter: Letter
    item: Item | None
    settlement: Settlement | None = None

    @property
    def outcome(self) -> RecordOutcome:
        """Held in doubt is an outcome of its own (RULES 4)."""
        return "in_doubt" if self.letter.cause == "in_doubt" else "dead_lettered"


class Burial:
    """The dead letters of one lane that are not durable yet."""

    def __init__(self, destination: str, letters: DeadLetters, books: Books) -> None:
        """None waits."""
        self._destination, self._letters, self._books = destination, letters, books
        self.waiting: list[Dead] = []

    def refuse(self, record: Record, topic_id: str, refusal: Refusal) -> None:
        """A record that never became an event to send."""
        cause, detail = refusal.reject.cause, refusal.reject.detail
        letter = Letter(record, topic_id, self._destination, cause, detail, refusal.stage, refusal.key)
        self.waiting.append(Dead(letter, None))

    def kill(self, item: Item, record: Record, end: Refused, settlement: Settlement | None = None) -> None:
        """An event that was refused, or is held in doubt. settlement: gives up its claim, if it had one."""
        attempts = settlement.attempts if settlement else 0
        name, key = self._destination, item.event.key
        letter = Letter(record, item.topic_id, name, end.cause, end.detail, "deliver", key, attempts)
        self.waiting.append(Dead(letter, item, settlement))

    def write(self) -> list[Dead]:
        """Make them durable, all of them. Raises DeadLettersDown: they go on waiting."""
        if not self.waiting:
            return []
        self._letters.write([dead.letter for dead in self.waiting])
        buried, self.waiting = self.waiting, []
        for dead in buried:
            self._books.bury(dead.letter)
        return buried
