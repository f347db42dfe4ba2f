"""Which changes --key and --where select."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connector.core.change import Column, Value
from connector.core.model import UNAVAILABLE, Op
from connector.core.selection import Where, chosen, holds, parse_where
from tests.support.mapping import change, event, rules, same, shape_of

ROW: dict[str, Value] = {
    "status": "paid", "total": Decimal("10.50"), "items": 3, "gift": True, "note": None,
    "placed": datetime(2025, 1, 31, 12, tzinfo=UTC), "day": date(2025, 1, 31), "info": '{"city": {"id": 7}}',
    "big": UNAVAILABLE, "delivery": {"city": "Kyiv"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("status=paid", Where("status", "paid")),
        ("note=", Where("note", "")),
        ("query=a=b", Where("query", "a=b")),
        (" delivery.city =Kyiv", Where("delivery.city", "Kyiv")),
    ],
)
def test_where_is_a_column_and_a_value(text: str, where: Where) -> None:
    assert parse_where(text) == where


@pytest.mark.parametrize("text", ["status", "", "=paid", " =paid"])
def test_anything_else_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="is not field=value; write it as --where status=paid"):
        parse_where(text)


@pytest.mark.parametrize(
    "text",
    [
        "status=paid", "total=10.5", "total=10.50", "items=3", "gift=true", "note=null", "day=2025-01-31",
        "placed=2025-01-31T12:00:00Z", "placed=2025-01-31T14:00:00+02:00", "delivery.city=Kyiv",
    ],
)  # fmt: skip
def test_a_value_is_compared_as_what_it_is(text: str) -> None:
    assert holds(change(ROW), [parse_where(text)])


@pytest.mark.parametrize(
    "text",
    [
        "status=PAID", "status=null", "total=10.51", "total=ten", "items=33", "gift=True", "note=",
        "placed=2025-01-31T12:00:00", "placed=noon", "day=2025-01-30", "delivery.city=Lviv",
        "big=unavailable", "delivery.street=x", "status.inside=x", "missing=null", "info.city.id=8",
    ],
)  # fmt: skip
def test_another_value_or_none_is_not_selected(text: str) -> None:
    assert not holds(change(ROW), [parse_where(text)])


def test_the_way_goes_into_json() -> None:
    columns = shape_of(ROW, info=Column("info", same, json=True))
    assert holds(change(ROW, shape=columns), [parse_where("info.city.id=7")])


def test_all_conditions_have_to_hold() -> None:
    assert holds(change(ROW), [Where("status", "paid"), Where("items", "3")])
    assert not holds(change(ROW), [Where("status", "paid"), Where("items", "4")])


def test_an_entity_is_chosen_by_its_key_and_a_delete_by_what_the_ledger_knows_of_its_row() -> None:
    columns: dict[str, Value] = {"id": 1, "external_order_id": "A-1"}
    order = event(change(columns))
    gone = event(change({"id": 1}, Op.DELETE, key={"id": 1}), rules(on_delete="cancel"))
    known = {gone.row_key or "": "A-1"}.get

    assert chosen(order, frozenset(), known)
    assert chosen(order, frozenset({"A-1", "A-2"}), known)
    assert not chosen(order, frozenset({"A-2"}), known)
    assert gone.key == ""
    assert chosen(gone, frozenset({"A-1"}), known)
    assert not chosen(gone, frozenset({"A-2"}), known)
