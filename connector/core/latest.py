"""The latest that a source says of an entity, as far as a ledger has to be asked about it. Pure."""

from typing import Final

from msgspec import Struct

from connector.core.claims import Want
from connector.core.events import Body, Contact, Event, Fact, Order
from connector.core.heads import Head
from connector.core.judge import compare
from connector.core.model import Entity, Kind, Op, Position, Record, Reject, Version

_BLANK: Final[dict[Entity, Body]] = {"order": Order(""), "contact": Contact(), "event": Fact()}


class Latest(Struct, frozen=True, array_like=True):
    """One record of a topic, without its content.

    key: of its entity; None where it cannot be told. fault: why the record costs itself (cause, detail): then
    nothing is known of its version. time_ms: Kafka's.
    """

    entity: Entity
    key: str | None
    partition: int
    offset: int
    time_ms: int
    kind: Kind = Kind.CUSTOM
    digest: bytes = b""
    core_digest: bytes = b""
    version: Version | None = None
    source_ms: int = -1
    fault: tuple[str, str] | None = None

    @property
    def slot(self) -> str:
        """Of whom it is the latest; a record without a key stands for itself."""
        return f"@{self.partition}/{self.offset}" if self.key is None else f"={self.key}"

    def want(self, topic: str) -> Want:
        """To ask a ledger what it would say to it now, its contact aside."""
        position = Position(topic, self.partition, self.offset)
        event = Event(
            self.entity, self.kind, self.key or "", _BLANK[self.entity], self.digest, self.core_digest,
            self.version, position, Op.UPDATE, source_ms=self.source_ms,
        )  # fmt: skip
        return Want(event)


def latest(event: Event, record: Record) -> Latest:
    """Of a record that can be sent."""
    at = record.position
    return Latest(
        event.entity, event.key, at.partition, at.offset, record.timestamp_ms, event.kind, event.digest,
        event.core_digest, event.version, event.source_ms,
    )  # fmt: skip


def faulty(entity: Entity, key: str | None, reject: Reject, record: Record) -> Latest:
    """Of a record that costs itself."""
    at = record.position
    fault = reject.cause, reject.detail
    return Latest(entity, key, at.partition, at.offset, record.timestamp_ms, fault=fault)


def is_later(one: Latest, other: Latest) -> bool:
    """Whether `one` replaces `other`, of the same entity: by version (RULES 1), else by its place."""
    if one.version is not None and other.version is not None:
        head = Head(other.version, ties=(other.digest,))
        return compare(head, one.version, one.digest) in {"newer", "clock"}
    if one.partition == other.partition:
        return one.offset > other.offset
    return one.time_ms > other.time_ms


def is_past(head: Head | None, topic: str, one: Latest) -> bool:
    """Whether what was accepted comes after a record of which no version is known."""
    seen = None if head is None else head.version
    if seen is None:
        return False
    if (seen.topic, seen.partition) == (topic, one.partition):
        return seen.offset >= one.offset
    return seen.timestamp_ms > one.time_ms
