"""Digests of a mapped event's content (RULES 2): what tells "unchanged" from "changed".

The content is the canonical JSON of the body: fields in the order of the struct, nested keys sorted, times in
UTC, money in its one spelling (convert.money). It is hashed once: SHA-256 cut to 16 bytes, faster here
than BLAKE2b where the processor has SHA instructions (1.2 against 1.9 µs for 940 bytes).
"""

from datetime import datetime
from hashlib import sha256
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Encoder

from connector.core.events import Body, Order, Text

_encode = Encoder(order="deterministic").encode
_begin = sha256().copy
"""A new hash: half a microsecond cheaper than to have OpenSSL look for the algorithm each time."""
_TOTAL: Final = b',"totalCost":'


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
    if type(body) is not Order:
        return sha256(content).digest()[:16], b""
    # An order's JSON begins with its head's: what follows is the core, and both are encoded only once.
    end = head_size(body) if body.total_cost is UNSET else content.index(_TOTAL)
    core = _begin()
    core.update(content[end:])
    core.update(body.external_order_id.encode())
    core_digest = core.digest()[:16]
    core.update(content[:end] + b"}")
    return core.digest()[:16], core_digest


def head_size(order: Order) -> int:
    """Bytes of an order's JSON before its core: the plain form of the search for what comes next, totalCost.

    Nothing in a text looks like a field's name: its quotes are escaped.
    """
    head = _Head(order.external_order_id, order.status, order.raw_status, order.date, order.occurred)
    return len(_encode(head)) - 1


def gone(key: str) -> bytes:
    """The digest of a delete, whatever its row still tells: a delete and its tombstone alone are the same.

    Raises UnicodeEncodeError.
    """
    return sha256(b"gone:" + key.encode()).digest()[:16]
