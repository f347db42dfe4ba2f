"""Short makers of events for tests of judging and remembering."""

import hashlib

from connector.core.events import Contact, Event, Fact, Order
from connector.core.model import Kind, Position, Version

TOPIC = "shop.orders"


def version(
    lsn: int | None = None, ts: int | None = None, *, declared: int | str | None = None, clock: str = "shop",
    topic: str = TOPIC, partition: int = 0, offset: int = 0, timestamp: int = 0, snapshot: bool = False,
) -> Version:  # fmt: skip
    """A version; what is not given is not there (offset and timestamp: 0)."""
    floor = -1 if snapshot and lsn is not None else None
    return Version(clock, lsn, ts, declared, topic, partition, offset, timestamp, floor)


def order(
    key: str, at: Version | None, content: str = "", *, core: str = "", row: str | None = None
) -> Event:
    """A change of an order. Equal contents have equal digests; by default each version has its own."""
    position = Position(at.topic, at.partition, at.offset) if at else None
    digest = _digest(content or repr(at))
    core_digest = _digest(core) if core else b""
    return Event("order", Kind.ORDER_UPDATED, key, Order(key), digest, core_digest, at, position, row_key=row)


def contact(
    key: str, at: Version | None, content: str = "", *, body: Contact | None = None, deleted: bool = False,
    unsubscribed: bool = False, row: str | None = None,
) -> Event:  # fmt: skip
    """A change of a contact; without version: one made from an order (content: refreshed)."""
    kind = Kind.CONTACT_DELETED if deleted else Kind.CONTACT_UPSERTED
    kind = Kind.CONTACT_UNSUBSCRIBED if unsubscribed else kind
    digest = _digest(f"{kind}{content or repr(at)}") if at or content else b""
    return Event("contact", kind, key, body or Contact(), digest, b"", at, None, row_key=row)


def fact(key: str, at_ms: int = -1) -> Event:
    """A custom event."""
    return Event("event", Kind.CUSTOM, key, Fact(event_type="seen"), b"", b"", None, None, source_ms=at_ms)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
