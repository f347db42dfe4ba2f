"""What captured messages do, observations 1 to 20: framing, shape, values. A test names its number."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from connector.core.avro import parse
from connector.core.change import Column, Value
from connector.core.decode import Decoder
from connector.core.logical import columns
from connector.core.model import UNAVAILABLE, UNREPRESENTABLE, Op, Reject
from connector.core.rules import TopicRules
from tests.support import cdc
from tests.support.decoding import captured_schemas, changes, decoded, decoder, record

VARIANTS: tuple[cdc.DecodedVariant, ...] = ("env_pa", "flat_pa", "flat_min")


def values(variant: cdc.Variant, table: str, **where: Value) -> list[dict[str, Value]]:
    """Rows of a table (c, u and r) with these values, in order."""
    rows = [change.values() for _, change in changes(variant, table) if change.op is not Op.DELETE]
    return [row for row in rows if all(row.get(name) == value for name, value in where.items())]


def probe(variant: cdc.Variant, number: str) -> dict[str, Value]:
    """The first row of type_probe with this last part of its id."""
    return next(row for row in values(variant, "type_probe") if str(row["id"]).endswith(f"-{number:0>12}"))


def column(table: str, name: str) -> Column:
    """A column of a table's captured schema, also of variants whose records were not kept."""
    schemas = (s.schema_str for s in cdc.schemas().values() if f'{table}.Value"' in s.schema_str)
    parsed = parse(next(schemas))
    row = next(found for full, found in parsed.names.items() if full.endswith(".Value"))
    return columns(parsed, row)[name]


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_01_a_zero_byte_and_a_four_byte_id_lead_to_the_writers_schema(variant: cdc.Variant) -> None:
    for captured in cdc.records(variant):
        if captured.value is not None:
            assert captured.value[:5] == b"\0" + (captured.value_schema_id or 0).to_bytes(4, "big")
    assert not any(isinstance(outcome, Reject) for _, outcome in decoded(variant))


@pytest.mark.parametrize(
    ("variant", "hint"),
    [
        ("wire_8byte", "looks like Apicurio's 8-byte framing"),
        ("env_json", "looks like JSON without a registry"),
    ],
)
def test_cdc_02_another_framing_is_a_dead_letter_that_names_it(variant: cdc.Variant, hint: str) -> None:
    """And the registry is not asked for the id that is none."""
    for captured in cdc.records(variant):
        if captured.value is not None:
            schemas = captured_schemas()
            outcome = Decoder(TopicRules(captured.topic, "order"), schemas).decode(record(captured))
            assert isinstance(outcome, Reject)
            assert (outcome.cause, hint in outcome.detail, schemas.asked) == ("bad_framing", True, [])


def test_cdc_02_a_body_without_prefix_that_starts_with_zero_is_a_dead_letter_too() -> None:
    """Header mode: an id that the registry does not know may be no id."""
    captured = next(c for c in cdc.records("env_pa") if (c.value or b"")[5:6] == b"\0")
    bare = record(captured)
    headers = (("apicurio.value.globalId", bytes(8)),)
    bare = type(bare)(bare.position, 0, None, (captured.value or b"")[5:], headers)
    outcome = decoder(captured.topic).decode(bare)
    assert isinstance(outcome, Reject)
    assert "ids in headers" in outcome.detail


def test_cdc_03_a_table_whose_schema_the_registry_answers_400_for_decodes() -> None:
    """How its schema is got: tests/contracts/test_schemas.py."""
    assert {schema.http_status for schema in cdc.schemas().values()} == {200, 400}
    assert [row["data"] for row in values("env_pa", "trap_json_default")][:2] == ['{"a": 1}', "{}"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_04_several_schema_ids_of_one_partition_each_read_their_own_records(variant: cdc.Variant) -> None:
    partitions: dict[int, set[int | None]] = {}
    for captured, change in changes(variant, ".orders"):
        if change.op is not Op.DELETE:
            partitions.setdefault(captured.partition, set()).add(captured.value_schema_id)
            written = json.loads(cdc.schemas()[captured.value_schema_id or 0].schema_str)
            after = written["fields"][0]["type"][1]["fields"] if variant == "env_pa" else written["fields"]
            assert set(change.row) == {f["name"] for f in after if not f["name"].startswith("__")}
    assert max(map(len, partitions.values())) >= 4


def test_cdc_05_a_short_name_is_resolved_by_the_namespace_around_it() -> None:
    """`after` is "Value", defined inside `before`."""
    schema = json.loads(cdc.schemas()[12].schema_str)
    assert schema["fields"][1]["type"] == ["null", "Value"]
    assert values("env_pa", ".contacts")[0].keys() >= {"id", "email"}


def test_cdc_06_null_stands_on_either_side_of_a_union() -> None:
    row = next(row for row in values("flat_pa", ".contacts") if row["ltv"] is None)
    assert row["ltv"] is None  # ["null", T]
    shape = changes("flat_pa", ".contacts")[0][1].shape
    assert (shape.columns["city"].nullable, shape.columns["city"].default) == (True, "Київ")  # [T, "null"]


def test_cdc_07_a_decimals_default_is_text_of_bytes_and_a_new_enum_value_a_new_schema() -> None:
    shape = changes("env_pa", ".orders")[0][1].shape
    assert shape.columns["discount"].default == Decimal("0.00")
    assert {row["status"] for row in values("env_pa", ".orders")} >= {"INITIALIZED", "RETURNED"}
    assert probe("env_pa", "1")["c_small"] == 1


def test_cdc_08_names_of_avro_mode_stand_and_of_avro_unicode_are_read() -> None:
    assert {"utm_source", "_1st_order", "____", "camelCase"} <= probe("env_pa", "1").keys()
    escaped = next(s for s in cdc.schemas().values() if "type_u005fprobe.Envelope" in s.schema_str)
    parsed = parse(escaped.schema_str)
    envelope = parsed.record(parsed.root)
    assert envelope is not None
    row = parsed.record(envelope["fields"][1]["type"])
    assert row is not None
    found = columns(parsed, row)
    assert {"c_small", "c_num_38_10", "utm-source", "1st_order", "Ціна", "camelCase"} <= found.keys()
    assert found["c_u005fsmall"] is found["c_small"]


def test_cdc_09_a_decimal_has_the_scale_of_its_writers_schema() -> None:
    row = probe("env_pa", "1")
    assert row["c_num"] == Decimal("12345678901234567890.123456789")
    assert row["c_num_38_10"] == Decimal("1234567890123456789012345678.0123456789")
    assert (row["c_money"], row["c_nums"]) == (Decimal("1234.56"), [Decimal("1.10"), Decimal("2.20")])
    taxes = {
        row["taxes"].as_tuple().exponent
        for row in values("env_pa", ".orders")
        if isinstance(row["taxes"], Decimal)
    }
    assert taxes == {-4, -6}
    assert probe("flat_min", "1")["c_num"] == Decimal(12345678901234567000)  # what double mode has left
    assert probe("flat_min", "1")["c_money"] == Decimal("1234.56")


def test_cdc_10_nan_is_null_in_precise_mode_and_unrepresentable_as_a_double() -> None:
    assert probe("env_pa", "a")["c_num"] is None
    assert probe("flat_min", "a")["c_num"] is UNREPRESENTABLE
    assert probe("flat_min", "b")["c_num"] is UNREPRESENTABLE
    assert probe("env_pa", "3")["c_double"] is UNREPRESENTABLE


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_11_a_timestamptz_is_aware_in_every_mode_and_infinity_is_no_date(variant: cdc.Variant) -> None:
    row = probe(variant, "1")
    assert row["c_tstz"] == datetime(2025, 1, 1, 21, 34, 5, 678901, tzinfo=UTC)
    assert row["c_tstz0"] == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    read = column(f"cdc.{variant}.shop.type_probe", "c_tstz").read
    for poison in ("infinity", "-infinity", "-0043-03-15T12:00:00.000000Z", "+12024-01-01T00:00:00Z"):
        assert read(poison) is UNREPRESENTABLE


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_12_a_timestamp_without_zone_is_naive_in_its_own_unit(variant: cdc.Variant) -> None:
    """Milliseconds, microseconds, or text with a Z that means nothing."""
    row = probe(variant, "1")
    whole = datetime(2025, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a column without zone
    assert [row["c_ts"], row["c_ts3"], row["c_ts0"]] == [
        whole.replace(microsecond=678901), whole.replace(microsecond=678000), whole,
    ]  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_13_dates_times_and_intervals_have_their_units(variant: cdc.Variant) -> None:
    row = probe(variant, "1")
    assert (row["c_date"], row["c_time"]) == (date(2025, 1, 2), time(3, 4, 5, 678901))
    assert (row["c_time3"], row["c_timetz"]) == (time(3, 4, 5, 678000), time(1, 4, 5, 678000, tzinfo=UTC))
    assert row["c_interval"] == timedelta(microseconds=37091106789000)


@pytest.mark.parametrize(
    ("table", "name", "poison"),
    [
        ("cdc.env_pa.shop.type_probe", "c_date", [2146033979, -622191234]),
        ("cdc.env_pa.shop.type_probe", "c_ts", [9223372036854775807, -9223372036854775808]),
        ("cdc.env_sc.shop.type_probe", "c_ts", [9223372036825200, -9223372036832400]),
        ("cdc.env_sc.shop.type_probe", "c_date", [2146033979, -622191234]),
        ("cdc.flat_min.shop.type_probe", "c_ts", ["infinity", "+294276-12-31T23:59:59Z"]),
    ],
)
def test_cdc_14_an_infinite_date_costs_no_record(table: str, name: str, poison: list[object]) -> None:
    """Streamed, in an incremental snapshot, in microseconds, in Connect's milliseconds, as text."""
    assert [column(table, name).read(raw) for raw in poison] == [UNREPRESENTABLE] * 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_15_json_arrays_bytes_and_points_are_what_they_were(variant: cdc.Variant) -> None:
    row, shape = probe(variant, "1"), changes(variant, "type_probe")[0][1].shape
    assert (row["c_json"], row["c_jsonb"]) == ('{"k" : 1,  "k":2}', '{"k": [1.10, "є"]}')
    assert (row["c_hstore"], shape.columns["c_hstore"].json) == ('{"a":"1","b":null}', True)
    assert (row["c_texts"], row["c_ints"]) == (["а", "b,c", None], [1, None, 3])
    assert (row["c_bytea"], row["c_bits"], row["c_char"]) == (b"\0\xff\x10", b"\xaa", "ab      ")
    point = row["c_point"]
    assert isinstance(point, dict)
    assert (point["x"], point["y"]) == (Decimal("1.5"), Decimal("-2.5"))
    assert probe(variant, "3")["c_json"] == "null"


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_16_a_default_can_be_seen_where_a_null_may_have_been(variant: cdc.Variant) -> None:
    """Nothing marks the null itself; see also test_cdc_rows."""
    phones = [
        c.shape.columns["phone"].default
        for _, c in changes(variant, ".contacts")
        if "phone" in c.shape.columns
    ]
    assert phones[0] is UNAVAILABLE
    assert phones[-1] == "+380000000000"


def test_cdc_17_defaults_of_the_schema_are_told_apart_from_none() -> None:
    shape = changes("env_pa", ".contacts")[0][1].shape
    assert shape.columns["created_at"].default == datetime(1970, 1, 1, tzinfo=UTC)
    assert shape.columns["id"].default == 0
    assert shape.columns["external_customer_id"].default is UNAVAILABLE


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_18_a_placeholder_of_any_type_is_unavailable(variant: cdc.Variant) -> None:
    """Text, array of texts, array of numbers (the placeholder's bytes), bytes, hstore as JSON."""
    seen = {
        name for row in values(variant, "type_probe") for name, value in row.items() if value is UNAVAILABLE
    }
    assert {"c_texts", "c_ints", "c_bytea", "c_hstore", "c_json", "c_jsonb"} <= seen
    assert not any("unavailable_value" in str(row) for row in values(variant, ""))


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_19_a_create_may_lack_values_too(variant: cdc.Variant) -> None:
    moved = [c for _, c in changes(variant, ".contacts") if c.origin.moved == "from"]
    assert any(c.op is Op.CREATE and c.values()["attributes"] is UNAVAILABLE for c in moved)


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_20_a_full_replica_identity_leaves_nothing_out_and_no_schema_tells(variant: cdc.Variant) -> None:
    """The same schema id has rows with and without: so a delete's `before` is never trusted."""
    whole: dict[int | None, set[bool]] = {}
    for captured, change in changes(variant, ".contacts"):
        if change.op is Op.UPDATE and len(captured.value or b"") > 400:
            lacking = cdc.expected(variant)[captured.position].unavailable_columns
            assert (UNAVAILABLE in change.values().values()) == bool(lacking)
            whole.setdefault(captured.value_schema_id, set()).add(bool(lacking))
    assert {True, False} in whole.values()
