"""Items and their total."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from connector.core.events import Item, Order
from connector.core.totals import NO_SHARES, distribute, mismatch
from tests import carts


def order(total: str | None, *lines: tuple[str | None, str]) -> Order:
    """An order of (cost, quantity) lines."""
    items = tuple(
        Item(
            external_item_id=str(number),
            cost=Decimal(cost) if cost else UNSET,
            quantity=Decimal(quantity) if "." in quantity else int(quantity),
        )
        for number, (cost, quantity) in enumerate(lines)
    )
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
        (order("3.33", ("9.99", "0.333")), False),
        (order("3.32", ("9.99", "0.333")), True),
        (order("1.001", ("1.001", "1")), False),
        (order("1.001", ("1.002", "1")), True),
    ],
)
def test_items_that_do_not_add_up_to_the_cent_are_told_and_absent_ones_are_not(
    found: Order, expected: bool
) -> None:
    assert mismatch(found) is expected


def lines(found: Order | str) -> list[tuple[str, str, str]]:
    """Id, cost and quantity of each line."""
    assert isinstance(found, Order)
    return [(str(i.external_item_id), str(i.cost), str(i.quantity)) for i in found.items or ()]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (order("258.0", ("990", "1")), [("0", "258.00", "1")]),
        (order("90", ("50", "1"), ("25", "2")), [("0", "45.00", "1"), ("1", "22.50", "2")]),
        (
            order("1.00", ("1", "1"), ("1", "1"), ("1", "1")),
            [("0", "0.34", "1"), ("1", "0.33", "1"), ("2", "0.33", "1")],
        ),
        (order("0.02", ("1", "2"), ("1.5", "1")), [("0", "0.01", "2"), ("1", "0.00", "1")]),
        (order("10", ("4", "3")), [("0", "3.34", "1"), ("0", "3.33", "2")]),
        (order("12", ("9", "1"), ("1", "1")), [("0", "10.80", "1"), ("1", "1.20", "1")]),
        (order("0", ("9", "1"), ("0", "2")), [("0", "0.00", "1"), ("1", "0.00", "2")]),
        (order("9", ("10", "1"), ("2", "0")), [("0", "9.00", "1"), ("1", "1.80", "0")]),
        (order("10.01", ("4", "2.5")), [("0", "4.01", "1"), ("0", "4.00", "1.5")]),
        (order("8", ("10", "1"), ("-5", "1")), [("0", "16.00", "1"), ("1", "-8.00", "1")]),
        (order("1.001", ("1", "1"), ("1", "1")), [("0", "0.501", "1"), ("1", "0.500", "1")]),
    ],
)
def test_the_difference_is_spread_in_proportion_to_the_cent(
    found: Order, expected: list[tuple[str, str, str]]
) -> None:
    assert lines(distribute(found)) == expected


@pytest.mark.parametrize(
    "found",
    [order("5", ("0", "1")), order("5", ("1", "-1")), order("5", ("1", "0")), order("5", ("-1", "1"))],
)
def test_items_without_a_price_have_no_shares(found: Order) -> None:
    assert distribute(found) == NO_SHARES


@given(st.integers(0, 2**64))
def test_items_add_up_to_the_cent_after_distribute(seed: int) -> None:
    """Σ cost × quantity is totalCost, quantities stay, each cost is a rounding of its share."""
    assert carts.flaw(carts.cart(random.Random(seed))) is None


_costs = st.decimals("0", "1E+12", places=2) | st.decimals("0", "9.999", places=3)
_quantities = st.integers(0, 10**9) | st.decimals("0.001", "5000", places=3)


@given(
    st.lists(st.tuples(_costs, _quantities), min_size=1, max_size=8),
    st.decimals("0", "1E+15", places=2) | st.decimals("0", "99", places=3),
)
def test_whatever_is_distributed_adds_up(parts: list[tuple[Decimal, Decimal | int]], total: Decimal) -> None:
    """Prices and quantities of any size, totals that have nothing to do with them."""
    items = tuple(Item(cost=cost, quantity=quantity) for cost, quantity in parts)
    before = Order("1", total_cost=total, items=items)
    if mismatch(before):
        after = distribute(before)
        assert after == NO_SHARES if isinstance(after, str) else not mismatch(after)
        assert isinstance(after, str) is (carts.whole(items) == 0)
