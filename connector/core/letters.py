"""A record that cost itself (RULES 10), and which of those that did an operator means."""

from msgspec import Struct

from connector.core.model import Record


class Letter(Struct, frozen=True):
    """A dead letter (RULES 10). stage: decode | map | check | deliver."""

    record: Record
    topic_id: str
    destination: str
    cause: str
    detail: str
    stage: str
    key: str | None = None
    attempts: int = 0


class Omitted(Struct, frozen=True):
    """What is known of a value, and of headers, that were too large to be written. sha256: in hex."""

    size: int
    sha256: str


class Filed(Struct, frozen=True):
    """A letter as its topic has it.

    id: the message's key, the position it was read at: the same letter again has the same. place: partition
    and offset in the dead-letter topic. omitted: its value is only at that position (then `value` is None).
    """

    id: str
    place: tuple[int, int]
    letter: Letter
    omitted: Omitted | None = None

    @property
    def time_ms(self) -> int:
        """When its record was written, ms since the epoch."""
        return self.letter.record.timestamp_ms


class Choice(Struct, frozen=True):
    """The letters an operator means: of each that is named, one has to fit; nothing named: all.

    keys: of entities. since_ms, until_ms: of the record's own time; the end is not included.
    """

    ids: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    causes: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None

    def holds(self, filed: Filed) -> bool:
        """Whether this one is meant."""
        letter = filed.letter
        named = (
            (self.ids, filed.id),
            (self.destinations, letter.destination),
            (self.topics, letter.record.position.topic),
            (self.causes, letter.cause),
            (self.keys, letter.key),
        )
        return all(not chosen or value in chosen for chosen, value in named) and self._in_time(filed.time_ms)

    def _in_time(self, at_ms: int) -> bool:
        if self.since_ms is not None and at_ms < self.since_ms:
            return False
        return self.until_ms is None or at_ms < self.until_ms


class Discarded(Struct, frozen=True):
    """Letters that an operator dropped for one reason. first, last: when, seconds since the epoch."""

    cause: str
    reason: str
    count: int
    first: int
    last: int


class Group(Struct, frozen=True):
    """Letters of one destination, topic and cause. oldest_ms, newest_ms: of their records' times.

    detail: the sentence of one of them.
    """

    destination: str
    topic: str
    cause: str
    count: int
    oldest_ms: int
    newest_ms: int
    detail: str
