"""What lies in the dead letters: counted by cause, and one by one."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from connector import wiring
from connector.adapters.dead_letters import KafkaDeadLetters
from connector.adapters.dead_letters_box import LetterBox
from connector.adapters.kafka_range import WAIT
from connector.adapters.ledger_discards import PostgresDiscards, SqliteDiscards
from connector.adapters.masking import MASK, Masker
from connector.core.change import Change, Value
from connector.core.decode import Decoder
from connector.core.letters import Choice, Discarded, Filed, Group
from connector.core.model import Missing, Record, Reject, Skip
from connector.core.targets import BODIES, targets
from connector.ports.archive import Discards
from connector.settings import Settings
from connector.settings.topic import TopicSettings
from connector.wiring.edges import postgres

__all__ = [
    "Choice",
    "Discarded",
    "Group",
    "Shown",
    "discard",
    "discarded",
    "groups",
    "look",
    "opened",
    "show",
]

_OPEN: Final = (
    "externalOrderId", "eventId", "eventType", "status", "totalCost", "currency", "date", "occurred",
    "shipping", "discount", "taxes", "storeId", "deliveryMethod", "paymentMethod", "source",
)  # fmt: skip
"""Fields that tell nothing of a person: their columns are shown, as far as no e-mail or phone is in them."""


class Shown(Struct, frozen=True):
    """A letter for people. row: the decoded columns, None where they cannot be decoded; `op` as there.

    time_ms: the record's. bytes: of its value, None for null.
    """

    id: str
    destination: str
    topic: str
    partition: int
    offset: int
    time_ms: int
    cause: str
    detail: str
    stage: str
    attempts: int
    key: str | None
    bytes: int | None
    op: str | None = None
    row: dict[str, Any] | None = None


@contextmanager
def opened(settings: Settings) -> Iterator[LetterBox]:
    """Raises BrokerDown, ConfigError."""
    box = LetterBox(settings.kafka_client(), settings.dead_letters.topic)
    try:
        yield box
    finally:
        box.close()


def look(settings: Settings, box: LetterBox, choice: Choice, *, wait: float = WAIT) -> int:
    """Find the letters that are meant, but for those that were discarded; how many.

    Raises BrokerDown, ConfigError, LedgerDown, Fatal. A process that read a record
    once more may have written its letter anew. wait: seconds until Kafka counts as down.
    """
    if box.look(choice, wait) and (settings.ledger.is_postgres or settings.ledger.sqlite_path.exists()):
        with discards(settings) as store:
            for page in box.index.ids():
                box.index.drop(store.known([one for one, _ in page]))
    return len(box.index)


@contextmanager
def discards(settings: Settings) -> Iterator[Discards]:
    """Raises ConfigError, LedgerDown, Fatal."""
    path = settings.ledger.sqlite_path if not settings.ledger.is_postgres else None
    store = SqliteDiscards(path) if path else PostgresDiscards(postgres(settings))
    try:
        yield store
    finally:
        store.close()


def groups(settings: Settings, choice: Choice) -> list[Group]:
    """By destination, topic and cause, the largest first. Raises BrokerDown, ConfigError, LedgerDown."""
    with opened(settings) as box:
        look(settings, box, choice)
        return box.index.groups()


def discarded(settings: Settings) -> list[Discarded]:
    """What was discarded, by cause and reason. Raises ConfigError, LedgerDown, Fatal."""
    if not settings.ledger.is_postgres and not settings.ledger.sqlite_path.exists():
        return []
    with discards(settings) as store:
        return store.sums()


def discard(settings: Settings, choice: Choice, reason: str, agreed: Callable[[list[Group]], bool]) -> int:
    """Drop the letters that are meant, once the ledger has recorded it; how many.

    agreed: asked first, with what they are. Raises BrokerDown, ConfigError, LedgerDown, DeadLettersDown.
    """
    with opened(settings) as box, discards(settings) as store:
        if not look(settings, box, choice) or not agreed(box.index.groups()):
            return 0
        letters = KafkaDeadLetters(settings.kafka_client(), settings.dead_letters.topic)
        try:
            for page in box.index.ids():
                store.add(page, reason, int(time.time()))
                letters.remove([one for one, _ in page])
        finally:
            letters.close()
        return len(box.index)


def show(settings: Settings, choice: Choice, limit: int, *, reveal: bool) -> list[Shown]:
    """At most so many letters. Raises BrokerDown, RegistryDown, ConfigError."""
    schemas = wiring.registry(settings)
    readers = {topic.name: (topic, wiring.decoder(topic, schemas)) for topic in settings.topics}
    with opened(settings) as box:
        look(settings, box, choice)
        read = _Reading(readers, reveal=reveal)
        return [read.shown(one) for one in islice(box.letters(), limit)]


class _Reading:
    def __init__(self, topics: Mapping[str, tuple[TopicSettings, Decoder]], *, reveal: bool) -> None:
        self._topics, self._reveal = topics, reveal
        self._masker = Masker()

    def shown(self, one: Filed) -> Shown:
        letter, record = one.letter, one.letter.record
        at, size = record.position, None if record.value is None else len(record.value)
        op, row = self._decoded(record) if one.omitted is None else (None, None)
        return Shown(
            one.id, letter.destination, at.topic, at.partition, at.offset, one.time_ms, letter.cause,
            letter.detail, letter.stage, letter.attempts, self._key(letter.key),
            one.omitted.size if one.omitted else size, op, row,
        )  # fmt: skip

    def _key(self, key: str | None) -> str | None:
        return key if key is None or self._reveal else self._masker.text(key)

    def _decoded(self, record: Record) -> tuple[str | None, dict[str, Any] | None]:
        if record.position.topic not in self._topics:
            return None, None
        topic, decoder = self._topics[record.position.topic]
        change = decoder.decode(record)
        if isinstance(change, Skip | Reject):
            return None, None
        return change.op.value, self._row(topic, change)

    def _row(self, topic: TopicSettings, change: Change) -> dict[str, Any]:
        shown = set(change.row) if self._reveal else open_columns(topic, change.row)
        return {
            name: _told(value) if self._reveal else self._veiled(value, shown=name in shown)
            for name, value in change.values().items()
        }

    def _veiled(self, value: Value, *, shown: bool) -> Any:
        if value is None or isinstance(value, Missing):
            return _told(value)
        return (
            self._masker.value(_told(value), "bytes" if isinstance(value, Decimal) else "") if shown else MASK
        )


def open_columns(topic: TopicSettings, columns: Mapping[str, object]) -> set[str]:
    """The columns whose values tell nothing of a person."""
    fields, known = topic.rules().fields, targets(BODIES[topic.entity])
    paths = {known[name].path(fields, columns) for name in _OPEN if name in known}
    return {column for column in columns if column in paths}


def _told(value: Value) -> Any:
    """As JSON has it."""
    if isinstance(value, Missing):
        return f"({value.value})"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _told(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_told(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
