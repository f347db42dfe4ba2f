"""A plan written out as one function makes what the plan makes step by step."""

# ruff: noqa: E501  # a schema reads best with one column a line

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from connector.core.avro import parse
from connector.core.change import Shape
from connector.core.columns import Plan, Planner
from connector.core.events import Order
from connector.core.filler import FAILURES
from connector.core.logical import columns
from connector.core.model import Reject
from connector.core.moments import PLACEHOLDER
from tests.support.mapping import rules

SCHEMA = """{"type": "record", "name": "Row", "fields": [
  {"name": "externalOrderId", "type": "string"},
  {"name": "status", "type": ["null", {"type": "enum", "name": "S", "symbols": ["new", "x"]}, "string"]},
  {"name": "statusDescription", "type": {"type": "enum", "name": "D", "symbols": ["a", "__debezium_unavailable_value"]}},
  {"name": "email", "type": ["null", "string"]},
  {"name": "phone", "type": ["null", "long"]},
  {"name": "firstName", "type": {"type": "string", "connect.name": "io.debezium.data.Json"}},
  {"name": "currency", "type": ["string", "null"], "default": "UAH"},
  {"name": "date", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
  {"name": "totalCost", "type": {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 2}},
  {"name": "shipping", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 0}]},
  {"name": "discount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 1}},
  {"name": "taxes", "type": {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 4}},
  {"name": "city", "type": ["null", "string"]},
  {"name": "flag", "type": "boolean"},
  {"name": "items", "type": ["null", {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
    {"name": "name", "type": "string"},
    {"name": "externalItemId", "type": ["null", "string"]},
    {"name": "category", "type": ["null", "string", "long"]},
    {"name": "quantity", "type": ["null", "int"]},
    {"name": "cost", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 2}]},
    {"name": "url", "type": {"type": "int", "connect.name": "io.debezium.time.Date"}},
    {"name": "other", "type": "string"}]}}]}]}"""
PLACEHOLDER_BYTES = PLACEHOLDER.encode()

texts = (
    st.sampled_from([PLACEHOLDER, "", " ", " new ", "new", "a", "NaN", "-1", "{}", "{", '{"a": {"b": 1}}'])
    | st.text()
)
digits = st.one_of(
    st.binary(max_size=30), st.just(PLACEHOLDER_BYTES), st.integers(-(2**63), 2**63 - 1).map(lambda n: n.to_bytes(8, "big", signed=True)),
    st.integers(0, 10**6).map(lambda n: n.to_bytes(3, "big")),
)  # fmt: skip
longs = st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**12), 10**13)
ints = st.integers(-(2**31), 2**31 - 1)
some = st.none
items = st.fixed_dictionaries({
    "name": texts, "externalItemId": some() | texts, "category": some() | texts | longs, "quantity": some() | ints,
    "cost": some() | digits, "url": ints, "other": texts,
})  # fmt: skip
rows = st.fixed_dictionaries({
    "externalOrderId": texts, "status": some() | texts, "statusDescription": st.sampled_from(["a", PLACEHOLDER]),
    "email": some() | texts, "phone": some() | longs, "firstName": texts, "currency": some() | texts,
    "date": some() | longs, "totalCost": digits, "shipping": some() | digits, "discount": digits, "taxes": digits,
    "city": some() | texts, "flag": st.booleans(), "items": some() | st.lists(items, max_size=3),
})  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "bare": {},
    "words": {
        "values": {"status": {"new": "INITIALIZED", "a": ""}, "email": {"a": "b"}, "items.name": {"a": "b"}},
        "defaults": {"items.quantity": 1, "shipping": "1.5", "items.imageUrl": "x", "firstName": "", "source": "web"},
    },
    "paths": {
        "fields": {"lastName": "firstName.a.b", "items.description": "other.a", "taxes": "", "storeId": "flag"},
        "params": {"town": "city", "when": "date", "deep": "firstName.a", "yes": "flag", "price": "taxes"},
        "null_defaults": ("currency",),
        "time_zone": "Europe/Kyiv",
    },
    "extra": {"fields": {"items.color": "other"}, "params": {"town": "city"}},
}  # fmt: skip


def planned(name: str) -> Plan:
    """The plan of the schema above, by one of the settings."""
    settings, schema = rules(**SETTINGS[name]), parse(SCHEMA)
    made = columns(schema, schema.root)
    plan = Planner(settings, ZoneInfo(settings.time_zone)).plan(Shape(made))
    assert isinstance(plan, Plan)
    return plan


PLANS = {name: planned(name) for name in SETTINGS}


@pytest.mark.parametrize("name", SETTINGS)
@given(row=rows)
def test_both_forms_make_the_same_of_any_row(name: str, row: dict[str, Any]) -> None:
    plan = PLANS[name]
    assert repr(plan.fill(row)) == repr(plan.plainly(row))


@pytest.mark.parametrize("name", SETTINGS)
@given(row=rows)
def test_the_fast_form_leaves_to_the_plain_one_only_what_is_refused_or_not_available(
    name: str, row: dict[str, Any]
) -> None:
    plan = PLANS[name]
    assert plan.fast is not None
    try:
        made = plan.fast(row)
    except FAILURES:
        body = plan.plainly(row)
        assert isinstance(body, Reject) or (isinstance(body, Order) and body.items is UNSET)
    else:
        assert repr(made) == repr(plan.plainly(row))
        assert isinstance(made, Order)


def test_a_row_without_a_column_is_refused_by_its_name() -> None:
    """Rows are whole by their schema; a reader that leaves one out must not pass for null."""
    refused = PLANS["bare"].fill({"externalOrderId": "1"})
    assert isinstance(refused, Reject)
    assert refused.cause == "mapping"


CODE = '"]\n raise SystemExit\n["'


def test_nothing_of_a_configuration_becomes_code() -> None:
    """Names of columns, parameters, words and defaults are values, whatever they spell."""
    schema = parse(SCHEMA.replace('"city"', '"x y\'\\"]"'))
    column = "x y'\"]"
    settings = rules(
        params={CODE: column},
        values={"email": {CODE: CODE}},
        defaults={"source": CODE, "items.imageUrl": CODE},
    )
    plan = Planner(settings, ZoneInfo("UTC")).plan(Shape(columns(schema, schema.root)))
    assert isinstance(plan, Plan)
    row: dict[str, object] = dict.fromkeys(columns(schema, schema.root), b"1")
    texts = dict.fromkeys(("statusDescription", "currency", "email", column), CODE)
    body = plan.fill(
        {
            **row,
            **texts,
            "externalOrderId": "1",
            "firstName": "{}",
            "status": None,
            "phone": 380501234567,
            "date": 1,
            "items": None,
        }
    )
    assert isinstance(body, Order)
    assert (body.source, body.params) == (CODE, {CODE: CODE})
