"""Digests of a mapped event's content (RULES 2): what tells "unchanged" from "changed".

The content is the canonical JSON of the body: fields in the order of the struct, nested keys sorted, times in
UTC, money in its one spelling (convert.money). It is hashed once: SHA-256 cut to 16 bytes, faster here
than BLAKE2b where the processor has SHA instructions (1.2 against 1.9 µs for 940 bytes).
"""

from datetime import datetime
from hashlib import sha256

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Encoder
from msgspec.structs import replace

from connector.core.events import Contact, Order, Text

_encode = Encoder(order="deterministic").encode


class _Head(Struct, frozen=True):
    """What a change of status alone changes."""

    status: Text
    raw_status: Text
    date: datetime | UnsetType | None


def digests(body: Order | Contact) -> tuple[bytes, bytes]:
    """(digest, core digest), 16 bytes each; of a contact, whose core means nothing, the second is b"".

    Raises UnicodeEncodeError for a text with a lone surrogate, which no encoding can send.
    """
    if isinstance(body, Contact):
        return sha256(_encode(body)).digest()[:16], b""
    core = sha256(_encode(replace(body, status=UNSET, raw_status=UNSET, date=UNSET)))
    core_digest = core.digest()[:16]
    core.update(_encode(_Head(body.status, body.raw_status, body.date)))
    return core.digest()[:16], core_digest
