"""What flows through a lane: record → change → event, each carrying the position it frees when settled.

`gc=False` here and in its neighbours: these structs cannot be part of a cycle, and as there are tens of
thousands of them alive, walking them cost the garbage collector a fifth of the whole pipeline.
Those that are told apart for each record are final, and told apart by `type(x) is`: a no of `isinstance`
costs 120 ns, since a Struct's class has a metaclass, and a dozen of them were a fiftieth of all.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, final

from msgspec import Struct


class Missing(StrEnum):
    """Why a column has no value although its record has the column."""

    UNAVAILABLE = "unavailable"
    """An unchanged TOAST value that Debezium did not get: not sent, never null."""
    UNREPRESENTABLE = "unrepresentable"
    """Infinity, NaN or a year outside 1..9999: no CRM field can hold it."""


UNAVAILABLE: Final = Missing.UNAVAILABLE
UNREPRESENTABLE: Final = Missing.UNREPRESENTABLE


class Position(Struct, frozen=True, gc=False):
    """Where a record stands, and in which assignment of its partition it was read.

    `lease` counts the assignments of this process: a position of an older assignment frees nothing,
    so a late answer can settle the ledger but never commit a partition that was given away.
    """

    topic: str
    partition: int
    offset: int
    lease: int = 0

    @property
    def place(self) -> tuple[str, int]:
        """Its partition."""
        return self.topic, self.partition


UNREADABLE: Final = ("crm-connector.headers", b"unreadable")
"""Stands for the headers of a record of which one has a name that is not UTF-8: then none can be read."""


HEADER: Final = 150
"""Bytes of objects around the bytes of a header."""


class Record(Struct, frozen=True, gc=False):
    """One Kafka record, undecoded. `timestamp_ms` is Kafka's (ms since the epoch; -1 = none)."""

    position: Position
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")

    @property
    def held(self) -> int:
        """Bytes of all that it holds, what the memory budget counts."""
        size = len(self.key or b"") + len(self.value or b"")
        if self.headers:
            size += sum(HEADER + len(name) + len(value or b"") for name, value in self.headers)
        return size


class Op(StrEnum):
    """Debezium's op, and its equivalent in the other envelopes (a plain record is an UPDATE)."""

    CREATE = "c"
    UPDATE = "u"
    DELETE = "d"
    READ = "r"


CREATE: Final = Op.CREATE
UPDATE: Final = Op.UPDATE
DELETE: Final = Op.DELETE
READ: Final = Op.READ
"""The same by names of this module: in Python 3.11 a look into an enum takes 65 ns, some twenty of them 2 %
of a record."""


class Origin(Struct, frozen=True, gc=False):
    """Where a change comes from, as far as its record tells.

    clock: Debezium's `source.name` (None: the topic is the clock). lsn: position in the WAL, an int.
    ts_ms: the database's time of the change. snapshot: initial or incremental.
    moved: "to" on the delete, "from" on the create of a primary-key change.
    """

    clock: str | None = None
    table: str | None = None
    lsn: int | None = None
    ts_ms: int | None = None
    snapshot: bool = False
    moved: Literal["to", "from"] | None = None


class Version(Struct, frozen=True, gc=False):
    """What RULES 1 compares. `declared` is the value of a configured `version` field, else None.

    The clock is `source.name`, else "<topic>@<topic id>"; lsn and ts_ms are never compared with each other.
    floor: only of a row that a snapshot read and whose lsn is where that began: the highest lsn that was
    streamed before, -1 without one. What is streamed from there to the row's lsn may be newer than the row.
    """

    clock: str
    lsn: int | None
    ts_ms: int | None
    declared: int | str | None
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    floor: int | None = None


class Kind(StrEnum):
    """What happened to the entity. A destination's `refine` may change an order's kind (RULES 7)."""

    ORDER_CREATED = "order_created"
    ORDER_UPDATED = "order_updated"
    ORDER_DELIVERED = "order_delivered"
    ORDER_CANCELLED = "order_cancelled"
    CONTACT_UPSERTED = "contact_upserted"
    CONTACT_DELETED = "contact_deleted"
    CONTACT_UNSUBSCRIBED = "contact_unsubscribed"
    CUSTOM = "custom"


ORDER_CREATED: Final = Kind.ORDER_CREATED
ORDER_UPDATED: Final = Kind.ORDER_UPDATED
ORDER_CANCELLED: Final = Kind.ORDER_CANCELLED
CONTACT_UPSERTED: Final = Kind.CONTACT_UPSERTED
"""As above."""

Entity = Literal["order", "contact", "event"]
Scalar = str | int | float | bool | None
Json = Scalar | list["Json"] | Mapping[str, "Json"]


@final
class Skip(Struct, frozen=True, gc=False):
    """A record that a rule filters: counted as `filtered`, settled at once. `rule` names it."""

    rule: str


@final
class Reject(Struct, frozen=True, gc=False):
    """A record that costs itself: a dead letter. `cause` is a short stable word, `detail` one sentence
    without values of the record (names of columns and types are allowed, personal data never)."""

    cause: str
    detail: str
