"""Bytes → raw value, each by its own writer's schema; what is made of a schema is made once per id.

Ids, not subjects and never "latest": several writers' schemas stand in one partition (cdc 4).
"""

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from connector.core.avro import Schema, SchemaInvalid, parse
from connector.core.bounds import longest
from connector.core.generated import ALL, Reader, Wanted
from connector.core.model import Reject, Skip
from connector.core.reader import reader
from connector.core.wire import HEAD, Headers, Part, frame, stranger

MAX_BYTES: Final = 16 * 2**20
"""The longest message that is decoded at all; Kafka's own default limit is 1 MiB."""
KEPT: Final = 1000
"""Writer schemas whose plans are kept; more begin anew (a plan is made in milliseconds)."""

P = TypeVar("P")


class Writers(Protocol):
    """What of `ports.Schemas` is needed here."""

    def writer(self, schema_id: int, topic: str) -> str | None:
        """The schema of an id, None = there is none; raises RegistryDown."""


@runtime_checkable
class Newest(Protocol):
    """What a registry may know besides; a fixed set of schemas does not."""

    def newest(self, topic: str) -> str | None:
        """The newest value schema registered for a topic, None without one; raises RegistryDown."""


@runtime_checkable
class Frugal(Protocol):
    """A plan that does not use all of a message."""

    wanted: Wanted

    def fused(self) -> Reader | None:
        """A faster reader than that of `wanted`, which gives up more often; None without one."""


class _Entry(Struct, frozen=True):
    """What is known of one writer schema. plan: what `make` made of it. fused: see Frugal."""

    read: Reader
    fused: Reader | None
    longest: int
    plan: Any


class Plans(Generic[P]):
    """The writer schemas of one topic's keys or values, by id."""

    def __init__(
        self, schemas: Writers, topic: str, part: Part, make: Callable[[Schema], P | Skip | Reject]
    ) -> None:
        self._schemas, self._topic, self._part, self._make = schemas, topic, part, make
        self._known: dict[int, _Entry | Skip | Reject] = {}
        self._frames: dict[bytes, _Entry] = {}

    def read(self, data: bytes, headers: Headers) -> tuple[P, Any] | Skip | Reject:
        """The schema's plan and the raw value; a Skip if that holds for all of its messages."""
        if headers or (entry := self._frames.get(data[:HEAD])) is None:
            return self._by_frame(data, headers)
        return _read(entry, data, HEAD)

    def _by_frame(self, data: bytes, headers: Headers) -> tuple[P, Any] | Skip | Reject:
        framed = frame(data, self._part, headers)
        if isinstance(framed, Reject):
            return framed
        schema_id, start = framed
        entry = self._known.get(schema_id)
        if entry is None:
            schema = self._schemas.writer(schema_id, self._topic)
            if schema is None:
                return stranger(data, self._part, headers, schema_id)
            entry = self._learn(schema_id, _entry(schema, f"schema {schema_id}", self._make))
        if not isinstance(entry, _Entry):
            return entry
        if start == HEAD:
            self._frames[data[:HEAD]] = entry
        return _read(entry, data, start)

    def _learn(self, schema_id: int, entry: _Entry | Skip | Reject) -> _Entry | Skip | Reject:
        if len(self._known) >= KEPT:
            self._known.clear()
            self._frames.clear()
        self._known[schema_id] = entry
        return entry


class FixedPlan(Generic[P]):
    """One schema for all values, which are bare Avro. Raises SchemaInvalid."""

    def __init__(self, schema: str, make: Callable[[Schema], P | Skip | Reject]) -> None:
        self._entry = _entry(schema, "the fixed schema", make)
        if isinstance(self._entry, Reject):
            raise SchemaInvalid(self._entry.detail)

    def read(self, data: bytes, headers: Headers) -> tuple[P, Any] | Skip | Reject:
        """As Plans.read."""
        if not data:
            return Reject("empty_value", "the value has no bytes at all (a tombstone is null, not empty)")
        if not isinstance(self._entry, _Entry):
            return self._entry
        found: tuple[P, Any] | Reject = _read(self._entry, data, 0)
        if isinstance(found, Reject) and isinstance(frame(data, "value", headers), tuple):
            hint = f"{found.detail} (its first {HEAD} bytes look like a registry's framing)"
            return Reject(found.cause, hint)
        return found


def _entry(text: str, name: str, make: Callable[[Schema], P | Skip | Reject]) -> _Entry | Skip | Reject:
    try:
        schema = parse(text)
        plan = make(schema)
        if isinstance(plan, Skip | Reject):
            return plan
        if not isinstance(plan, Frugal):
            return _Entry(reader(schema, ALL), None, min(MAX_BYTES, longest(schema)), plan)
        read, most = reader(schema, plan.wanted), min(MAX_BYTES, longest(schema))
        return _Entry(read, plan.fused(), most, plan)
    except SchemaInvalid as error:
        return Reject("schema_invalid", f"{name} is {error}")


def _read(entry: _Entry, data: bytes, start: int) -> tuple[Any, Any] | Reject:
    if len(data) > entry.longest:
        return Reject("too_large", f"{len(data)} bytes; of this schema at most {entry.longest} are decoded")
    if entry.fused is not None:
        try:
            value, end = entry.fused(data, start)
            if end == len(data):
                return entry.plan, value
        except Exception:  # noqa: BLE001, S110 - the plain form decides, and says what is wrong
            pass
    try:
        value, end = entry.read(data, start)
    except EOFError:
        return Reject("truncated", "the bytes end before the value that their schema describes")
    except Exception as error:  # noqa: BLE001 - what a reader makes of hostile bytes costs one record
        return Reject("malformed", f"the bytes are not of their schema ({type(error).__name__})")
    if end != len(data):
        return Reject("trailing_bytes", f"{len(data) - end} bytes follow the value that the schema describes")
    return entry.plan, value
