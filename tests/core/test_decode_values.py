"""Logical types are read exactly, or not at all: a synthetic test for each sentence of the contract."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.avro import parse
from connector.core.change import Change, Column, Value
from connector.core.decode import Decoder
from connector.core.logical import columns, partly_unavailable
from connector.core.model import UNAVAILABLE, UNREPRESENTABLE, Position, Record
from connector.core.moments import PLACEHOLDER
from connector.core.rules import TopicRules
from tests.fakes.schemas import FakeSchemas
from tests.support import avro

DEBEZIUM, CONNECT = "io.debezium.time.", "org.apache.kafka.connect.data."
VARIABLE = {
    **avro.record("VariableScaleDecimal", scale="int", value="bytes"),
    "connect.name": "io.debezium.data.VariableScaleDecimal",
}


def named(kind: str, name: str, **extra: Any) -> dict[str, Any]:
    return {"type": kind, "connect.name": name, **extra}


def logical(kind: str, name: str, **extra: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **extra}


def change(schema: Mapping[str, Any], row: Mapping[str, Any]) -> Change:
    """One row through the whole decoder."""
    schemas = FakeSchemas({1: json.dumps(schema)})
    value = avro.framed(1, avro.body(dict(schema), dict(row)))
    outcome = Decoder(TopicRules("t", "order"), schemas).decode(Record(Position("t", 0, 0), 0, None, value))
    assert isinstance(outcome, Change)
    return outcome


def read(kind: Any, raw: Any) -> Value:
    """What a column of this type is read to."""
    return change(avro.record("Row", c=kind), {"c": raw}).values()["c"]


def column(kind: Any, **field: Any) -> Column:
    """The column of one field."""
    schema = {"type": "record", "name": "Row", "fields": [{"name": "c", "type": kind, **field}]}
    parsed = parse(json.dumps(schema))
    return columns(parsed, parsed.root)["c"]


# --- Decimals -------------------------------------------------------------------------------------

DECIMAL = logical("bytes", "decimal", precision=38, scale=10)


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (logical("bytes", "decimal", precision=4, scale=2), b"\x04\xd2", Decimal("12.34")),
        (logical("bytes", "decimal", precision=4, scale=2), b"\xff", Decimal("-0.01")),
        (logical("bytes", "decimal", precision=5), b"\x01\x86\x9f", Decimal(99999)),
        (named("bytes", CONNECT + "Decimal", **{"connect.parameters": {"scale": "2"}}), b"\x7b",
         Decimal("1.23")),
        (
            {"type": "fixed", "name": "F", "size": 3, "logicalType": "decimal", "precision": 6, "scale": 3},
            b"\x00\x04\xd2",
            Decimal("1.234"),
        ),
        (DECIMAL, (1234567890123456789012345678 * 10**10 + 123456789).to_bytes(17, "big"),
         Decimal("1234567890123456789012345678.0123456789")),
        (VARIABLE, {"scale": 9, "value": b"\x00\xff"}, Decimal("0.000000255")),
        (VARIABLE, {"scale": -3, "value": b"\x07"}, Decimal(7000)),
        ("double", 0.1, Decimal("0.1")),
        ("double", 1234.56, Decimal("1234.56")),
        ("double", 1e22, Decimal("1E+22")),
        ("float", 0.1, Decimal("0.1")),
        ("float", 1.5, Decimal("1.5")),
        ("string", "742.9449", "742.9449"),
        ("string", "NAN", "NAN"),
    ],
)  # fmt: skip
def test_a_decimal_is_exact_in_every_form(kind: Any, raw: Any, expected: Value) -> None:
    """Bytes, fixed, variable scale, double and float without binary noise; text stays text."""
    value = read(kind, raw)
    assert (value, type(value)) == (expected, type(expected))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**25), max_value=10**25))
def test_any_decimal_survives_its_bytes(number: Decimal) -> None:
    """Digit for digit and with its scale, whatever the context's precision."""
    unscaled = int(number.scaleb(10))
    raw = unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)
    value = column(DECIMAL).read(raw)
    assert isinstance(value, Decimal)
    assert (
        value.as_tuple()
        == Decimal(
            (number.is_signed() and unscaled != 0, Decimal(abs(unscaled)).as_tuple().digits, -10)
        ).as_tuple()
    )


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_the_shortest_decimal_that_is_that_float(raw: float) -> None:
    value = column("float").read(raw)
    assert isinstance(value, Decimal)
    assert len(value.as_tuple().digits) <= 9 or value == value.to_integral_value()
    assert column("float").read(float(value)) == value


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("double", float("nan")),
        ("double", float("inf")),
        ("float", float("-inf")),
        (DECIMAL, b""),
        (DECIMAL, b"\x7f" * 100_000),
        (VARIABLE, {"scale": 2**31 - 1, "value": b"\x01"}),
        (VARIABLE, {"scale": -(2**31), "value": b"\x01"}),
        (VARIABLE, {"scale": 0, "value": b""}),
        (named("int", DEBEZIUM + "Date"), 2146033979),
        (named("int", DEBEZIUM + "Date"), -622191234),
        (logical("int", "date"), 2**31 - 1),
        (named("long", DEBEZIUM + "MicroTimestamp"), 2**63 - 1),
        (named("long", DEBEZIUM + "NanoTimestamp"), -(2**63)),
        (named("long", DEBEZIUM + "Timestamp"), 9223372036825200),
        (named("long", CONNECT + "Timestamp", logicalType="timestamp-millis"), 9223372036825200),
        (logical("long", "timestamp-micros"), 2**63 - 1),
        (named("string", DEBEZIUM + "ZonedTimestamp"), "infinity"),
        (named("string", DEBEZIUM + "ZonedTimestamp"), "-infinity"),
        (named("string", DEBEZIUM + "ZonedTimestamp"), "-0043-03-15T12:00:00.000000Z"),
        (named("string", DEBEZIUM + "ZonedTimestamp"), "+12024-01-01T00:00:00.000000Z"),
        (named("string", DEBEZIUM + "ZonedTimestamp"), "2025-01-01T00:00:00"),
        (named("string", DEBEZIUM + "IsoDate"), "+12024-01-01Z"),
        (named("long", DEBEZIUM + "MicroTime"), 86_400_000_000),
        (named("int", DEBEZIUM + "Time"), -1),
    ],
)
def test_what_no_value_can_hold_is_unrepresentable(kind: Any, raw: Any) -> None:
    """Infinity, NaN, no digits, years outside 1..9999, 24:00: no exception and no guess."""
    assert read(kind, raw) is UNREPRESENTABLE


# --- Dates and times ------------------------------------------------------------------------------

MOMENT = datetime(2025, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 - a column without zone
MICROS = 1735787045678901


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (named("int", DEBEZIUM + "Date"), 20090, date(2025, 1, 2)),
        (logical("int", "date"), -25567, date(1900, 1, 1)),
        (named("int", CONNECT + "Date", logicalType="date"), 2932896, date(9999, 12, 31)),
        (named("string", DEBEZIUM + "IsoDate"), "2025-01-02Z", date(2025, 1, 2)),
        (named("long", DEBEZIUM + "Timestamp"), MICROS // 1000, MOMENT.replace(microsecond=678000)),
        (named("long", DEBEZIUM + "MicroTimestamp"), MICROS, MOMENT),
        (named("long", DEBEZIUM + "MicroTimestamp"), -1, datetime(1969, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
        (named("long", DEBEZIUM + "NanoTimestamp"), MICROS * 1000 + 999, MOMENT),
        (named("string", DEBEZIUM + "IsoTimestamp"), "2025-01-02T03:04:05.678901Z", MOMENT),
        (named("long", CONNECT + "Timestamp", logicalType="timestamp-millis"), MICROS // 1000,
         MOMENT.replace(microsecond=678000)),
        (logical("long", "local-timestamp-millis"), MICROS // 1000, MOMENT.replace(microsecond=678000)),
        (logical("long", "local-timestamp-micros"), MICROS, MOMENT),
        (logical("long", "local-timestamp-nanos"), MICROS * 1000, MOMENT),
        ({**logical("long", "timestamp-micros"), "adjust-to-utc": False}, MICROS, MOMENT),
        ({**logical("long", "timestamp-micros"), "adjust-to-utc": True}, MICROS, MOMENT.replace(tzinfo=UTC)),
        (logical("long", "timestamp-millis"), MICROS // 1000, MOMENT.replace(microsecond=678000, tzinfo=UTC)),
        (logical("long", "timestamp-micros"), MICROS, MOMENT.replace(tzinfo=UTC)),
        (logical("long", "timestamp-nanos"), MICROS * 1000, MOMENT.replace(tzinfo=UTC)),
        (named("string", DEBEZIUM + "ZonedTimestamp"), "2025-01-02T03:04:05.678901Z",
         MOMENT.replace(tzinfo=UTC)),
        (named("string", DEBEZIUM + "ZonedTimestamp"), "1900-01-01T00:00:00Z",
         datetime(1900, 1, 1, tzinfo=UTC)),
        (named("int", DEBEZIUM + "Time"), 11045678, time(3, 4, 5, 678000)),
        (named("long", DEBEZIUM + "MicroTime"), 11045678901, time(3, 4, 5, 678901)),
        (named("long", DEBEZIUM + "NanoTime"), 11045678901999, time(3, 4, 5, 678901)),
        (logical("int", "time-millis"), 11045678, time(3, 4, 5, 678000)),
        (logical("long", "time-micros"), 11045678901, time(3, 4, 5, 678901)),
        (named("string", DEBEZIUM + "IsoTime"), "03:04:05.678Z", time(3, 4, 5, 678000)),
        (named("string", DEBEZIUM + "ZonedTime"), "01:04:05.678Z", time(1, 4, 5, 678000, tzinfo=UTC)),
        (named("long", DEBEZIUM + "MicroDuration"), 37091106789000,
         timedelta(seconds=37091106, microseconds=789000)),
        (named("string", DEBEZIUM + "Interval"), "P1Y2M3DT4H5M6.789S", "P1Y2M3DT4H5M6.789S"),
    ],
)  # fmt: skip
def test_a_time_has_the_unit_and_the_zone_of_its_column(kind: Any, raw: Any, expected: Value) -> None:
    """An instant is aware; a column without zone is naive, whatever its text or logicalType pretends."""
    value = read(kind, raw)
    assert (value, getattr(value, "tzinfo", None)) == (expected, getattr(expected, "tzinfo", None))


# --- Texts, parts, unions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        (logical("string", "uuid"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
         "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, bytes(16),
         "00000000-0000-0000-0000-000000000000"),
        ({"type": "enum", "name": "E", "symbols": ["NEW", "PAID"]}, "PAID", "PAID"),
        (named("string", "io.debezium.data.Enum"), "DELIVERED", "DELIVERED"),
        (named("string", "io.debezium.data.Json"), '{"k": 1.10,  "k":2}', '{"k": 1.10,  "k":2}'),
        ("bytes", b"\0\xff", b"\0\xff"),
        ({"type": "array", "items": ["null", DECIMAL]}, [None, b"\x01"], [None, Decimal("1E-10")]),
        ({"type": "map", "values": ["null", "string"]}, {"a": None, "б": "🧦"}, {"a": None, "б": "🧦"}),
        (avro.record("Point", x="double", day=logical("int", "date")), {"x": 1.5, "day": 0},
         {"x": Decimal("1.5"), "day": date(1970, 1, 1)}),
        (["null", "string", DECIMAL, logical("int", "date")], b"\x01", Decimal("1E-10")),
        (["null", "string", DECIMAL, logical("int", "date")], 1, date(1970, 1, 2)),
        (["null", "string", DECIMAL, logical("int", "date")], "a", "a"),
        (["null", "string", DECIMAL, logical("int", "date")], None, None),
        ([DECIMAL, "null"], None, None),
        ([{"type": "null"}, "string"], "a", "a"),
        ("boolean", True, True),
        ("long", 2**63 - 1, 2**63 - 1),
    ],
)  # fmt: skip
def test_texts_parts_and_unions_are_read_through(kind: Any, raw: Any, expected: Value) -> None:
    """Emoji, verbatim JSON, nested logical types, null on either side of a union."""
    assert read(kind, raw) == expected


def test_two_branches_that_look_alike_are_not_guessed_between() -> None:
    """The raw value does not tell which branch was written: a date or a number?"""
    kind = ["null", logical("int", "date"), "long"]
    assert column(kind).read(1) is UNREPRESENTABLE
    assert column(["int", "long"]).read(1) == 1


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("string", PLACEHOLDER),
        (["null", named("string", "io.debezium.data.Json")], PLACEHOLDER),
        (
            named("string", "io.debezium.data.Json"),
            json.dumps({PLACEHOLDER: PLACEHOLDER}, separators=(",", ":")),
        ),
        (named("string", DEBEZIUM + "ZonedTimestamp"), PLACEHOLDER),
        ("bytes", PLACEHOLDER.encode()),
        (DECIMAL, PLACEHOLDER.encode()),
        ({"type": "array", "items": ["null", "string"]}, [PLACEHOLDER]),
        ({"type": "array", "items": ["null", "int"]}, list(PLACEHOLDER.encode())),
        ({"type": "array", "items": "bytes"}, [PLACEHOLDER.encode()]),
        ({"type": "map", "values": "string"}, {PLACEHOLDER: PLACEHOLDER}),
    ],
)
def test_the_placeholder_is_unavailable_in_every_type(kind: Any, raw: Any) -> None:
    value = read(kind, raw)
    assert value is UNAVAILABLE
    assert partly_unavailable(value)


def test_a_placeholder_in_a_part_is_seen_in_the_whole() -> None:
    """RULES 9: items with such a part are not sent."""
    kind = {
        "type": "array",
        "items": avro.record("Item", name="string", tags={"type": "array", "items": "string"}),
    }
    value = read(kind, [{"name": "a", "tags": []}, {"name": "b", "tags": [PLACEHOLDER]}])
    assert value == [{"name": "a", "tags": []}, {"name": "b", "tags": UNAVAILABLE}]
    assert partly_unavailable(value)
    assert not partly_unavailable(read(kind, [{"name": "a", "tags": ["x"]}]))


# --- Columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "field", "nullable", "default"),
    [
        (["null", "string"], {"default": None}, True, UNAVAILABLE),
        ([{"type": "null"}, "string"], {"default": None}, True, UNAVAILABLE),
        ([{"type": "string", "connect.default": "Київ"}, "null"], {"default": "Київ"}, True, "Київ"),
        (["string", "null"], {"default": "x"}, True, "x"),
        ([{**DECIMAL, "scale": 2, "connect.default": "\u0000"}, "null"], {"default": "\u0000"}, True,
         Decimal("0.00")),
        (["null", {"type": "int", "connect.default": 7}], {"default": None}, True, 7),
        ({"type": "boolean", "connect.default": False}, {"default": False}, False, False),
        (named("string", DEBEZIUM + "ZonedTimestamp"), {"default": "1970-01-01T00:00:00.000000Z"}, False,
         datetime(1970, 1, 1, tzinfo=UTC)),
        ("long", {}, False, UNAVAILABLE),
    ],
)  # fmt: skip
def test_a_column_tells_its_default_and_whether_it_is_nullable(
    kind: Any, field: dict[str, Any], nullable: bool, default: Value
) -> None:
    found = column(kind, **field)
    assert (found.nullable, found.default) == (nullable, default)


def test_a_json_column_says_so() -> None:
    assert column(["null", named("string", "io.debezium.data.Json")]).json
    assert not column("string").json


def test_a_record_inside_itself_is_read_to_the_end() -> None:
    """A tree of categories, say; its reader does not recurse on the C stack."""
    tree = avro.record("Tree", name="string", of={"type": "array", "items": "Tree"})
    value = {"name": "a", "of": [{"name": "b", "of": [{"name": "c", "of": []}]}]}
    assert change(tree, value).values() == value


def test_names_escaped_by_avro_unicode_are_read_as_the_columns_names() -> None:
    """Only where every underscore is escaped; the field's own name leads to the same column."""
    kind = avro.record(
        "Row",
        first_u005fname="string",
        _u426_u456_u43d_u430="int",
        utm_u002dsource="int",
        plain="int",
        __op="string",
    )
    row = {"first_u005fname": "Зоя", "_u426_u456_u43d_u430": 1, "utm_u002dsource": 2, "plain": 3, "__op": "u"}
    found = change(kind, row)
    assert found.values() == {"first_name": "Зоя", "Ціна": 1, "utm-source": 2, "plain": 3}
    assert found.shape.columns["first_u005fname"] is found.shape.columns["first_name"]
    assert found.shape.columns["first_u005fname"].name == "first_name"


@pytest.mark.parametrize("name", ["_u426a", "item_u002d_x", "first_name", "_u20ac"])
def test_a_name_that_might_not_be_escaped_stays(name: str) -> None:
    """Three digits and a letter, or four digits? An underscore of its own? Nobody can tell."""
    assert change(avro.record("Row", **{name: "int"}), {name: 1}).values() == {name: 1}
