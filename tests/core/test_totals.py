"""Items and their total."""

from decimal import Decimal

import pytest
from msgspec import UNSET

from connector.core.events import Item, Order
from connector.core.totals import mismatch


def order(total: str | None, *lines: tuple[str | None, str]) -> Order:
    """An order of (cost, quantity) lines."""
    items = tuple(Item(cost=Decimal(c) if c else UNSET, quantity=Decimal(q)) for c, q in lines)
    return Order("1", total_cost=Decimal(total) if total else UNSET, items=items)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (order("990", ("990", "1")), False),
        (order("990.00", ("495", "2.0")), False),
        (order("258.0", ("990", "1")), True),
        (order("0.3", ("0.1", "1"), ("0.2", "1")), False),
        (order("10"), False),
        (order(None, ("990", "1")), False),
        (order("258.0", (None, "1")), False),
        (Order("1", total_cost=Decimal(5)), False),
    ],
)
def test_items_that_do_not_add_up_are_told_and_absent_ones_are_not(found: Order, expected: bool) -> None:
    assert mismatch(found) is expected
