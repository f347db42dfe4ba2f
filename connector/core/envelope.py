"""Envelopes: what a decoded message says of a change. Debezium's own, its flattened form, and plain rows.

Deletes give their key's columns and nothing else, in every form: nothing in a record tells a `before` that
is complete under REPLICA IDENTITY FULL from phantom values (zero values and defaults, cdc 21); an earlier
update with a `before` does not either, as ALTER TABLE changes it at any moment without a new schema (cdc 20).
So the row that was is believed only where the configuration says so (`replica_identity: full`); else the
ledger keeps what a delete lacks (RULES 8). A tombstone that is read alone after a restart tells its key only.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from connector.core.avro import Schema
from connector.core.change import Change, Shape, Value
from connector.core.generated import Wanted
from connector.core.logical import columns
from connector.core.model import Op, Origin, Reject, Skip
from connector.core.rules import Envelope
from connector.core.wire import Headers

Row = dict[str, Any]
Decoded = Change | Skip | Reject


class Key(Struct, frozen=True, gc=False):
    """A record's key: raw by its own schema's columns (none where it is no Avro record), and converted.

    source: (source.name, source.table) by the schema's name, which is `<name>.<schema>.<table>.Key`.
    """

    row: Mapping[str, object]
    shape: Shape
    values: Mapping[str, Value]
    source: tuple[str, str] | None = None


Open = Callable[[Row, Headers, Key | None], Decoded]
"""(raw message, headers, key) → what it says. May take the message apart."""

NO_COLUMNS: Final = Shape({})
_ENVELOPE: Final = frozenset(("op", "source", "after"))
_OPS: Final = {op.value: op for op in Op}
_NO_ROW_CHANGES: Final = {"t": "truncate", "m": "logical_message"}
_SIDE: Final = {
    "TransactionMetadataValue": "transaction_metadata",
    "Heartbeat": "heartbeat",
    "MessageValue": "logical_message",
    "SchemaChangeValue": "schema_change",
}
_SIGNAL_TABLES: Final = ("debezium_signal", "debezium_u005fsignal")
_SOURCE: Final = {
    "name": ("__name", "__source_name"),
    "table": ("__table", "__source_table"),
    "lsn": ("__lsn", "__source_lsn"),
    "ts_ms": ("__source_ts_ms",),
    "snapshot": ("__snapshot", "__source_snapshot"),
}
"""What the flattening calls a field of `source`: as it was asked for, `lsn` or `source.lsn`."""
_IN_HEADERS: Final = frozenset(("__op", "__deleted", *(name for names in _SOURCE.values() for name in names)))
_META: Final = re.compile(
    r"__(source_|transaction_)?(op|deleted|ts_ms|ts_us|ts_ns|version|connector|name|snapshot|db|sequence|schema"
    r"|table|txId|tx_id|lsn|xmin|origin|origin_lsn|id|total_order|data_collection_order)"
)


def opener(schema: Schema, envelope: Envelope, *, full: bool = False) -> Open | Skip | Reject:
    """How to read the messages of one writer schema; a Skip or Reject where it holds for all of them.

    full: the table has REPLICA IDENTITY FULL, so a delete tells its whole row.
    """
    record = schema.record(schema.root)
    if record is None:
        return Reject("not_a_record", "the writer schema is not a record")
    if envelope == "plain":
        shape = Shape(columns(schema, record))
        return lambda row, _headers, key: Change(Op.UPDATE, row, shape, _NOWHERE, _values(key))
    skip = _side_topic(record)
    return skip or _by_fields(schema, record, envelope, full=full)


def _side_topic(record: Row) -> Skip | None:
    """Debezium's own topics, which a topic regex picks up too (cdc 23 and 32)."""
    space, _, name = record["name"].rpartition(".")
    if space.startswith("io.debezium.connector.") and name in _SIDE:
        return Skip(_SIDE[name])
    return Skip("signal") if space.rpartition(".")[2] in _SIGNAL_TABLES else None


def _by_fields(schema: Schema, record: Row, envelope: Envelope, *, full: bool) -> Open | Reject:
    fields = {field["name"]: field["type"] for field in record["fields"]}
    enveloped = fields.keys() >= _ENVELOPE
    if enveloped != (envelope == "debezium") and envelope != "auto":
        found = "Debezium's envelope" if enveloped else "a row without Debezium's envelope"
        return Reject("wrong_envelope", f"the writer schema is {found}; set the topic's `envelope` to auto")
    if not enveloped:
        return _Flat(schema, record, full=full)
    row, source = schema.record(fields["after"]), schema.record(fields["source"])
    if row is None:
        return Reject("wrong_envelope", "`after` is not a record")
    whole = _ENVELOPE | {"before"} if full else _ENVELOPE
    return _Debezium(schema, row, {record["name"]: whole} | ({source["name"]: _SOURCE} if source else {}))


class _Debezium:
    """before / after / op / source. `wanted`: what of a message is read (see `generated`)."""

    def __init__(self, schema: Schema, row: Row, wanted: Wanted) -> None:
        self._shape = Shape(columns(schema, row))
        self.wanted = wanted

    def __call__(self, message: Row, headers: Headers, key: Key | None) -> Decoded:
        word, source, row = message["op"], message["source"], message["after"]
        op = _op(word)
        if op is None:
            return _no_row_change(word)
        origin = _origin(op, source if isinstance(source, dict) else {}, headers)
        if op is Op.DELETE:
            return _gone(origin, key, message.get("before"), self._shape)
        if not isinstance(row, dict):
            return Reject("no_row", f"op={op.value} without `after`")
        return Change(op, row, self._shape, origin, _values(key))


class _Flat:
    """A row by ExtractNewRecordState: what is known of its change stands in `__` columns, headers or nowhere.

    A plain row is one of which nothing is known. `__ts_ms` is Connect's time of processing, later for a
    state that is repeated: it is taken off the row and not used.
    """

    def __init__(self, schema: Schema, record: Row, *, full: bool) -> None:
        found, self._full = columns(schema, record), full
        self._meta = [name for name in found if _META.fullmatch(name)]
        self._shape = Shape({name: column for name, column in found.items() if name not in self._meta})

    def __call__(self, row: Row, headers: Headers, key: Key | None) -> Decoded:
        if not self._meta and _IN_HEADERS.isdisjoint(headers):
            return Change(Op.UPDATE, row, self._shape, _NOWHERE, _values(key))
        meta = {name: row.pop(name) for name in self._meta}
        word = meta.get("__op") or text(headers, "__op") or "u"
        deleted = meta.get("__deleted") or text(headers, "__deleted")
        op = Op.DELETE if deleted in ("true", True) else _op(word)
        if op is None:
            return _no_row_change(word)
        origin = flat_origin(op, meta, headers)
        if op is Op.DELETE:
            return _gone(origin, key, row if self._full else None, self._shape)
        return Change(op, row, self._shape, origin, _values(key))


def tells(schema: Schema) -> tuple[bool, bool]:
    """Whether the messages of a writer schema name their clock, and their table."""
    record = schema.record(schema.root)
    fields = {field["name"] for field in record["fields"]} if record else set()
    if fields >= _ENVELOPE:
        return True, True
    return not fields.isdisjoint(_SOURCE["name"]), not fields.isdisjoint(_SOURCE["table"])


def delete(origin: Origin, key: Key | None) -> Change:
    """A delete: its key's columns only."""
    if key is None:
        return Change(Op.DELETE, {}, NO_COLUMNS, origin)
    return Change(Op.DELETE, key.row, key.shape, origin, key.values)


def _gone(origin: Origin, key: Key | None, row: object, shape: Shape) -> Change:
    """A delete with the row that was, where there is one."""
    if isinstance(row, dict):
        return Change(Op.DELETE, row, shape, origin, _values(key))
    return delete(origin, key)


def flat_origin(op: Op, meta: Mapping[str, Any], headers: Headers) -> Origin:
    """Where a flattened row comes from: columns first, then headers (`add.fields`, `add.headers`)."""
    source: dict[str, Any] = {}
    for name, spellings in _SOURCE.items():
        for spelling in spellings:
            found = meta.get(spelling)
            if found is None and spelling in headers:
                found = text(headers, spelling)
            if found is not None:
                source[name] = found
                break
    return _origin(op, source, headers)


def text(headers: Headers, name: str) -> str | None:
    """A header's text, None without it or where it is no text."""
    raw = headers.get(name)
    return raw.decode("utf-8", "replace") if raw is not None else None


_NOWHERE: Final = Origin()


def _origin(op: Op, source: Mapping[str, Any], headers: Headers) -> Origin:
    return Origin(
        _word(source.get("name")),
        _word(source.get("table")),
        _number(source.get("lsn")),
        _number(source.get("ts_ms")),
        op is Op.READ or source.get("snapshot") not in (None, "", "false"),
        _moved(op, headers),
    )


def _op(word: object) -> Op | None:
    return _OPS.get(word) if isinstance(word, str) else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value) else None


def _moved(op: Op, headers: Headers) -> Literal["to", "from"] | None:
    """The halves of a primary-key change (cdc 24)."""
    if op is Op.DELETE:
        return "to" if "__debezium.newkey" in headers else None
    return "from" if op is Op.CREATE and "__debezium.oldkey" in headers else None


def _values(key: Key | None) -> Mapping[str, Value] | None:
    return None if key is None else key.values


def _no_row_change(word: object) -> Skip | Reject:
    rule = _NO_ROW_CHANGES.get(word) if isinstance(word, str) else None
    return Skip(rule) if rule else Reject("unknown_op", "`op` is none of c, u, d, r, t, m")
