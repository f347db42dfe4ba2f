"""Whether an order's items add up to its total (RULES 9, `totals`)."""

from decimal import Decimal

from connector.core.events import Order


def mismatch(order: Order) -> bool:
    """Σ cost × quantity differs from totalCost; not applied where items, a price or the total are absent.

    The vendor asks for equality, and its own example has 990 of items in an order of 258.0: by default a
    mismatch is only counted.
    """
    items, total = order.items, order.total_cost
    if not isinstance(items, tuple) or not items or not isinstance(total, Decimal):
        return False
    sum_of_items = Decimal(0)
    for item in items:
        cost, quantity = item.cost, item.quantity
        if not isinstance(cost, Decimal) or not isinstance(quantity, Decimal | int):
            return False
        sum_of_items += cost * quantity
    return sum_of_items != total
