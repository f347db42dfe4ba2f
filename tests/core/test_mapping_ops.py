"""What a change says of its entity: kinds (RULES 7), deletes (RULES 8), versions (RULES 1)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.change import Column, Shape, Value
from connector.core.events import Contact, Event, Order
from connector.core.mapping import Mapper
from connector.core.model import UNAVAILABLE, Kind, Op, Origin, Reject, Skip
from tests.support.mapping import DEBEZIUM, change, event, mapped, record, rules, same

ROW: dict[str, Value] = {"external_order_id": "1", "status": "new"}


@pytest.mark.parametrize(
    ("op", "moved", "kind"),
    [
        (Op.CREATE, None, Kind.ORDER_CREATED),
        (Op.CREATE, "from", Kind.ORDER_UPDATED),
        (Op.UPDATE, None, Kind.ORDER_UPDATED),
    ],
)
def test_a_create_is_a_created_order_but_not_that_of_a_primary_key_change(
    op: Op, moved: Literal["from"] | None, kind: Kind
) -> None:
    found = event(change(ROW, op, replace(DEBEZIUM, moved=moved)))
    assert (found.kind, found.op, found.snapshot) == (kind, op, False)


@pytest.mark.parametrize(
    ("on_snapshot", "kind"),
    [
        ("update", Kind.ORDER_UPDATED),
        ("create", Kind.ORDER_CREATED),
        ("past_events", Kind.ORDER_CREATED),
    ],
)
def test_a_snapshots_row_is_what_on_snapshot_says(on_snapshot: str, kind: Kind) -> None:
    found = event(change(ROW, Op.READ), rules(on_snapshot=on_snapshot))
    assert (found.kind, found.snapshot) == (kind, True)


def test_a_snapshots_row_can_be_skipped() -> None:
    assert mapped(change(ROW, Op.READ), rules(on_snapshot="skip")) == Skip("snapshot")
    incremental = replace(DEBEZIUM, lsn=None, snapshot=True)
    assert mapped(change(ROW, Op.READ, incremental), rules(on_snapshot="skip")) == Skip("snapshot")


@pytest.mark.parametrize("op", [Op.CREATE, Op.UPDATE, Op.READ])
def test_a_contact_is_upserted(op: Op) -> None:
    assert event(change({"externalCustomerId": "c"}, op), rules("contact")).kind is Kind.CONTACT_UPSERTED


# --- Deletes --------------------------------------------------------------------------------------

FULL: dict[str, Value] = {"id": 5, "external_order_id": "1", "total_cost": Decimal(5)}
GONE: dict[str, Value] = {"id": 5}


def test_deletes_are_ignored_unless_the_configuration_says_otherwise() -> None:
    assert mapped(change(FULL, Op.DELETE, key=GONE)) == Skip("delete_ignored")


def test_a_deleted_order_is_cancelled_with_what_its_row_tells_of_contact_total_and_date() -> None:
    row: dict[str, Value] = {**FULL, "email": "a@b.example", "items": "[{}]", "status": "new"}
    found = event(change(row, Op.DELETE, key=GONE), rules(on_delete="cancel"))
    assert (found.kind, found.key, found.op) == (Kind.ORDER_CANCELLED, "1", Op.DELETE)
    assert found.body == Order("1", status="CANCELLED", total_cost=Decimal("5.00"), email="a@b.example")


def test_no_default_stands_for_what_a_deleted_row_does_not_tell() -> None:
    settings = rules(on_delete="cancel", defaults={"totalCost": 1, "date": "2026-01-01"})
    found = event(change({"external_order_id": "1"}, Op.DELETE, key=GONE), settings)
    assert found.body == Order("1", status="CANCELLED")


def test_a_delete_is_the_same_delete_whatever_its_row_still_tells() -> None:
    """A tombstone that is read alone after a restart tells only the key."""
    whole, bare = (
        event(change(row, Op.DELETE, key=GONE), rules(on_delete="cancel"))
        for row in ({**FULL, "date": "2026-01-01"}, {"external_order_id": "1"})
    )
    assert whole.digest == bare.digest


@pytest.mark.parametrize(
    ("on_delete", "kind"), [("erase", Kind.CONTACT_DELETED), ("unsubscribe", Kind.CONTACT_UNSUBSCRIBED)]
)
def test_a_deleted_contact_keeps_what_finds_it(on_delete: str, kind: Kind) -> None:
    row: dict[str, Value] = {"external_customer_id": "c", "email": "a@b.example", "first_name": "Ім'я"}
    found = event(change(row, Op.DELETE), rules("contact", on_delete=on_delete))
    assert (found.kind, found.key) == (kind, "c")
    assert found.body == Contact("c", email="a@b.example")


def test_a_delete_that_knows_only_its_primary_key_leaves_the_key_to_the_ledger() -> None:
    shape = Shape({name: Column(name, same) for name in FULL})
    found = event(change(GONE, Op.DELETE, key=GONE, shape=shape), rules(on_delete="cancel"))
    assert (found.key, found.row_key) == ("", 'shop/orders/{"id":5}')


def test_a_deletes_schema_need_not_have_the_mapped_columns() -> None:
    """A lone tombstone has the columns of its key and no others."""
    found = event(change(GONE, Op.DELETE, key=GONE), rules(on_delete="cancel", fields={"totalCost": "sum"}))
    assert found.key == ""


def test_a_delete_without_any_key_is_a_dead_letter() -> None:
    result = mapped(change({}, Op.DELETE), rules(on_delete="cancel"))
    assert isinstance(result, Reject)
    assert result.cause == "delete"


def test_a_delete_of_a_row_whose_business_key_is_null_is_a_dead_letter() -> None:
    result = mapped(change({**FULL, "external_order_id": None}, Op.DELETE), rules(on_delete="cancel"))
    assert isinstance(result, Reject)
    assert result.cause == "missing_key"


def test_a_delete_can_be_a_dead_letter() -> None:
    result = mapped(change(FULL, Op.DELETE), rules(on_delete="dead-letter"))
    assert isinstance(result, Reject)
    assert result.cause == "delete"


@pytest.mark.parametrize("on_delete", ["cancel", "dead-letter"])
def test_the_delete_of_a_primary_key_change_is_filtered(on_delete: str) -> None:
    moved = replace(DEBEZIUM, moved="to")
    assert mapped(change(FULL, Op.DELETE, moved, GONE), rules(on_delete=on_delete)) == Skip("delete_moved")


def test_but_not_where_the_business_key_is_part_of_the_primary_key() -> None:
    """Then another entity took its place, and the old one is gone."""
    key: dict[str, Value] = {"order_no": "1", "shop": 3}
    settings = rules(on_delete="cancel", fields={"externalOrderId": "order_no"})
    assert event(change(key, Op.DELETE, replace(DEBEZIUM, moved="to"), key), settings).key == "1"


@pytest.mark.parametrize(
    ("header", "result"),
    [
        (b'{"order_no":"1","shop":4}', Skip("delete_moved")),
        (b'{"schema":null,"payload":{"order_no":"1","shop":4}}', Skip("delete_moved")),
        (b'{"order_no":"2","shop":3}', "1"),
        (b'{"order_no":1,"shop":4}', "1"),
        (b'{"shop":4}', "1"),
        (b"Struct{order_no=1}", "1"),
        (b"\xff", "1"),
        (None, "1"),
    ],
)
def test_a_row_whose_primary_key_changes_beside_its_business_key_stays_that_entity(
    header: bytes | None, result: Skip | str
) -> None:
    """Delete and create have one lsn: the create would be a duplicate, and the order stay cancelled."""
    key: dict[str, Value] = {"order_no": "1", "shop": 3}
    mapper = Mapper(rules(on_delete="cancel", fields={"externalOrderId": "order_no"}))
    moved = change(key, Op.DELETE, replace(DEBEZIUM, moved="to"), key)
    found = mapper.map(moved, replace(record(), headers=(("__debezium.newkey", header),)), "tid")
    assert (found.key if isinstance(found, Event) else found) == result


@pytest.mark.parametrize(("entity", "on_delete"), [("contact", "cancel"), ("order", "erase")])
def test_an_on_delete_of_the_other_entity_is_a_dead_letter(entity: Any, on_delete: str) -> None:
    row: dict[str, Value] = {"external_order_id": "1", "external_customer_id": "c"}
    result = mapped(change(row, Op.DELETE), rules(entity, on_delete=on_delete))
    assert isinstance(result, Reject)
    assert result.cause == "delete"


def test_row_keys_are_made_only_where_deletes_count() -> None:
    assert event(change(ROW, key=GONE)).row_key is None
    assert event(change(ROW, key=GONE), rules(on_delete="cancel")).row_key == 'shop/orders/{"id":5}'


def test_a_row_key_does_not_depend_on_the_order_of_its_columns() -> None:
    one = change(ROW, key={"a": 1, "b": "ї"})
    other = change(ROW, key={"b": "ї", "a": 1})
    keys = {event(each, rules(on_delete="cancel")).row_key for each in (one, other)}
    assert keys == {'shop/orders/{"a":1,"b":"ї"}'}


def test_a_flattened_record_and_its_lone_tombstone_name_the_same_row() -> None:
    """The tombstone tells neither clock nor table (flattened records may tell the table)."""
    settings = rules(on_delete="cancel")
    row = event(change(ROW, origin=Origin(table="orders", lsn=5), key=GONE), settings)
    gone = event(change(GONE, Op.DELETE, Origin(), GONE), settings)
    assert row.row_key == gone.row_key == 'crm.public.orders@tid/crm.public.orders/{"id":5}'


def test_a_table_without_primary_key_has_no_row_key() -> None:
    assert event(change(ROW), rules(on_delete="cancel")).row_key is None


# --- Version --------------------------------------------------------------------------------------


def test_a_version_is_origin_and_position() -> None:
    version = event(change(ROW)).version
    assert version is not None
    assert (version.clock, version.lsn, version.ts_ms, version.declared) == (
        "shop",
        100,
        1_700_000_000_000,
        None,
    )
    assert (version.topic, version.partition, version.offset) == ("crm.public.orders", 0, 7)
    assert version.timestamp_ms == 1_700_000_000_500
    assert version.floor is None


@pytest.mark.parametrize(("lsn", "floor"), [(100, -1), (None, None)])
def test_a_version_tells_a_snapshots_row_by_its_floor(lsn: int | None, floor: int | None) -> None:
    """A row of an incremental one has no lsn, and needs none."""
    found = event(change(ROW, Op.READ, origin=Origin("shop", "orders", lsn, 5, snapshot=True)))
    assert found.version is not None
    assert (found.version.lsn, found.version.floor) == (lsn, floor)


def test_without_a_named_source_the_clock_is_the_topic_and_its_id() -> None:
    found = event(change(ROW, origin=Origin()))
    assert found.version is not None
    assert found.version.clock == "crm.public.orders@tid"


def test_the_time_of_the_change_is_the_databases_else_the_records() -> None:
    assert event(change(ROW)).source_ms == 1_700_000_000_000
    assert event(change(ROW, origin=Origin(ts_ms=0))).source_ms == 0
    assert event(change(ROW, origin=Origin())).source_ms == 1_700_000_000_500


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        (5, 5),
        (Decimal("5.00"), 5),
        (datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), 1_000_005),
        (datetime.fromisoformat("1970-01-01T03:00:01"), 1_000_000),
        ("2025-a", "2025-a"),
        ("9", 9),
        ("10", 10),
        ("-007.00", -7),
        ("1.10", "1.10"),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"),
    ],
)
def test_a_declared_version_is_an_int_or_a_text(value: Value, declared: int | str) -> None:
    """Times in microseconds; a naive one is read in the topic's zone."""
    settings = rules(version="rev", time_zone="Europe/Moscow")
    version = event(change({**ROW, "rev": value}), settings).version
    assert version is not None
    assert version.declared == declared


@pytest.mark.parametrize(
    "value",
    [None, "", True, Decimal("1.5"), Decimal("NaN"), 0.5, 2**63, UNAVAILABLE, b"x", [], Decimal("1e999999")],
)
def test_a_version_without_order_is_a_dead_letter(value: Value) -> None:
    result = mapped(change({**ROW, "rev": value}), rules(version="rev"))
    assert isinstance(result, Reject)
    assert (result.cause, result.detail[:19]) == ("version", "version: column rev")


def test_a_delete_without_its_declared_version_is_a_dead_letter() -> None:
    result = mapped(change(GONE, Op.DELETE, key=GONE), rules(version="rev", on_delete="cancel"))
    assert isinstance(result, Reject)
    assert result.cause == "version"


def test_version_auto_declares_nothing() -> None:
    found = event(change(ROW), rules(version="auto"))
    assert found.version is not None
    assert found.version.declared is None


def test_an_event_carries_its_position_and_size() -> None:
    found = event(change(ROW))
    assert found.position is not None
    assert (found.position.offset, found.size, found.entity) == (7, 6, "order")
    assert found.body.external_customer_id is UNSET
