"""The generated reader is the specification, read fast: equal to a plain one and to fastavro."""

import json
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector.core.avro import SchemaInvalid, parse
from connector.core.generated import MAX_BRANCHES, MAX_NODES, Reader, generate
from connector.core.reader import library_reader, reader
from tests.support import avro
from tests.support.avro_schemas import encoded, long, schemas
from tests.support.plain_avro import PlainReader, Refused

REFUSED = "refused"
CHAIN = avro.record("Chain", label="string", of=["null", "Chain"])
TREE = avro.record("Tree", leaves={"type": "array", "items": "Tree"}, by={"type": "map", "values": "Tree"})


def generated_of(schema: Any) -> Reader:
    """The generated reader of a schema as JSON."""
    found = generate(parse(json.dumps(schema)))
    assert found is not None
    return found


def outcome(read: Reader, data: bytes, at: int = 0) -> Any:
    """Value and end, comparable where there are NaNs; or that it was refused."""
    try:
        value, end = read(data, at)
    except (EOFError, ValueError, IndexError):
        return REFUSED
    return repr(value), end


def plainly(schema: Any, data: bytes) -> Any:
    """The outcome by the plain reading of the specification."""
    made = parse(json.dumps(schema))
    plain = PlainReader(made, data, 0)
    try:
        return repr(plain.value(made.root)), plain.at
    except Refused:
        return REFUSED


@given(st.data(), schemas, st.binary(max_size=3), st.binary(max_size=3))
def test_any_value_of_any_schema_is_read_and_its_end_is_found(
    data: st.DataObject, schema: Any, before: bytes, after: bytes
) -> None:
    value, body = data.draw(encoded(schema))
    message = before + body + after
    expected = repr(value), len(before) + len(body)
    assert outcome(generated_of(schema), message, len(before)) == expected
    assert outcome(library_reader(parse(json.dumps(schema))), message, len(before)) == expected


@given(st.data(), schemas)
def test_fields_that_nobody_wants_are_walked_over(data: st.DataObject, schema: Any) -> None:
    """The others are read as ever, and so is what follows."""
    made = parse(json.dumps(avro.record("Row", kept="long", unwanted=schema, end="long")))
    _, body = data.draw(encoded(schema))
    read = generate(made, {"Row": ["kept", "end"]})
    assert read is not None
    message = long(-3) + body + long(70)
    assert read(message, 0) == ({"kept": -3, "end": 70}, len(message))
    assert {outcome(read, message[:length]) for length in range(len(message))} == {REFUSED}


def test_one_type_wanted_here_and_not_there_is_read_here() -> None:
    schema = avro.record("Envelope", before=["null", CHAIN], after=["null", "Chain"], op="string")
    value = {
        "before": {"label": "a", "of": {"label": "b", "of": None}},
        "after": {"label": "c", "of": None},
        "op": "u",
    }
    body = avro.body(schema, value)
    read = generate(parse(json.dumps(schema)), {"Envelope": ["after", "op"], "Chain": ["label"]})
    assert read is not None
    assert read(body, 0) == ({"after": {"label": "c"}, "op": "u"}, len(body))


@given(st.data(), schemas)
def test_every_truncation_is_refused(data: st.DataObject, schema: Any) -> None:
    _, body = data.draw(encoded(schema))
    read = generated_of(schema)
    assert {outcome(read, body[:length]) for length in range(len(body))} <= {REFUSED}


@given(st.data(), schemas)
def test_any_bytes_are_read_as_the_specification_reads_them_or_refused(
    data: st.DataObject, schema: Any
) -> None:
    """And what is read, fastavro reads to the same value.

    It reads some of what is refused here: negative numbers of branches and symbols, and more than 64 bits.
    """
    noise = data.draw(st.one_of(st.binary(max_size=30), _damaged(schema)))
    found = outcome(generated_of(schema), noise)
    assert found == plainly(schema, noise)
    assert found in (REFUSED, outcome(library_reader(parse(json.dumps(schema))), noise))


@st.composite
def _damaged(draw: st.DrawFn, schema: Any) -> bytes:
    """The bytes of a value with one of them changed."""
    _, body = draw(encoded(schema))
    assume(body)
    at = draw(st.integers(0, len(body) - 1))
    return body[:at] + bytes([draw(st.integers(0, 255))]) + body[at + 1 :]


def test_records_that_hold_themselves_are_read() -> None:
    value: Any = None
    for number in range(100):
        value = {"label": str(number), "of": value}
    body = avro.body(CHAIN, value)
    assert generated_of(CHAIN)(body, 0) == (value, len(body))
    tree = {"leaves": [{"leaves": [], "by": {}}] * 2, "by": {"x": {"leaves": [], "by": {}}}}
    body = avro.body(TREE, tree)
    assert generated_of(TREE)(body, 0) == (tree, len(body))


def test_values_nested_without_end_are_refused() -> None:
    with pytest.raises(RecursionError):
        generated_of(CHAIN)(b"\0\x02" * 100_000, 0)


@pytest.mark.parametrize("depth", [1, 5, 6, 19, 21, 60])
def test_types_nested_deeper_than_python_nests_loops_are_read(depth: int) -> None:
    schema: Any = "long"
    value: Any = 7
    for number in range(depth):
        kind = number % 3
        schema = [
            {"type": "array", "items": schema},
            {"type": "map", "values": schema},
            ["null", "string", schema],
        ][kind]
        if isinstance(schema, list) and isinstance(schema[2], list):
            schema = schema[2]
        value = [[value], {"k": value}, value][kind]
    body = avro.body(schema, value)
    assert generated_of(schema)(body, 0) == (value, len(body))


def test_one_type_used_twice_is_read_in_both_places() -> None:
    pair = avro.record(
        "Pair", a=avro.record("Part", x="long"), b="Part", c={"type": "array", "items": "Part"}
    )
    value = {"a": {"x": 1}, "b": {"x": 2}, "c": [{"x": 3}, {"x": 4}]}
    assert generated_of(pair)(avro.body(pair, value), 0)[0] == value


ENDLESS = [{"type": "map", "values": "null"}] + [
    {"type": "array", "items": items}
    for items in (
        "boolean", "long", "float", "double", "bytes", "string", ["null"], {"type": "map", "values": "long"},
        {"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "fixed", "name": "F", "size": 1},
        avro.record("Fixed", a={"type": "fixed", "name": "F", "size": 1}),
    )
]  # fmt: skip


@pytest.mark.parametrize("size", [2**40, 2**62, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("kind", ENDLESS, ids=str)
def test_a_block_that_claims_to_be_endless_is_refused_at_once(kind: Any, size: int) -> None:
    with pytest.raises((EOFError, ValueError)):
        generated_of(kind)(long(size) + b"\x02a", 0)


@pytest.mark.parametrize("byte", [b"\x80", b"\xff"])
@pytest.mark.parametrize("kind", ["long", "string", ["null", "long"]], ids=str)
def test_a_number_without_end_is_refused_at_once(kind: Any, byte: bytes) -> None:
    begun = time.thread_time()
    with pytest.raises(ValueError, match="64 bits"):
        generated_of(kind)(byte * 2_000_000 + b"\0", 0)
    assert time.thread_time() - begun < 1


CODE = "x'] = __import__('os').abort(); v['"
NEWLINE = 'a"\n raise SystemExit\n"'


@pytest.mark.parametrize("code", [CODE, NEWLINE, "{0}", "\\", "'''", "v1", "d", "__builtins__"])
def test_nothing_of_a_schema_becomes_code(code: str) -> None:
    """Names, symbols, defaults, documentation and attributes are values, whatever they spell."""
    fields = [
        {"name": code, "type": "long", "default": code, "doc": code},
        {"name": "e", "type": {"type": "enum", "name": code, "symbols": [code, "B"], "default": code}},
        {"name": "f", "type": {"type": "fixed", "name": f"{code}2", "size": 1, code: code}},
        {"name": "m", "type": {"type": "map", "values": f"{code}2", "connect.name": code}},
    ]
    schema = {"type": "record", "name": f"{code}3", "namespace": code, "fields": fields}
    read = generated_of(schema)
    body = b"\x02" + b"\x00" + b"z" + b"\x02\x02kq\x00"
    assert read(body, 0) == ({code: 1, "e": code, "f": b"z", "m": {"k": b"q"}}, len(body))


@pytest.mark.parametrize("size", [-1, "4", CODE, None, True, 1.5])
def test_a_size_that_is_no_number_is_the_schemas_fault(size: Any) -> None:
    with pytest.raises(SchemaInvalid):
        generate(parse(json.dumps({"type": "fixed", "name": "F", "size": size})))


@pytest.mark.parametrize(
    "schema",
    [
        avro.record("Wide", **{f"c{number}": "long" for number in range(MAX_NODES)}),
        [avro.record(f"B{number}", x="long") for number in range(MAX_BRANCHES + 1)],
    ],
    ids=["wide", "union"],
)
def test_a_schema_too_large_to_generate_is_read_all_the_same(schema: Any) -> None:
    made = parse(json.dumps(schema))
    assert generate(made) is None
    body = bytes(MAX_NODES)
    assert reader(made)(body, 0) == library_reader(made)(body, 0)
