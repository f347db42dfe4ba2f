"""Digests of a mapped event's content (RULES 2): what tells "unchanged" from "changed".

The content is the canonical JSON of the body: fields in the order of the struct, nested keys sorted, times in
UTC, money in its one spelling (convert.money). It is hashed once: SHA-256 cut to 16 bytes, faster here
than BLAKE2b where the processor has SHA instructions (1.2 against 1.9 µs for 940 bytes).
"""

from datetime import datetime
from hashlib import sha256

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Encoder

from connector.core.events import Body, Order, Text

_encode = Encoder(order="deterministic").encode


class _Head(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """The first fields of an order: its id, and what a change of status alone changes."""

    external_order_id: str
    status: Text = UNSET
    raw_status: Text = UNSET
    date: datetime | UnsetType | None = UNSET
    occurred: datetime | UnsetType | None = UNSET


def digests(body: Body) -> tuple[bytes, bytes]:
    """(digest, core digest), 16 bytes each; of a contact, whose core means nothing, the second is b"".

    Raises UnicodeEncodeError for a text with a lone surrogate, which no encoding can send.
    """
    content = _encode(body)
    if not isinstance(body, Order):
        return sha256(content).digest()[:16], b""
    head = _encode(_Head(body.external_order_id, body.status, body.raw_status, body.date, body.occurred))
    # An order's JSON begins with its head's: what follows is the core, and both are encoded only once.
    core = sha256(content[len(head) - 1 :])
    core.update(body.external_order_id.encode())
    core_digest = core.digest()[:16]
    core.update(head)
    return core.digest()[:16], core_digest


def gone(key: str) -> bytes:
    """The digest of a delete, whatever its row still tells: a delete and its tombstone alone are the same.

    Raises UnicodeEncodeError.
    """
    return sha256(b"gone:" + key.encode()).digest()[:16]
