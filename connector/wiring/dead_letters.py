"""What lies in the dead letters: counted by cause, and one by one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from connector import wiring
from connector.adapters.dead_letters_box import LetterBox
from connector.adapters.masking import MASK, Masker
from connector.core.change import Change, Value
from connector.core.decode import Decoder
from connector.core.letters import ALL, Choice, Filed, Group
from connector.core.model import Missing, Record, Reject, Skip
from connector.core.targets import BODIES, targets
from connector.settings import Settings
from connector.settings.topic import TopicSettings

__all__ = ["ALL", "Choice", "Group", "Shown", "groups", "opened", "show"]

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


def groups(settings: Settings, choice: Choice) -> list[Group]:
    """By destination, topic and cause, the largest first. Raises BrokerDown, ConfigError."""
    with opened(settings) as box:
        box.look(choice)
        return box.index.groups()


def show(settings: Settings, choice: Choice, limit: int, *, reveal: bool) -> list[Shown]:
    """At most so many letters. Raises BrokerDown, RegistryDown, ConfigError."""
    schemas = wiring.registry(settings)
    try:
        readers = {topic.name: (topic, wiring.decoder(topic, schemas)) for topic in settings.topics}
        with opened(settings) as box:
            box.look(choice)
            read = _Reading(readers, reveal=reveal)
            return [read.shown(one) for one in islice(box.letters(), limit)]
    finally:
        if schemas:
            schemas.close()


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
