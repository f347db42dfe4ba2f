"""Envelopes: what a decoded message says of a change. Debezium's own, its flattened form, and plain rows.

Deletes give their key's columns and nothing else, in every form: nothing in a record tells a `before` that
is complete under REPLICA IDENTITY FULL from phantom values (zero values and defaults, cdc 21); an earlier
update with a `before` does not either, as ALTER TABLE changes it at any moment without a new schema (cdc 20).
So the row that was is believed only where the configuration says so (`replica_identity: full`); else the
ledger keeps what a delete lacks (RULES 8). A tombstone that is read alone after a restart tells its key only.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from connector.core.avro import Schema, plain_names
from connector.core.change import Change, Shape, Value
from connector.core.columns import Plan
from connector.core.events import Body
from connector.core.fused import BODY, fuse
from connector.core.generated import ALL, Reader, Wanted
from connector.core.logical import columns
from connector.core.model import DELETE, UPDATE, Op, Origin, Reject, Skip
from connector.core.origin import IN_HEADERS, NOWHERE, SOURCE, flat_origin, op_of, origin_of, text
from connector.core.rules import Envelope
from connector.core.wire import Headers

Row = dict[str, Any]
Decoded = Change | Skip | Reject
PlanOf = Callable[[Shape], Plan | None]
"""How the rows of a shape will be mapped, so that they can be read straight into bodies (`fused`)."""


class Key(Struct, frozen=True, gc=False):
    """A record's key: raw by its own schema's columns (none where it is no Avro record), and converted.

    source: (source.name, source.table) by the schema's name, which is `<name>.<schema>.<table>.Key`.
    """

    row: Mapping[str, object]
    shape: Shape
    values: Mapping[str, Value]
    source: tuple[str, str] | None = None


class Open(Protocol):
    """How the messages of one writer schema are opened."""

    def __call__(self, message: Any, headers: Headers, key: Key | None, /) -> Decoded:
        """(raw message, headers, key) → what it says. May take the message apart."""

    def may_delete(self, message: Any, headers: Headers, /) -> bool:
        """Whether it may be a delete, which is nothing without its key. Asked before it is opened."""


NO_COLUMNS: Final = Shape({})
_NO_ROW: Final[Row] = {}
_ENVELOPE: Final = frozenset(("op", "source", "after"))
_NO_ROW_CHANGES: Final = {"t": "truncate", "m": "logical_message"}
_SIDE: Final = {
    "TransactionMetadataValue": "transaction_metadata",
    "Heartbeat": "heartbeat",
    "MessageValue": "logical_message",
    "SchemaChangeValue": "schema_change",
}
_SIGNAL_TABLES: Final = ("debezium_signal", "debezium_u005fsignal")
_META: Final = re.compile(
    r"__(source_|transaction_)?(op|deleted|ts_ms|ts_us|ts_ns|version|connector|name|snapshot|db|sequence|schema"
    r"|table|txId|tx_id|lsn|xmin|origin|origin_lsn|id|total_order|data_collection_order)"
)


def opener(
    schema: Schema, envelope: Envelope, *, full: bool = False, plan: PlanOf | None = None
) -> Open | Skip | Reject:
    """How to read the messages of one writer schema; a Skip or Reject where it holds for all of them.

    full: the table has REPLICA IDENTITY FULL, so a delete tells its whole row. plan: without it, or `full`,
    rows stay rows.
    """
    record = schema.record(schema.root)
    if record is None:
        return Reject("not_a_record", "the writer schema is not a record")
    if envelope == "plain":
        return _Plain(schema, record, plan)
    skip = _side_topic(record)
    return skip or _by_fields(schema, record, envelope, plan, full=full)


def _side_topic(record: Row) -> Skip | None:
    """Debezium's own topics, which a topic regex picks up too (cdc 23 and 32)."""
    space, _, name = record["name"].rpartition(".")
    if space.startswith("io.debezium.connector.") and name in _SIDE:
        return Skip(_SIDE[name])
    return Skip("signal") if space.rpartition(".")[2] in _SIGNAL_TABLES else None


def _by_fields(
    schema: Schema, record: Row, envelope: Envelope, plan: PlanOf | None, *, full: bool
) -> Open | Reject:
    fields = {field["name"]: field["type"] for field in record["fields"]}
    enveloped = fields.keys() >= _ENVELOPE
    if enveloped != (envelope == "debezium") and envelope != "auto":
        found = "Debezium's envelope" if enveloped else "a row without Debezium's envelope"
        return Reject("wrong_envelope", f"the writer schema is {found}; set the topic's `envelope` to auto")
    if not enveloped:
        return _Flat(schema, record, None if full else plan, full=full)
    row, source = schema.record(fields["after"]), schema.record(fields["source"])
    if row is None:
        return Reject("wrong_envelope", "`after` is not a record")
    whole = _ENVELOPE | {"before"} if full else _ENVELOPE
    wanted: Wanted = {record["name"]: whole} | ({source["name"]: SOURCE} if source else {})
    return _Debezium(schema, row, None if full else plan, wanted=wanted)


class _Rows:
    """A row in some envelope. `wanted`: what of a message is read (see `generated`)."""

    def __init__(
        self, schema: Schema, row: Row, plan: PlanOf | None, *, wanted: Wanted = ALL, meta: Sequence[str] = ()
    ) -> None:
        found = columns(schema, row)
        self._shape = Shape({name: column for name, column in found.items() if name not in meta})
        self._schema, self._row, self._plan, self._meta, self.wanted = schema, row, plan, meta, wanted

    def fused(self) -> Reader | None:
        """See plans.Frugal."""
        plan = self._plan(self._shape) if self._plan is not None else None
        return fuse(self._schema, self._row, plan, self.wanted, self._meta) if plan is not None else None

    def may_delete(self, message: Any, headers: Headers, /) -> bool:  # noqa: ARG002 - others look at them
        """See Open."""
        return True

    def _change(self, op: Op, row: Row | Body, origin: Origin, key: Key | None) -> Change:
        if isinstance(row, dict):
            return Change(op, row, self._shape, origin, _values(key))
        return Change(op, _NO_ROW, self._shape, origin, _values(key), row)


class _Plain(_Rows):
    """A row of which nothing else is known."""

    def may_delete(self, message: Any, headers: Headers, /) -> bool:  # noqa: ARG002 - see Open
        return False

    def __call__(self, row: Row | Body, _headers: Headers, key: Key | None) -> Decoded:
        return self._change(UPDATE, row, NOWHERE, key)


class _Debezium(_Rows):
    """before / after / op / source."""

    def may_delete(self, message: Any, headers: Headers, /) -> bool:  # noqa: ARG002 - see Open
        return message["op"] == "d"  # type: ignore[no-any-return]  # of texts

    def __call__(self, message: Row, headers: Headers, key: Key | None) -> Decoded:
        word, source, row = message["op"], message["source"], message["after"]
        op = op_of(word)
        if op is None:
            return _no_row_change(word)
        origin = origin_of(op, source if isinstance(source, dict) else {}, headers)
        if op is DELETE:
            return _gone(origin, key, message.get("before"), self._shape)
        if row is None:
            return Reject("no_row", f"op={op.value} without `after`")
        return self._change(op, row, origin, key)


class _Flat(_Rows):
    """A row by ExtractNewRecordState: what is known of its change stands in `__` columns, headers or nowhere.

    A plain row is one of which nothing is known. `__ts_ms` is Connect's time of processing, later for a
    state that is repeated: it is taken off the row and not used.
    """

    def __init__(self, schema: Schema, record: Row, plan: PlanOf | None, *, full: bool) -> None:
        self._full = full
        meta = [name for name in plain_names(record).values() if _META.fullmatch(name)]
        super().__init__(schema, record, plan, meta=meta)

    def __call__(self, row: Row | Body, headers: Headers, key: Key | None) -> Decoded:
        if not self._meta and IN_HEADERS.isdisjoint(headers):
            return self._change(UPDATE, row, NOWHERE, key)
        meta = {}
        if isinstance(row, dict):
            meta = {name: row.pop(name) for name in self._meta}
            row = body if isinstance(body := row.get(BODY), Body) else row
        word = meta.get("__op") or text(headers, "__op") or "u"
        deleted = meta.get("__deleted") or text(headers, "__deleted")
        op = DELETE if deleted in ("true", True) else op_of(word)
        if op is None:
            return _no_row_change(word)
        origin = flat_origin(op, meta, headers)
        if op is DELETE:
            return _gone(origin, key, row if self._full else None, self._shape)
        return self._change(op, row, origin, key)


def tells(schema: Schema) -> tuple[bool, bool]:
    """Whether the messages of a writer schema name their clock, and their table."""
    record = schema.record(schema.root)
    fields = {field["name"] for field in record["fields"]} if record else set()
    if fields >= _ENVELOPE:
        return True, True
    return not fields.isdisjoint(SOURCE["name"]), not fields.isdisjoint(SOURCE["table"])


def delete(origin: Origin, key: Key | None) -> Change:
    """A delete: its key's columns only."""
    if key is None:
        return Change(DELETE, {}, NO_COLUMNS, origin)
    return Change(DELETE, key.row, key.shape, origin, key.values)


def _gone(origin: Origin, key: Key | None, row: object, shape: Shape) -> Change:
    """A delete with the row that was, where there is one."""
    if isinstance(row, dict):
        return Change(DELETE, row, shape, origin, _values(key))
    return delete(origin, key)


def _values(key: Key | None) -> Mapping[str, Value] | None:
    return None if key is None else key.values


def _no_row_change(word: object) -> Skip | Reject:
    rule = _NO_ROW_CHANGES.get(word) if isinstance(word, str) else None
    return Skip(rule) if rule else Reject("unknown_op", "`op` is none of c, u, d, r, t, m")
