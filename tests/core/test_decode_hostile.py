"""Hostile bytes and schemas cost one record: quickly, in bounded memory, and never an exception."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.bounds import MEMORY
from connector.core.change import Change
from connector.core.decode import Decoder
from connector.core.envelope import Decoded
from connector.core.model import Position, Record, Reject, Skip
from connector.core.rules import TopicRules
from tests.fakes.schemas import FakeSchemas
from tests.support import avro, cdc
from tests.support.decoding import captured_schemas, record

ITEM = avro.record("Item", a=["null", "string"], b=["null", "long"])


def decode(schema: Any, body: bytes) -> Decoded:
    """One record of a schema."""
    schemas = FakeSchemas({1: json.dumps(schema)})
    decoder = Decoder(TopicRules("t", "order"), schemas)
    return decoder.decode(Record(Position("t", 0, 0), 0, None, avro.framed(1, body)))


def row(kind: Any) -> dict[str, Any]:
    """A record of one column."""
    return avro.record("Row", c=kind)


def cause(outcome: Decoded) -> str:
    assert isinstance(outcome, Reject)
    return outcome.cause


ARRAY, MAP = {"type": "array", "items": "string"}, {"type": "map", "values": "long"}
SIZES = [2**40, 2**62, 2**63 - 1, -1, -(2**40)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["string", "bytes", ARRAY, MAP, {"type": "array", "items": ITEM}], ids=str)
def test_a_hostile_length_is_refused_at_once(kind: Any, size: int) -> None:
    """A string, bytes, array or map that claims to be endless, or shorter than nothing."""
    begun = time.thread_time()
    assert cause(decode(row(kind), avro.long(size) + b"\x02a")) in ("truncated", "malformed")
    assert time.thread_time() - begun < 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (["null", "long"], avro.long(5)),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, avro.long(9)),
        ("string", avro.long(2) + b"\xff\xfe"),
        ({"type": "fixed", "name": "F", "size": 4}, b"abc"),
        ("double", b"1234567"),
    ],
    ids=str,
)
def test_bytes_that_are_not_of_their_schema_are_refused(kind: Any, body: bytes) -> None:
    assert cause(decode(row(kind), body)) in ("truncated", "malformed")


def test_every_truncation_and_every_addition_is_refused() -> None:
    """Of a record with each kind of part."""
    schema = avro.record("Row", a="long", b="string", c="double", d=ARRAY, e=MAP, f=["null", "bytes"])
    body = avro.body(schema, {"a": 300, "b": "абв", "c": 1.5, "d": ["x", "y"], "e": {"k": 1}, "f": b"\0\1"})
    assert isinstance(decode(schema, body), Change)
    causes = [cause(decode(schema, body[:length])) for length in range(len(body))]
    assert causes == ["truncated", "malformed"] + ["truncated"] * (len(body) - 2)  # 1: inside a number
    assert cause(decode(schema, body + b"\0")) == "trailing_bytes"


def test_a_record_of_50_megabytes_is_refused_by_its_length() -> None:
    huge = avro.long(50_000_000) + bytes(50_000_000)
    begun = time.thread_time()
    assert cause(decode(row("string"), huge)) == "too_large"
    assert time.thread_time() - begun < 1


def test_a_megabyte_is_decoded() -> None:
    """Kafka's default limit: one text, or thousands of items."""
    outcome = decode(row("string"), avro.body(row("string"), {"c": "я" * 500_000}))
    assert isinstance(outcome, Change)
    kind = row({"type": "array", "items": ITEM})
    items = [{"a": f"item {number}", "b": number} for number in range(60_000)]
    assert isinstance(decode(kind, avro.body(kind, {"c": items})), Change)


@pytest.mark.parametrize(
    "item",
    [
        "null",
        {"type": "fixed", "name": "F", "size": 0},
        avro.record("Empty"),
        avro.record("Nulls", a="null", b=avro.record("Inner")),
    ],
    ids=lambda item: item["name"] if isinstance(item, dict) else item,
)
def test_an_array_whose_items_take_no_bytes_is_refused_with_its_schema(item: Any) -> None:
    """2^40 of them would be one small message."""
    body = avro.long(2**40) + b"\0"
    begun = time.thread_time()
    assert cause(decode(row({"type": "array", "items": item}), body)) == "schema_invalid"
    assert time.thread_time() - begun < 1


def test_records_that_double_in_each_other_are_refused_with_their_schema() -> None:
    """Forty levels would be 2^40 fields of no byte at all."""
    level: Any = avro.record("L0", x="null")
    for number in range(1, 40):
        level = avro.record(f"L{number}", a=level, b=f"L{number - 1}")
    assert cause(decode(level, b"")) == "schema_invalid"


@pytest.mark.parametrize("depth", [50, 100_000, 5_000_000])
def test_values_nested_without_end_do_not_end_the_process(depth: int) -> None:
    """The compiled reader overflows the C stack at some thousand levels: a segmentation fault."""
    chain = avro.record("Chain", of=["null", "Chain"])
    outcome = decode(chain, b"\x02" * depth + b"\0")
    assert isinstance(outcome, Change) if depth == 50 else cause(outcome) == "malformed"


def test_small_bytes_that_grow_stay_within_their_memory() -> None:
    """A dict a byte: the length that is decoded is bounded by what it can come to."""
    kind = row({"type": "array", "items": avro.record("One", a=["null", "long"])})
    count = 400_000
    tracemalloc.start()
    try:
        outcome = decode(kind, avro.long(count) + bytes(count) + b"\0")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Change)
    assert peak < MEMORY / 2
    assert cause(decode(kind, avro.long(2**22) + bytes(2**22) + b"\0")) == "too_large"


STRANGE: list[tuple[Any, Any]] = [
    (avro.record("Odd", x="long"), {"x": 1}),
    ({"type": "array", "items": "long"}, [1]),
    ("double", float("nan")),
    ("bytes", b"c"),
    ("boolean", True),
]


@pytest.mark.parametrize(("kind", "value"), STRANGE, ids=str)
def test_an_envelope_of_other_types_gives_an_outcome(kind: Any, value: Any) -> None:
    """`op`, `source` and `__op`, `__lsn`, `__deleted` … as no Debezium writes them."""
    after = avro.record("Value", id="long")
    for field in ("op", "source", "after"):
        kinds = {"op": "string", "source": avro.record("Source", x="long"), "after": after}
        values = {"op": "u", "source": {"x": 1}, "after": {"id": 1}} | {field: value}
        schema = avro.record("Envelope", **{**kinds, field: kind})
        assert isinstance(decode(schema, avro.body(schema, values)), Change | Reject)
    for field in ("__op", "__deleted", "__lsn", "__source_ts_ms", "__table", "__name", "__snapshot"):
        schema = avro.record("Row", **{"id": "long", field: kind})
        assert isinstance(decode(schema, avro.body(schema, {"id": 1, field: value})), Change | Reject)


def with_part(**attributes: Any) -> dict[str, Any]:
    """A record of one column, whose type has these attributes besides."""
    return row({"type": "string", **attributes})


@pytest.mark.parametrize(
    "schema",
    [
        with_part(logicalType=["decimal"]),
        with_part(logicalType={"of": "ours"}),
        with_part(**{"connect.name": ["a"]}),
        with_part(fields=7),
        with_part(items={"type": "null"}),
        with_part(name={"a": 1}),
    ],
    ids=str,
)
def test_attributes_that_avro_gives_no_meaning_have_none(schema: Any) -> None:
    """Any attribute is allowed of any type: Avro's own parser takes all of these."""
    outcome = decode(schema, avro.body(row("string"), {"c": "x"}))
    assert isinstance(outcome, Change)
    assert outcome.values() == {"c": "x"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "record", "name": "Row", "fields": [{"type": "string"}]},
        {"type": "record", "name": "Row", "fields": [{"name": 1, "type": "string"}]},
        {"type": "record", "name": "Row", "fields": [{"name": {"a": 1}, "type": "string"}]},
        row(["null", ["null", "string"]]),
        row({"type": "array", "items": [["null"]]}),
    ],
    ids=str,
)
def test_a_schema_that_is_none_costs_its_records_alone(schema: Any) -> None:
    """Not every registry looks at what it is given."""
    assert cause(decode(schema, b"\x02x")) == "schema_invalid"


# --- Properties -----------------------------------------------------------------------------------

CAPTURED = [
    captured for variant in ("env_pa", "flat_pa", "flat_min") for captured in cdc.records(variant)
    if captured.value is not None and len(captured.value) < 3000
]  # fmt: skip
DECODERS: dict[str, Decoder] = {}


def _decoder(topic: str) -> Decoder:
    """Schemas are parsed once for all examples; what a Decoder remembers changes no kind of outcome."""
    return DECODERS.setdefault(topic, Decoder(TopicRules(topic, "order"), captured_schemas()))


def _outcome(topic: str, key: bytes | None, value: bytes | None) -> None:
    outcome = _decoder(topic).decode(Record(Position(topic, 0, 0), 0, key, value))
    assert isinstance(outcome, Change | Skip | Reject)
    if isinstance(outcome, Change):
        assert outcome.values().keys() == outcome.row.keys()


@given(st.one_of(st.none(), st.binary()), st.binary(), st.sampled_from([*sorted(cdc.schemas())]))
def test_random_bytes_give_an_outcome(key: bytes | None, body: bytes, schema_id: int) -> None:
    """With any captured schema's id before them, or none."""
    _outcome("cdc.env_pa.shop.orders", key, avro.framed(schema_id, body))
    _outcome("cdc.env_pa.shop.orders", key, body)


@given(st.sampled_from(CAPTURED), st.data())
def test_mutated_real_records_give_an_outcome(captured: cdc.CapturedRecord, data: st.DataObject) -> None:
    """Bytes changed, cut out and put in, in value and key; each column left is read without raising."""
    value = bytearray(record(captured).value or b"")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value)))
        value[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    _outcome(captured.topic, captured.key, bytes(value))
    _outcome(captured.topic, data.draw(st.binary(max_size=12)), captured.value)
