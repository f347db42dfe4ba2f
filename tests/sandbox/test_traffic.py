"""The demo's traffic is repeatable, has the shapes of Debezium, and holds every trouble that it promises."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader

from connector.sandbox.registry import RegistryServer
from connector.sandbox.traffic import TOPICS, UNKNOWN_ID, Entry, Traffic

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def _traffic(seed: int = 7) -> tuple[Traffic, RegistryServer]:
    registry = RegistryServer()
    return Traffic(registry, seed, START), registry


@pytest.fixture(scope="module")
def made() -> tuple[Traffic, list[Entry], RegistryServer]:
    traffic, registry = _traffic()
    return traffic, traffic.batch(300), registry


Made = tuple[Traffic, list[Entry], RegistryServer]


def _decoded(entry: Entry, registry: RegistryServer) -> dict[str, Any]:
    value = entry.record.value or b""
    schema = parse_schema(json.loads(registry.schemas[int.from_bytes(value[1:5], "big")].text))
    message = schemaless_reader(BytesIO(value[5:]), schema, None)
    assert isinstance(message, dict)
    return message


def test_one_seed_makes_the_same_bytes_and_another_seed_others(made: Made) -> None:
    def values(seed: int) -> list[bytes | None]:
        return [entry.record.value for entry in _traffic(seed)[0].batch(40)]

    assert values(7) == values(7)
    assert values(7) != values(8)


def test_every_record_but_the_spoilt_ones_decodes_to_an_envelope_of_its_key(made: Made) -> None:
    _, entries, registry = made
    for entry in entries:
        if entry.kind in ("state", "touch", "repeat", "no_total"):
            message = _decoded(entry, registry)
            column = "order_no" if entry.table == "orders" else "customer_no"
            assert message["after"][column] == entry.key
            assert message["source"]["lsn"] == entry.lsn
            assert message["op"] in ("c", "u")


def test_spoilt_records_are_of_three_kinds(made: Made) -> None:
    _, entries, registry = made
    spoilt = {
        e.kind: e.record.value or b""
        for e in entries
        if e.kind in ("truncated", "not_avro", "unknown_schema")
    }

    assert spoilt["not_avro"][:1] == b"{"
    assert int.from_bytes(spoilt["unknown_schema"][1:5], "big") == UNKNOWN_ID not in registry.schemas
    with pytest.raises(EOFError):
        _decoded(next(e for e in entries if e.kind == "truncated"), registry)


def test_older_states_come_again_after_newer_ones_and_newest_ones_twice(made: Made) -> None:
    _, entries, _ = made
    newest: dict[tuple[str, str], int] = defaultdict(int)
    seen: Counter[str] = Counter()
    for entry in entries:
        key = (entry.table, entry.key)
        if entry.kind == "repeat":
            seen["older" if entry.lsn < newest[key] else "same"] += 1
        newest[key] = max(newest[key], entry.lsn)

    assert seen["older"] > 3
    assert seen["same"] > 3


def test_orders_often_come_before_their_contact(made: Made) -> None:
    _, entries, registry = made
    known: set[str] = set()
    early = set()
    for entry in entries:
        if entry.table == "contacts":
            known.add(entry.key)
        elif entry.kind == "state" and (customer := _decoded(entry, registry)["after"]["customer_no"]):
            early |= {customer} - known

    assert len(early) > 20
    assert known - early


def test_the_source_ends_with_the_newest_state_of_each_order(made: Made) -> None:
    traffic, entries, registry = made
    newest: dict[str, tuple[int, Any]] = {}
    for entry in entries:
        if entry.table == "orders" and entry.kind in ("state", "touch", "repeat", "no_total"):
            newest[entry.key] = max(
                newest.get(entry.key, (0, None)), (entry.lsn, entry.record.value), key=lambda n: n[0]
            )
    rows = {key: _after(value, registry) for key, (_, value) in newest.items()}

    assert set(rows) == set(traffic.shop.orders)
    for key, row in traffic.shop.orders.items():
        assert (rows[key]["status"], rows[key]["total"]) == (row["status"], row["total"])
    assert traffic.broken == {key for key, row in rows.items() if row["total"] is None} != set()


def test_no_two_states_of_an_order_have_one_content(made: Made) -> None:
    _, entries, registry = made
    states = [
        (entry.key, json.dumps(_decoded(entry, registry)["after"] | {"viewed_at": None}, default=str))
        for entry in entries
        if entry.table == "orders" and entry.kind == "state"
    ]

    assert len(states) == len(set(states))


def test_orders_get_another_column_on_the_way(made: Made) -> None:
    _, entries, registry = made
    with_promo = {
        "promo_code" in _decoded(e, registry)["after"]
        for e in entries
        if e.kind == "state" and e.table == "orders"
    }

    assert with_promo == {True, False}


@pytest.mark.parametrize("orders", [1, 2, 5])
def test_a_small_shop_has_as_many_orders_as_asked_for(orders: int) -> None:
    traffic, _ = _traffic()

    entries = traffic.batch(orders)

    assert len(traffic.shop.orders) == orders
    assert {entry.record.topic for entry in entries} <= set(TOPICS.values())


def test_further_traffic_goes_on_where_it_ended_and_can_be_without_faults() -> None:
    traffic, _ = _traffic()
    last = max(entry.lsn for entry in traffic.batch(10))

    more = traffic.batch(5, faults=False)

    assert {entry.kind for entry in more} <= {"state", "touch"}
    assert min(entry.lsn for entry in more) > last
    assert len(traffic.shop.orders) == 15


def _after(value: bytes | None, registry: RegistryServer) -> dict[str, Any]:
    value = value or b""
    schema = parse_schema(json.loads(registry.schemas[int.from_bytes(value[1:5], "big")].text))
    message = schemaless_reader(BytesIO(value[5:]), schema, None)
    assert isinstance(message, dict)
    row = message["after"]
    assert isinstance(row, dict)
    return row
