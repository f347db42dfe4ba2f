"""Record → change: framing, the writer's schema, the bytes, the envelope, the key. One Decoder per topic.

Nothing a record holds raises: it gives a Change, a Skip that names its rule, or a Reject that names its
cause. Only RegistryDown comes out, and then the same record is to be given again later.
"""

from typing import Any, Final, Protocol

from connector.core.avro import Schema, SchemaInvalid, parse
from connector.core.change import Change, Shape
from connector.core.columns import Plan
from connector.core.envelope import Decoded, Key, Open, delete, opener, tells
from connector.core.events import Contact, Fact, Order
from connector.core.keys import Keys, opaque
from connector.core.model import DELETE, UNREADABLE, Origin, Record, Reject, Skip
from connector.core.origin import flat_origin
from connector.core.plans import MAX_BYTES, FixedPlan, Newest, Plans, Writers
from connector.core.rules import TopicRules
from connector.core.wire import Headers

_DELETES: Final = 4096
_NO_HEADERS: Final[Headers] = {}
_ROWS: Final = frozenset((dict, Order, Contact, Fact))


class Mapped(Protocol):
    """What a decoder may know of how its changes will be mapped, to make no more of them than that takes."""

    uses_keys: bool
    """Of what is no delete."""

    def plan(self, shape: Shape) -> Plan | None:
        """How the rows of a shape are mapped, None: they are not."""


class Decoder:
    """Decodes the records of one topic, with a registry's schemas or with one fixed schema.

    schemas: a registry; values are framed. fixed: the text of a schema; values are bare Avro (raises
    SchemaInvalid if it is none). Exactly one of them. mapper: with it, rows are read straight into its bodies
    where that is possible, and keys only where it uses them; without it, into rows.

    It remembers the keys of the last deletes (bounded), to tell a delete's own tombstone, which follows it
    in the same partition, from a lone one, which is the delete (RULES 8). A restart between the two makes
    the tombstone a second delete with the same content, by a record without lsn: "unchanged" (RULES 1).
    """

    def __init__(
        self,
        rules: TopicRules,
        schemas: Writers | None = None,
        *,
        fixed: str | None = None,
        mapper: Mapped | None = None,
    ) -> None:
        plan = mapper.plan if mapper is not None else None

        def open_by(schema: Schema) -> Open | Skip | Reject:
            return opener(schema, rules.envelope, full=rules.replica_identity == "full", plan=plan)

        if fixed is not None:
            self._plans: Plans[Open] | FixedPlan[Open] = FixedPlan(fixed, open_by)
        elif schemas is not None:
            self._plans = Plans(schemas, rules.name, "value", open_by)
        else:
            raise ValueError("a Decoder needs schemas or a fixed schema")
        self._keys = Keys(schemas, rules.name)
        self._keyless = mapper is not None and not mapper.uses_keys
        self._deleted: dict[tuple[int, bytes | None], None] = {}
        self._source = _Source(rules, schemas)

    def decode(self, record: Record) -> Decoded:
        """What a record says. Raises RegistryDown only."""
        headers = dict(record.headers) if record.headers else _NO_HEADERS
        if headers and UNREADABLE in record.headers:
            return Reject("malformed", "the name of a header is not UTF-8: none of its headers can be read")
        data = record.value
        if data is None:
            return self._tombstone(record, headers)
        if len(data) > MAX_BYTES:
            return Reject("too_large", f"{len(data)} bytes; at most {MAX_BYTES} are decoded")
        found = self._plans.read(data, headers)
        if not isinstance(found, tuple):
            return found
        return self._opened(record, headers, *found)

    def _opened(self, record: Record, headers: Headers, open_: Open, message: Any) -> Decoded:
        if type(message) not in _ROWS:
            return Reject("not_a_record", "the value is null inside its schema")
        key: Key | Reject | None = None
        if not self._keyless or open_.may_delete(message, headers):
            key = self._keys.read(record.key, headers)
        change = open_(message, headers, opaque(record.key) if type(key) is Reject else key)
        if type(change) is not Change:
            return change
        if change.op is DELETE and type(key) is Reject:
            return key  # nothing else of a delete may be used
        self._source.see(key, change.origin)
        self._remember(record, change)
        return change

    def _remember(self, record: Record, change: Change) -> None:
        if change.op is DELETE:
            self._deleted[record.position.partition, record.key] = None
            if len(self._deleted) > _DELETES:
                del self._deleted[next(iter(self._deleted))]
        elif self._deleted:
            self._deleted.pop((record.position.partition, record.key), None)

    def _tombstone(self, record: Record, headers: Headers) -> Decoded:
        if record.key is None:
            return Skip("keyless_tombstone")  # after the delete of a row without primary key (cdc 23)
        if (record.position.partition, record.key) in self._deleted:
            return Skip("tombstone")
        key = self._keys.read(record.key, headers)
        if isinstance(key, Reject):
            return key
        # The flattening puts its metadata into a tombstone's headers where it has no row to put it in.
        clock, table = self._source.of(key)
        origin = flat_origin(DELETE, {"__name": clock, "__table": table}, headers)
        return delete(origin, key)


class _Source:
    """What a topic's changes call their clock and table, for tombstones, which name neither.

    A tombstone must not seem to come from another clock or table than its row (RULES 1 and 8). Where no
    change has been seen since the start, the newest schema of the topic tells whether its changes name them.
    Several tables may share a topic, and primary keys: which of them it is, is told by the key's schema.
    """

    def __init__(self, rules: TopicRules, schemas: object) -> None:
        self._topic = rules.name
        self._schemas = schemas if isinstance(schemas, Newest) else None
        named = rules.envelope == "debezium"
        asks = rules.envelope in ("auto", "flat") and self._schemas is not None
        self._tells = None if asks else (named, named)
        self._seen: dict[tuple[str, str] | None, Origin] = {}
        """The last change's by what the schema of its key is called."""

    def see(self, key: Key | Reject | None, origin: Origin) -> None:
        """A change with this key comes from there."""
        self._seen[key.source if type(key) is Key else None] = origin

    def of(self, key: Key | None) -> tuple[str | None, str | None]:
        """Clock and table of a tombstone, None = its changes name none. Raises RegistryDown."""
        named = key.source if key else None
        seen = self._seen.get(named)
        if seen is not None:
            return seen.clock, seen.table
        if self._seen:
            other = next(iter(self._seen.values()))
            clock, table = named or (other.clock, other.table)
            return other.clock and clock, other.table and table
        if self._tells is None:
            self._tells = self._by_newest()
        clock, table = named or (None, None)
        return clock if self._tells[0] else None, table if self._tells[1] else None

    def _by_newest(self) -> tuple[bool, bool]:
        newest = self._schemas.newest(self._topic) if self._schemas else None
        try:
            return tells(parse(newest)) if newest else (False, False)
        except SchemaInvalid:
            return False, False
