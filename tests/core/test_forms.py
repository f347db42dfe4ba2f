"""What is known of raw values by their schema: only what holds for every value of the type."""

# ruff: noqa: E501  # a table reads best with one type a line
import json
from datetime import timedelta
from typing import Any

import pytest

from connector.core.avro import SchemaInvalid, parse
from connector.core.change import UNKNOWN, Form
from connector.core.logical import columns
from tests.support import avro

DECIMAL = {"type": "bytes", "logicalType": "decimal", "scale": 2}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


def form(kind: Any) -> Form:
    """The form of a column of this type."""
    schema = parse(json.dumps(avro.record("Row", c=kind)))
    return columns(schema, schema.root)["c"].form


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("string", Form(plain=str)),
        (["null", "string"], Form(plain=str)),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, Form(plain=str)),
        ("long", Form(plain=int)),
        ("boolean", Form(plain=bool)),
        (["null", DECIMAL], Form(scale=2)),
        ({"type": "bytes", "connect.name": "org.apache.kafka.connect.data.Decimal"}, Form(scale=0)),
        (MILLIS, Form(unit=timedelta(milliseconds=1))),
    ],
    ids=str,
)
def test_types_with_one_plain_reading_have_a_form(kind: Any, expected: Form) -> None:
    assert form(kind) == expected


@pytest.mark.parametrize(
    "kind",
    [
        "double",
        "bytes",
        ["null", "string", "long"],
        {"type": "string", "connect.name": "io.debezium.data.Json"},
        {"type": "string", "connect.name": "io.debezium.time.ZonedTimestamp"},
        {"type": "int", "logicalType": "date"},
        {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"},
        {**MILLIS, "connect.name": "org.apache.kafka.connect.data.Timestamp"},
        {"type": "array", "items": "string"},
        {"type": "array", "items": ["null", avro.record("Item", name="string")]},
        {
            "type": "array",
            "items": {**avro.record("V", scale="int", value="bytes"), "connect.name": "io.debezium.data.VariableScaleDecimal"},
        },
    ],
    ids=str,
)  # fmt: skip
def test_other_types_are_left_to_their_readers(kind: Any) -> None:
    """A Connect timestamp has no zone, whatever its logicalType says; a null item is no record."""
    assert form(kind) == UNKNOWN


def test_items_have_the_forms_of_their_columns() -> None:
    found = form({"type": "array", "items": avro.record("Item", name=["null", "string"], cost=DECIMAL)}).items
    assert found is not None
    assert {name: column.form for name, column in found.items()} == {
        "name": Form(plain=str), "cost": Form(scale=2),
    }  # fmt: skip


@pytest.mark.parametrize("scale", ["x", None, [], 1e400])
def test_a_scale_that_is_no_number_is_the_schemas_fault(scale: Any) -> None:
    with pytest.raises(SchemaInvalid):
        form({**DECIMAL, "scale": scale})
