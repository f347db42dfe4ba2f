"""Straight into bodies or by way of rows: the same event, skip or dead letter, whatever the bytes are."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.avro import parse
from connector.core.change import Change, Shape
from connector.core.decode import Decoder
from connector.core.events import Event, Item, Order
from connector.core.fused import fuse
from connector.core.generated import ALL
from connector.core.logical import columns
from connector.core.mapping import Mapper
from connector.core.model import Entity, Op, Position, Record
from connector.core.rules import Envelope, TopicRules
from connector.core.targets import BODIES, KEYS, problems, targets
from tests.core.test_filler import SCHEMA, SETTINGS, rows
from tests.fakes.schemas import FakeSchemas
from tests.support import avro, cdc
from tests.support.avro_schemas import encoded, schemas
from tests.support.decoding import captured_schemas, record

TOPIC = "shop.orders"
KEY = b"1"
EXAMPLES = 50
"""Of schemas: two readers are compiled for each."""


class Both:
    """One topic, read in both forms; each has a decoder and a mapper of its own."""

    def __init__(self, rules: TopicRules, schemas: FakeSchemas) -> None:
        self.mapper, mapper = Mapper(rules), Mapper(rules)
        self.fused = Decoder(rules, schemas, mapper=mapper)
        self.plain = Decoder(rules, schemas)

    def same(self, record: Record) -> Any:
        """What comes of a record; it is the same in both forms. And whether it was read into a body."""
        plain, fused = self.plain.decode(record), self.fused.decode(record)
        assert self._event(fused, record) == self._event(plain, record)
        return fused

    def _event(self, change: Any, record: Record) -> tuple[str, ...]:
        if not isinstance(change, Change):
            return (repr(change),)
        event = self.mapper.map(change, record, "tid")
        told = change.key if self.mapper.uses_keys or change.op is Op.DELETE else None
        return repr(event), repr(self.mapper.key_of(change)), repr((change.op, change.origin, told))


def message(value: bytes | None, headers: Mapping[str, bytes] = {}, schema_id: int = 1) -> Record:
    """A record of the topic."""
    framed = None if value is None else avro.framed(schema_id, value)
    return Record(Position(TOPIC, 0, 7), 1_700_000_000_000, KEY, framed, tuple(headers.items()))


def both(schema: Any, rules: TopicRules) -> Both:
    """Of one writer schema."""
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return Both(rules, FakeSchemas({1: text}))


# --- Rows of every envelope -----------------------------------------------------------------------

LSN: dict[str, Any] = avro.record("Source", name="string", table="string", lsn=["null", "long"], ts_ms="long")


def enveloped(row: dict[str, Any]) -> dict[str, Any]:
    """Debezium's own."""
    return avro.record("Envelope", before=["null", row], after=["null", row["name"]], source=LSN, op="string")


def flattened(row: dict[str, Any]) -> dict[str, Any]:
    """The same with its metadata in columns."""
    meta = avro.record("M", __op="string", __deleted="string", __lsn=["null", "long"])["fields"]
    return {**row, "fields": [meta[0], *row["fields"], *meta[1:]]}


ENVELOPES: dict[Envelope, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "plain": dict, "debezium": enveloped, "flat": flattened,
}  # fmt: skip
FILLED = {
    (name, envelope): both(
        make(json.loads(SCHEMA)), TopicRules(TOPIC, "order", envelope=envelope, **settings)
    )
    for name, settings in SETTINGS.items()
    for envelope, make in ENVELOPES.items()
}


@pytest.mark.parametrize("name", SETTINGS)
@given(row=rows, op=st.sampled_from("cudr"), deleted=st.sampled_from(["true", "false"]))
def test_any_row_in_any_envelope_is_the_same_event(
    name: str, row: dict[str, Any], op: str, deleted: str
) -> None:
    schema = json.loads(SCHEMA)
    origin = {"name": "shop", "table": "orders", "lsn": 7, "ts_ms": 5}
    FILLED[name, "plain"].same(message(avro.body(schema, row)))
    value = {"before": row, "after": None if op == "d" else row, "source": origin, "op": op}
    FILLED[name, "debezium"].same(message(avro.body(enveloped(schema), value)))
    flat = {**row, "__op": op, "__deleted": deleted, "__lsn": 7}
    FILLED[name, "flat"].same(message(avro.body(flattened(schema), flat)))


ROW: dict[str, Any] = {
    "externalOrderId": "1", "status": None, "statusDescription": "a", "email": "a@shop.example",
    "phone": None,
    "firstName": '{"a": {"b": 1}}', "currency": "UAH", "date": 1, "totalCost": b"\1", "shipping": None,
    "discount": b"\1", "taxes": b"\1", "city": None, "flag": True,
    "items": [{"name": "x", "externalItemId": "1", "category": None, "quantity": 1, "cost": b"\1", "url": 1,
               "other": '{"a": 1}'}],
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_a_usual_row_is_read_into_its_body(name: str) -> None:
    schema = json.loads(SCHEMA)
    change = FILLED[name, "plain"].same(message(avro.body(schema, ROW)))
    assert isinstance(change.body, Order)
    assert not change.row


def test_a_topic_whose_version_is_a_column_is_read_by_way_of_rows() -> None:
    rules = TopicRules(TOPIC, "order", envelope="plain", version="date")
    change = both(SCHEMA, rules).same(message(avro.body(json.loads(SCHEMA), ROW)))
    assert change.body is None


def test_a_deleted_row_that_may_be_believed_stays_a_row() -> None:
    """Under REPLICA IDENTITY FULL the row that was is a delete's, and nothing else is."""
    rules = TopicRules(TOPIC, "order", replica_identity="full", on_delete="cancel")
    of, schema = both(enveloped(json.loads(SCHEMA)), rules), enveloped(json.loads(SCHEMA))
    origin = {"name": "shop", "table": "orders", "lsn": 7, "ts_ms": 5}
    value = {"before": ROW, "after": None, "source": origin, "op": "d"}
    assert of.same(message(avro.body(schema, value))).row


# --- Any schema -----------------------------------------------------------------------------------

KINDS: list[Any] = [
    "string", "int", "long", "bytes", "double", "boolean",
    {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2},
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "string", "connect.name": "io.debezium.data.Json"},
    {"type": "int", "connect.name": "io.debezium.time.Date"},
]  # fmt: skip
kinds = st.sampled_from(KINDS)
some_columns = (
    kinds | kinds.map(lambda kind: ["null", kind]) | kinds.map(lambda kind: [kind, "null"]) | schemas
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, Any], TopicRules]:
    """A row's schema, and rules for it; some columns are mapped, some are not, some are mapped twice."""
    entity: Entity = draw(st.sampled_from(["order", "contact", "event"]))
    own = [*targets(BODIES[entity]), "other", "more"]
    names = draw(st.lists(st.sampled_from(own), unique=True, max_size=8))
    key = "eventType" if entity == "event" else KEYS[entity]
    items = draw(st.lists(st.sampled_from([*targets(Item), "other"]), unique=True, max_size=5))
    item = avro.record("ItemRow", **{name: _apart(draw(some_columns), f"i{name}") for name in items})
    fields = {key: "string"} | {name: _apart(draw(some_columns), name) for name in names if name != key}
    if "items" in fields and items and draw(st.booleans()):
        fields["items"] = [*draw(st.sampled_from([[], ["null"]])), {"type": "array", "items": item}]
        fields["items"] = fields["items"] if len(fields["items"]) > 1 else fields["items"][0]
    mapped = st.sampled_from([*fields])
    chosen: dict[str, Any] = {
        "params": draw(st.dictionaries(st.sampled_from(["a", "b"]), mapped, max_size=2)),
        "null_defaults": tuple(draw(st.lists(mapped, max_size=1))),
        "fields": draw(st.dictionaries(st.sampled_from(["email", "firstName"]), mapped, max_size=1)),
        "values": draw(st.sampled_from([{}, {"status": {"a": "b"}, "phone": {"a": "b"}}])),
    }
    if entity == "event":
        chosen["fields"] = {}
    return avro.record("Row", **fields), TopicRules(TOPIC, entity, envelope="plain", **chosen)


def _apart(schema: Any, name: str) -> Any:
    """Named types by names of their own."""
    text = json.dumps(schema)
    for number in range(13):
        text = text.replace(f'"N{number}"', f'"N_{name}_{number}"')
    return json.loads(text)


@settings(max_examples=EXAMPLES)
@given(tables(), st.data())
def test_any_row_of_any_schema_and_mapping_is_the_same_event(
    table: tuple[dict[str, Any], TopicRules], data: st.DataObject
) -> None:
    schema, rules = table
    if problems(rules):
        return
    of = both(schema, rules)
    for _ in range(3):
        _, body = data.draw(encoded(schema))
        of.same(message(body))
        of.same(message(_damaged(data, body)))
    of.same(message(data.draw(st.binary(max_size=40))))


def _damaged(data: st.DataObject, body: bytes) -> bytes:
    value = bytearray(body)
    at = data.draw(st.integers(0, len(value)))
    value[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    return bytes(value)


# --- Captured changes, and what is left of them ---------------------------------------------------

SHOP: dict[str, TopicRules] = {
    "orders": TopicRules("", "order", fields={"date": "order_date"}, params={"note": "status"}),
    "order_items": TopicRules("", "order", fields={"externalOrderId": "order_id"}),
    "contacts": TopicRules("", "contact", on_delete="erase"),
}
VARIANTS: tuple[cdc.DecodedVariant, ...] = ("env_pa", "flat_pa", "flat_min")


def topics(variant: cdc.DecodedVariant) -> dict[str, Both]:
    """The topics of a variant that the shop's rules can read, and all others as orders."""
    found = {captured.topic for captured in cdc.records(variant)}
    made = {}
    for topic in found:
        rules = SHOP.get(topic.rpartition(".")[2], SHOP["orders"])
        fields = {name: getattr(rules, name) for name in rules.__struct_fields__}
        made[topic] = Both(TopicRules(**{**fields, "name": topic}), captured_schemas())
    return made


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_captured_changes_are_the_same_events_and_most_are_read_into_bodies(
    variant: cdc.DecodedVariant,
) -> None:
    """Deletes and tombstones, which depend on what came before them, included."""
    of, read = topics(variant), Counter[bool]()
    for captured in cdc.records(variant):
        change = of[captured.topic].same(record(captured))
        if captured.topic.endswith((".orders", ".contacts")) and isinstance(change, Change):
            read[change.body is not None] += change.op is not Op.DELETE
    assert read[True] > 9 * read[False]


CAPTURED = [c for v in VARIANTS for c in cdc.records(v) if c.value is not None and len(c.value) < 3000]
DAMAGED = {topic: one for variant in VARIANTS for topic, one in topics(variant).items()}


@given(st.sampled_from(CAPTURED), st.data())
def test_damaged_records_are_the_same_dead_letters(captured: cdc.CapturedRecord, data: st.DataObject) -> None:
    value = _damaged(data, captured.value or b"")
    one = record(captured)
    DAMAGED[captured.topic].same(Record(one.position, one.timestamp_ms, one.key, value, one.headers))


# --- Hostile schemas ------------------------------------------------------------------------------

CODE = "x'] = __import__('os').abort(); v['"


@pytest.mark.parametrize(
    "code", [CODE, 'a"\n raise SystemExit\n"', "{0}", "\\", "'''", "v1", "d", "__builtins__"]
)
def test_nothing_of_a_schema_or_a_configuration_becomes_code(code: str) -> None:
    fields = [
        {"name": "externalOrderId", "type": "string", "default": code},
        {"name": code, "type": ["null", "string"], "doc": code},
        {"name": "e", "type": {"type": "enum", "name": code, "symbols": [code, "B"]}},
    ]
    schema = {"type": "record", "name": f"{code}3", "namespace": code, "fields": fields}
    made = parse(json.dumps(schema))
    rules = TopicRules(
        TOPIC, "order", params={code: code, "e": "e"}, values={code: {code: code}}, defaults={"source": code}
    )
    plan = Mapper(rules).plan(Shape(columns(made, made.root)))
    assert plan is not None
    read = fuse(made, made.root, plan, ALL)
    assert read is not None
    body, _ = read(b"\x021" + b"\x02\x02y" + b"\0", 0)
    assert (body.external_order_id, body.source, body.params) == ("1", code, {code: "y", "e": code})


def test_a_row_inside_its_row_is_read_by_way_of_rows() -> None:
    schema = avro.record("Row", externalOrderId="string", additionalInfo=["null", "Row"])
    value = {"externalOrderId": "1", "additionalInfo": {"externalOrderId": "2", "additionalInfo": None}}
    of = both(schema, TopicRules(TOPIC, "order", envelope="plain"))
    assert of.same(message(avro.body(schema, value))).body is None


def test_a_row_that_is_its_own_source_is_read_by_way_of_rows() -> None:
    row = avro.record("Row", externalOrderId="string", name="string")
    schema = avro.record("Envelope", after=["null", row], source="Row", op="string")
    value = {"externalOrderId": "1", "name": "shop"}
    of = both(schema, TopicRules(TOPIC, "order"))
    of.same(message(avro.body(schema, {"after": value, "source": value, "op": "u"})))


def test_an_event_is_the_same_though_its_digest_fails() -> None:
    """A key with half a surrogate pair cannot come from Avro's bytes, but from JSON in a column."""
    schema = avro.record(
        "Row", externalOrderId="string", more={"type": "string", "connect.name": "io.debezium.data.Json"}
    )
    rules = TopicRules(TOPIC, "order", envelope="plain", fields={"email": "more.a"})
    of = both(schema, rules)
    body = avro.body(schema, {"externalOrderId": "1", "more": '{"a": "\\ud83d"}'})
    assert not isinstance(of.same(message(body)), Event)
