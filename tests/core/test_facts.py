"""Custom events as map makes them: facts, each with a key that no other has (RULES 7)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.change import Value
from connector.core.events import Event, Fact
from connector.core.mapping import Mapper
from connector.core.model import UNAVAILABLE, Kind, Op, Origin, Reject, Skip
from tests.support.mapping import DEBEZIUM, change, event, mapped, record, rules

TYPED = {"fields": {"eventType": ""}, "defaults": {"eventType": "reviewed"}}
ROW: dict[str, Value] = {"id": 5, "email": "a@b.example", "stars": 4}
KEY: dict[str, Value] = {"id": 5}


def fact(
    row: dict[str, Value] = ROW, op: Op = Op.CREATE, origin: Origin = DEBEZIUM, **settings: object
) -> Event:
    return event(change(row, op, origin, KEY), rules("event", **TYPED | settings))


def test_a_row_becomes_a_fact_with_the_parameters_that_are_named() -> None:
    found = fact({**ROW, "at": datetime(2026, 1, 2, tzinfo=UTC)}, params={"rating": "stars"},
                 fields={"eventType": "", "occurred": "at"})  # fmt: skip
    assert (found.entity, found.kind, found.version, found.digest, found.row_key) == (
        "event", Kind.CUSTOM, None, b"", None,
    )  # fmt: skip
    assert found.body == Fact(
        event_type="reviewed", occurred=datetime(2026, 1, 2, tzinfo=UTC), email="a@b.example",
        params={"rating": 4},
    )  # fmt: skip
    assert (found.source_ms, found.size) == (DEBEZIUM.ts_ms, 6)


def test_the_type_comes_from_a_column_with_the_configured_words() -> None:
    settings: dict[str, Any] = {
        "fields": {"eventType": "kind"},
        "values": {"eventType": {"r": "reviewed"}},
        "defaults": {},
    }
    body = fact({**ROW, "kind": "r"}, **settings).body
    assert isinstance(body, Fact)
    assert body.event_type == "reviewed"


def test_a_fixed_type_is_not_overruled_by_a_column_of_that_name() -> None:
    body = fact({**ROW, "event_type": "x"}).body
    assert isinstance(body, Fact)
    assert body.event_type == "reviewed"


def test_a_mapped_id_is_the_key_whatever_record_brings_it() -> None:
    keys = {fact({**ROW, "event_id": " e-1 "}, op, replace(DEBEZIUM, lsn=lsn)).key
            for op, lsn in ((Op.CREATE, 1), (Op.UPDATE, 2), (Op.READ, None))}  # fmt: skip
    assert keys == {"e-1"}


def test_else_clock_table_primary_key_and_lsn_are() -> None:
    assert fact().key == 'shop/orders/{"id":5}/100'
    assert fact(origin=replace(DEBEZIUM, lsn=101)).key == 'shop/orders/{"id":5}/101'
    assert fact(origin=replace(DEBEZIUM, table="reviews")).key != fact().key


@pytest.mark.parametrize("what", ["no lsn", "no primary key"])
def test_else_topic_id_partition_and_offset_are(what: str) -> None:
    origin = replace(DEBEZIUM, lsn=None) if what == "no lsn" else DEBEZIUM
    key = KEY if what == "no lsn" else None
    mapper = Mapper(rules("event", **TYPED))
    keys = [mapper.map(change(ROW, Op.CREATE, origin, key), record(offset), topic_id)
            for offset, topic_id in ((7, "tid"), (8, "tid"), (7, "other"), (7, ""))]  # fmt: skip
    assert [one.key for one in keys if isinstance(one, Event)] == [
        "tid/0/7", "tid/0/8", "other/0/7", "crm.public.orders/0/7",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [None, "", "  ", UNAVAILABLE])
def test_a_mapped_id_that_a_row_does_not_have_is_a_dead_letter(value: Value) -> None:
    result = mapped(change({**ROW, "event_id": value}, Op.CREATE, key=KEY), rules("event", **TYPED))
    assert isinstance(result, Reject)
    assert result.cause == "missing_key"


@pytest.mark.parametrize("name", ["event_id", "id"])
def test_a_key_without_utf_8_is_a_dead_letter(name: str) -> None:
    broken = change({**ROW, name: "\ud800"}, Op.CREATE, key={"id": "\ud800"})
    result = mapped(broken, rules("event", **TYPED))
    assert isinstance(result, Reject)
    assert result.cause == "invalid_value"


def test_a_snapshots_row_is_sent_or_skipped_as_configured() -> None:
    assert fact(op=Op.READ, on_snapshot="create").snapshot
    assert mapped(change(ROW, Op.READ, key=KEY), rules("event", on_snapshot="skip", **TYPED)) == Skip(
        "snapshot"
    )


@pytest.mark.parametrize(
    ("on_delete", "result"), [("ignore", "delete_ignored"), ("dead-letter", "delete"), ("cancel", "delete")]
)
def test_what_happened_cannot_be_deleted(on_delete: str, result: str) -> None:
    found = mapped(change(ROW, Op.DELETE, key=KEY), rules("event", on_delete=on_delete, **TYPED))
    assert isinstance(found, Skip | Reject)
    assert (found.rule if isinstance(found, Skip) else found.cause) == result


def test_a_fact_that_cannot_be_mapped_still_names_its_key() -> None:
    mapper = Mapper(rules("event", **TYPED))
    assert mapper.key_of(change({**ROW, "event_id": "e", "email": b"x"})) == "e"
    assert mapper.key_of(change(ROW)) is None


def test_what_is_null_or_not_mapped_is_not_there() -> None:
    body = fact({**ROW, "email": None}).body
    assert isinstance(body, Fact)
    assert (body.email, body.phone, body.params, body.occurred) == (None, UNSET, UNSET, UNSET)
