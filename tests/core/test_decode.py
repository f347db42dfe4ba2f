"""The decoder: framing, schemas by id, envelopes, deletes and their tombstones."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest

from connector.adapters import schema_file
from connector.core.avro import SchemaInvalid
from connector.core.change import Change
from connector.core.decode import Decoder
from connector.core.envelope import Decoded
from connector.core.model import Op, Origin, Position, Record, Reject, Skip
from connector.core.rules import Envelope, TopicRules
from connector.errors import ConfigError, RegistryDown
from tests.fakes.schemas import FakeSchemas
from tests.support import avro

Headers = Mapping[str, str] | None
TOPIC = "shop.orders"
ROW = avro.record("shop.orders.Value", id="long", name=["null", "string"], note={"type": "string"})
KEY = avro.record("cdc.shop.orders.Key", id="long")
SOURCE = avro.record(
    "Source",
    name="string",
    table="string",
    lsn=["null", "long"],
    ts_ms="long",
    snapshot=["null", "string"],
)
ENVELOPE = {
    **avro.record(
        "Envelope",
        before=["null", {**ROW, "name": "Value"}],
        after=["null", "Value"],
        source=SOURCE,
        op="string",
    ),
    "namespace": "shop.orders",
}
FLAT = avro.record(
    "shop.orders.Value",
    id="long",
    name=["null", "string"],
    __op=["null", "string"],
    __lsn=["null", "long"],
    __source_ts_ms=["null", "long"],
    __ts_ms=["null", "long"],
    __deleted=["null", "string"],
    __snapshot=["null", "string"],
    __table=["null", "string"],
    __source_name=["null", "string"],
)
MINE = {"id": 7, "name": "Зоя", "note": ""}


def _id(schema: str) -> int:
    """The same id for the same schema, in 31 bits."""
    return zlib.crc32(schema.encode()) >> 1 or 1


class Topic:
    """One topic's decoder with schemas registered as they are used."""

    def __init__(self, envelope: Envelope = "auto") -> None:
        self.schemas = FakeSchemas()
        self.decoder = Decoder(TopicRules(TOPIC, "order", envelope=envelope), self.schemas)
        self._offset = 0

    def avro(self, schema: Mapping[str, Any] | str, value: Any) -> bytes:
        """A framed message, its schema registered."""
        text = json.dumps(schema)
        schema_id = _id(text)
        self.schemas.register(schema_id, text)
        return avro.framed(schema_id, avro.body(json.loads(text), value))

    def key(self, number: int) -> bytes:
        return self.avro(KEY, {"id": number})

    def decode(
        self, value: bytes | None, key: bytes | None = None, headers: Headers = None, partition: int = 0
    ) -> Decoded:
        self._offset += 1
        pairs = tuple((name, text.encode()) for name, text in (headers or {}).items())
        return self.decoder.decode(Record(Position(TOPIC, partition, self._offset), 0, key, value, pairs))

    def change(self, value: bytes | None, key: bytes | None = None, headers: Headers = None) -> Change:
        outcome = self.decode(value, key, headers)
        assert isinstance(outcome, Change), outcome
        return outcome

    def envelope(self, op: str, after: Any = None, before: Any = None, **source: Any) -> bytes:
        origin = {"name": "cdc", "table": "orders", "lsn": 5, "ts_ms": 9, "snapshot": "false"} | source
        return self.avro(ENVELOPE, {"before": before, "after": after, "source": origin, "op": op})

    def flat(self, **columns: Any) -> bytes:
        empty = dict.fromkeys(field["name"] for field in FLAT["fields"])
        return self.avro(FLAT, empty | {"id": 7} | columns)


@pytest.fixture
def topic() -> Topic:
    return Topic()


def refusal(outcome: Decoded) -> str:
    assert isinstance(outcome, Reject)
    return outcome.cause


# --- Framing and schemas --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "cause", "hint"),
    [
        (b"", "empty_value", "no bytes"),
        (b"\x01\0\0\0\1\x0e", "bad_framing", "no known framing"),
        (b"\0", "truncated", "inside its frame"),
        (b"\0\0\0\0", "truncated", "inside its frame"),
        (b"\0\0\0\0\0", "truncated", "inside its frame"),
        (b'{"id": 1}', "bad_framing", "JSON without a registry"),
        (b"\0\0\0\0\0\0\0\0\x15\x02", "bad_framing", "Apicurio's 8-byte framing"),
        (b"\xc3\x01" + bytes(10), "bad_framing", "single-object"),
        (b"\0\0\0\x10\x67\x02", "unknown_schema", "4199"),
        (b"\0\xff\0\0\1\x02", "bad_framing", "no known framing"),
    ],
)
def test_a_message_in_no_framing_is_refused_by_what_it_looks_like(
    topic: Topic, value: bytes, cause: str, hint: str
) -> None:
    topic.schemas.register(1, json.dumps(ROW))
    outcome = topic.decode(value)
    assert isinstance(outcome, Reject)
    assert (outcome.cause, hint in outcome.detail) == (cause, True)


def test_ids_in_apicurios_headers_are_read_with_a_body_that_starts_anyhow(topic: Topic) -> None:
    """Header mode has no prefix, so a body may start with 0x00 (cdc 2)."""
    topic.schemas.register(0x77, json.dumps(avro.record("R", a=["null", "string"], b="long")))
    name = "apicurio.value.contentId"
    for wrong in (b"", bytes(8), b"\xff" * 8, b"\1" * 99):
        record = Record(Position(TOPIC, 0, 0), 0, None, b"\x00\x02", ((name, wrong),))
        assert refusal(topic.decoder.decode(record)) == "bad_framing"
    headers = ((name, (0x77).to_bytes(8, "big")),)
    outcome = topic.decoder.decode(Record(Position(TOPIC, 0, 0), 0, None, b"\x00\x02", headers))
    assert isinstance(outcome, Change)
    assert outcome.values() == {"a": None, "b": 1}


def test_what_has_headers_that_nobody_can_read_is_refused(topic: Topic) -> None:
    """They may say that it is a delete, of which schema, or how old it is."""
    for value in (topic.flat(), None):
        outcome = topic.decode(value, topic.key(7), {"crm-connector.headers": "unreadable"})
        assert refusal(outcome) == "malformed"


@pytest.mark.parametrize(
    ("header", "hint"), [("apicurio.value.globalId", "use-id=contentId"), ("__value_schema_id", "GUID")]
)
def test_other_ids_in_headers_are_named(topic: Topic, header: str, hint: str) -> None:
    outcome = topic.decode(b"\x02a", headers={header: "x"})
    assert isinstance(outcome, Reject)
    assert hint in outcome.detail


def test_a_registry_that_is_down_is_no_fault_of_the_record(topic: Topic) -> None:
    value = topic.avro(ROW, MINE)
    topic.schemas.down = True
    with pytest.raises(RegistryDown):
        topic.decode(value)
    topic.schemas.down = False
    assert topic.change(value).values() == MINE


def test_each_writer_schema_is_fetched_once_and_reads_its_own_records(topic: Topic) -> None:
    """Evolution: added, widened, reordered and removed columns, ids interleaved in one partition."""
    newer = avro.record("shop.orders.Value", extra="int", name=["string", "null"], id="int")
    old, new = topic.avro(ROW, MINE), topic.avro(newer, {"extra": 1, "name": None, "id": 8})
    for _ in range(3):
        assert topic.change(old).values() == MINE
        assert topic.change(new).values() == {"extra": 1, "name": None, "id": 8}
    assert len(topic.schemas.asked) == 2
    assert topic.change(old).shape is topic.change(old).shape


@pytest.mark.parametrize(
    "schema",
    [
        "not JSON",
        '{"type": "object"}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "Nowhere"}]}',
        '{"type": "record", "name": "R", "fields": 7}',
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "enum", "name": "E"}}]}',
        "[" * 100_000,
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "array"}}]}',
    ],
)
def test_a_schema_that_is_none_costs_its_records(topic: Topic, schema: str) -> None:
    topic.schemas.register(3, schema)
    assert refusal(topic.decode(b"\0\0\0\0\3\2")) == "schema_invalid"


def test_a_fixed_schema_reads_bare_avro_without_a_registry() -> None:
    decoder = Decoder(TopicRules(TOPIC, "order"), fixed=json.dumps(ROW))
    body = avro.body(ROW, MINE)
    record = Record(Position(TOPIC, 0, 0), 0, b"ORD-7", body)
    outcome = decoder.decode(record)
    assert isinstance(outcome, Change)
    assert (outcome.values(), outcome.key) == (MINE, {"key": "ORD-7"})
    framed = decoder.decode(Record(Position(TOPIC, 0, 1), 0, None, avro.framed(5, body)))
    assert isinstance(framed, Reject)
    assert "look like a registry's framing" in framed.detail
    assert refusal(decoder.decode(Record(Position(TOPIC, 0, 2), 0, None, b""))) == "empty_value"
    with pytest.raises(SchemaInvalid):
        Decoder(TopicRules(TOPIC, "order"), fixed="{}")


def test_a_schema_file_is_loaded_or_refused_in_one_line(tmp_path: Any) -> None:
    path = tmp_path / "order.avsc"
    with pytest.raises(ConfigError, match=r"order\.avsc: .*; name a readable"):
        schema_file.load(path)
    path.write_text('{"type": "object"}')
    with pytest.raises(
        ConfigError, match=r"order\.avsc: a type is used but not defined: object; name an Avro"
    ):
        schema_file.load(path)
    path.write_text(json.dumps(ROW))
    assert schema_file.load(path) == json.dumps(ROW)


# --- Envelopes ------------------------------------------------------------------------------------


def test_debeziums_envelope_gives_its_row_and_where_it_comes_from(topic: Topic) -> None:
    found = topic.change(topic.envelope("u", MINE), topic.key(7))
    assert (found.op, found.values(), found.key) == (Op.UPDATE, MINE, {"id": 7})
    assert found.origin == Origin("cdc", "orders", 5, 9)


@pytest.mark.parametrize(
    ("op", "snapshot", "expected"),
    [
        ("r", "first", True),
        ("r", "last", True),
        ("r", "incremental", True),
        ("c", "false", False),
        ("u", None, False),
    ],
)
def test_a_snapshots_rows_are_told_apart(topic: Topic, op: str, snapshot: str | None, expected: bool) -> None:
    found = topic.change(topic.envelope(op, MINE, snapshot=snapshot, lsn=None))
    assert (found.op, found.origin.snapshot, found.origin.lsn) == (op, expected, None)


@pytest.mark.parametrize("name", ["a\0b", "ж" * 250])
def test_a_name_that_no_topic_can_begin_with_is_no_clock(topic: Topic, name: str) -> None:
    """No PostgreSQL ledger can keep them: one such record would be an outage of it, for ever."""
    assert topic.change(topic.envelope("u", MINE, name=name)).origin.clock is None
    assert topic.change(topic.flat(__source_name=name)).origin.clock is None
    assert topic.change(topic.flat(), headers={"__name": name}).origin.clock is None
    assert topic.change(topic.flat(__source_name="ж" * 249)).origin.clock == "ж" * 249


def test_a_snapshot_may_be_told_by_a_boolean(topic: Topic) -> None:
    """As Debezium did before 0.10: no live change is a row of a snapshot."""
    of_old = avro.record("Source", name="string", table="string", snapshot=["boolean", "null"])
    envelope = avro.record("Envelope", after=["null", ROW], source=of_old, op="string")
    for told in (False, True):
        source = {"name": "cdc", "table": "orders", "snapshot": told}
        found = topic.change(topic.avro(envelope, {"after": MINE, "source": source, "op": "c"}))
        assert found.origin.snapshot is told


@pytest.mark.parametrize(("op", "outcome"), [("t", Skip("truncate")), ("m", Skip("logical_message"))])
def test_what_changes_no_row_is_skipped_by_name(topic: Topic, op: str, outcome: Skip) -> None:
    assert topic.decode(topic.envelope(op)) == outcome
    assert topic.decode(topic.flat(__op=op)) == outcome


def test_an_envelope_without_row_or_with_an_unknown_op_is_refused(topic: Topic) -> None:
    assert refusal(topic.decode(topic.envelope("c"))) == "no_row"
    assert refusal(topic.decode(topic.envelope("x", MINE))) == "unknown_op"


def test_a_flattened_rows_metadata_is_no_data(topic: Topic) -> None:
    value = topic.flat(
        name="a", __op="c", __lsn=5, __source_ts_ms=9, __ts_ms=99, __deleted="false",
        __snapshot="incremental", __table="orders", __source_name="cdc",
    )  # fmt: skip
    found = topic.change(value)
    assert (found.op, found.values()) == (Op.CREATE, {"id": 7, "name": "a"})
    assert found.origin == Origin("cdc", "orders", 5, 9, snapshot=True)
    assert found.shape.columns.keys() == {"id", "name"}


def test_a_flattened_rows_metadata_may_stand_in_headers_or_be_missing(topic: Topic) -> None:
    plain = topic.avro(ROW, MINE)
    headers = {"__op": "c", "__lsn": "5", "__source_ts_ms": "9", "__table": "orders", "__name": "cdc"}
    found = topic.change(plain, headers=headers)
    assert (found.op, found.origin, found.values()) == (Op.CREATE, Origin("cdc", "orders", 5, 9), MINE)
    for strange in ("many", "9223372036854775808", "-9999999999999999999"):  # no ledger could hold it
        assert topic.change(plain, headers={"__lsn": strange}).origin == Origin()
    assert topic.change(plain).op is Op.UPDATE


@pytest.mark.parametrize(
    "deleted", [{"__deleted": "true"}, {"__op": "d"}, {"__deleted": "true", "__op": "u"}]
)
@pytest.mark.parametrize("where", ["columns", "headers"])
def test_a_flattened_delete_has_its_key_alone(topic: Topic, deleted: dict[str, str], where: str) -> None:
    value = topic.flat(name="phantom", **(deleted if where == "columns" else {}))
    found = topic.change(value, topic.key(7), deleted if where == "headers" else None)
    assert (found.op, found.values(), found.key) == (Op.DELETE, {"id": 7}, {"id": 7})


def test_a_plain_row_is_an_update_that_says_no_more() -> None:
    topic = Topic("plain")
    found = topic.change(topic.flat(__op="d", __deleted="true"), headers={"__op": "d"})
    assert (found.op, found.origin) == (Op.UPDATE, Origin())
    assert found.values()["__op"] == "d"


def test_an_envelope_that_the_configuration_excludes_is_refused() -> None:
    flat, debezium = Topic("flat"), Topic("debezium")
    assert refusal(flat.decode(flat.envelope("u", MINE))) == "wrong_envelope"
    assert refusal(debezium.decode(debezium.flat(__op="u"))) == "wrong_envelope"
    assert flat.change(flat.flat(__op="u")).op is Op.UPDATE
    assert debezium.change(debezium.envelope("u", MINE)).op is Op.UPDATE


@pytest.mark.parametrize("schema", ["long", {"type": "array", "items": "long"}])
def test_a_value_that_is_no_record_is_refused(topic: Topic, schema: Any) -> None:
    value = 1 if schema == "long" else [1]
    assert refusal(topic.decode(topic.avro(schema, value))) == "not_a_record"


# --- Keys, deletes, tombstones --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"ORD-7", {"key": "ORD-7"}),
        (b'{"id": 7}', {"id": 7}),
        (b'{"schema": {}, "payload": {"id": 7}}', {"id": 7}),
        (b"{broken", {"key": "{broken"}),
        (b"\0\0\0\0\0\0\0\7", {"key": b"\0\0\0\0\0\0\0\7"}),
        (None, None),
    ],
)
def test_a_key_of_another_converter_does_not_cost_the_row(
    topic: Topic, key: bytes | None, expected: Any
) -> None:
    """A key that differs in form from the value, or cannot be read at all."""
    found = topic.change(topic.avro(ROW, MINE), key)
    assert (found.values(), found.key) == (MINE, expected)


def test_an_avro_key_without_columns_is_its_value(topic: Topic) -> None:
    assert topic.change(topic.avro(ROW, MINE), topic.avro("string", "ORD-7")).key == {"key": "ORD-7"}


def test_a_delete_whose_key_cannot_be_read_is_refused(topic: Topic) -> None:
    assert refusal(topic.decode(topic.envelope("d", before=MINE), b"\0\0\0\0\0\0\0\7")) == "bad_framing"


def test_a_deletes_own_tombstone_is_filtered_and_a_lone_one_is_the_delete(topic: Topic) -> None:
    """RULES 8. Other keys, and other partitions, may stand between."""
    topic.change(topic.envelope("u", MINE), topic.key(1))
    assert topic.change(topic.envelope("d", before=MINE), topic.key(7)).op is Op.DELETE
    topic.change(topic.envelope("u", MINE), topic.key(8))
    assert topic.decode(None, topic.key(7)) == Skip("tombstone")
    lone = topic.change(None, topic.key(9))
    assert (lone.op, lone.values(), lone.key, lone.origin.clock) == (Op.DELETE, {"id": 9}, {"id": 9}, "cdc")
    assert topic.decode(None, topic.key(7), partition=1) != Skip("tombstone")


def test_a_row_that_came_back_is_deleted_by_its_next_tombstone(topic: Topic) -> None:
    topic.change(topic.envelope("d", before=MINE), topic.key(7))
    assert topic.decode(None, topic.key(7)) == Skip("tombstone")
    topic.change(topic.envelope("c", MINE), topic.key(7))
    assert topic.change(None, topic.key(7)).op is Op.DELETE


@pytest.mark.parametrize("form", ["envelope", "flat", "bare"])
@pytest.mark.parametrize("told", ["by the newest schema", "by the configuration", "by a change"])
def test_a_restart_between_delete_and_tombstone_gives_the_same_delete_twice(form: str, told: str) -> None:
    """The same op, row, key, clock and table: the same event, so nothing is sent again."""
    settings: dict[str, Envelope] = {"envelope": "debezium", "flat": "flat", "bare": "flat"}
    before = Topic(settings[form] if told == "by the configuration" else "auto")
    after = Topic(settings[form] if told == "by the configuration" else "auto")
    named = {"__source_name": "cdc", "__table": "orders"}
    delete, other, schema = {
        "envelope": (before.envelope("d", before=MINE), after.envelope("u", MINE), ENVELOPE),
        "flat": (before.flat(__op="d", **named), after.flat(__op="u", **named), FLAT),
        "bare": (before.avro(ROW, MINE), after.avro(ROW, MINE), ROW),
    }[form]
    first = before.change(delete, before.key(7), {"__op": "d"})
    if told == "by a change":
        after.change(other, after.key(8))
    else:
        after.schemas.register(99, json.dumps(schema), TOPIC)
    again = after.change(None, after.key(7))
    assert (again.op, again.values(), again.key) == (first.op, first.values(), first.key)
    assert (again.origin.clock, again.origin.table) == (first.origin.clock, first.origin.table)


@pytest.mark.parametrize("seen", ["orders_1", "orders_2", "both", "neither"])
def test_a_tombstone_is_of_the_table_that_its_key_names(seen: str) -> None:
    """Tables with the same primary keys in one topic, as a RegexRouter makes it of shards."""
    topic, keys = Topic(), {}
    topic.schemas.register(99, json.dumps(FLAT), TOPIC)
    for table in ("orders_1", "orders_2"):
        keys[table] = topic.avro(avro.record(f"cdc.shop.{table}.Key", id="long"), {"id": 7})
        if seen in (table, "both"):
            topic.change(topic.flat(__op="u", __source_name="cdc", __table=table), keys[table])
    gone = {table: topic.change(None, key).origin for table, key in keys.items()}
    assert gone == {table: Origin("cdc", table) for table in keys}


def test_a_first_tombstone_waits_for_the_registry_to_tell_its_clock() -> None:
    topic = Topic()
    key = topic.key(7)
    assert topic.change(None, key).origin == Origin()
    fresh = Topic()
    fresh.key(7)
    fresh.schemas.writer(_id(json.dumps(KEY)), TOPIC)
    fresh.schemas.down = True
    with pytest.raises(RegistryDown):
        fresh.decode(None, key)


def test_the_memory_of_deletes_is_bounded(topic: Topic) -> None:
    value = topic.envelope("d", before=MINE)
    for number in range(5000):
        topic.decode(value, topic.key(number))
    assert topic.decode(None, topic.key(4999)) == Skip("tombstone")
    assert topic.change(None, topic.key(0)).op is Op.DELETE


def test_a_null_without_a_key_is_skipped(topic: Topic) -> None:
    assert topic.decode(None) == Skip("keyless_tombstone")


def test_the_halves_of_a_key_change_are_marked(topic: Topic) -> None:
    new, old = {"__debezium.newkey": '{"id":8}'}, {"__debezium.oldkey": '{"id":7}'}
    assert topic.change(topic.envelope("d", before=MINE), topic.key(7), new).origin.moved == "to"
    assert topic.change(topic.envelope("c", MINE), topic.key(8), old).origin.moved == "from"
    assert topic.change(topic.envelope("c", MINE), topic.key(8)).origin.moved is None
    assert topic.change(None, topic.key(9), new).origin.moved == "to"
