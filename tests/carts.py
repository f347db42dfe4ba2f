"""Random carts through `totals: distribute`: `python -m tests.carts [COUNT] [SEED]` (a million: minutes).

What `make test` shows of a few hundred carts by hypothesis, by a seeded loop over as many as one likes.
"""

import random
import sys
from decimal import Decimal

from connector.core.events import Item, Order
from connector.core.totals import distribute, mismatch

HALF = Decimal("0.005")


def cart(choose: random.Random) -> Order:
    """An order of 1 to 12 lines, most of them of whole quantities, with a discount or a surcharge."""
    fractional = choose.random() < 0.2
    items = []
    for index in range(choose.randint(1, 12)):
        cost = Decimal(choose.choice((0, 1, 99, choose.randint(1, 5_000_00)))) / 100
        quantity: Decimal | int = choose.choice((1, 1, 1, 2, 3, choose.randint(1, 200)))
        if fractional and choose.random() < 0.5:
            quantity = Decimal(choose.randint(1, 20_000)) / 1000
        items.append(Item(external_item_id=str(index), cost=cost, quantity=quantity))
    rate = choose.choice((choose.random(), choose.random(), 1 + choose.random(), 0))
    total = (whole(items) * Decimal(rate)).quantize(Decimal("0.01"))
    return Order("1", total_cost=total, items=tuple(items))


def flaw(order: Order) -> str | None:
    """What is wrong with an order's distribution, None if nothing."""
    if not mismatch(order):
        return None
    spread = distribute(order)
    assert isinstance(order.items, tuple)
    assert isinstance(order.total_cost, Decimal)
    if isinstance(spread, str):
        return None if whole(order.items) == 0 else "refused though its items cost something"
    assert isinstance(spread.items, tuple)
    off = abs(whole(spread.items) - order.total_cost)
    fractional = any(isinstance(item.quantity, Decimal) for item in order.items)
    if off > (HALF if fractional else 0):
        return f"the sum is off by {off}"
    return _unfair(order.items, spread.items, order.total_cost)


def whole(items: list[Item] | tuple[Item, ...]) -> Decimal:
    """Σ cost × quantity."""
    lines = ((item.cost, item.quantity) for item in items)
    return sum(
        (c * q for c, q in lines if isinstance(c, Decimal) and isinstance(q, (Decimal, int))), Decimal(0)
    )


def _unfair(before: tuple[Item, ...], after: tuple[Item, ...], total: Decimal) -> str | None:
    scale = total / whole(before)
    if len(after) > len(before) + 1:
        return "more than one line was split"
    for item in before:
        parts = [one for one in after if one.external_item_id == item.external_item_id]
        if sum(Decimal(str(part.quantity)) for part in parts) != item.quantity:
            return "a quantity changed"
        share = Decimal(str(item.cost)) * scale
        if any(abs(Decimal(str(part.cost)) - share) >= Decimal("0.01") for part in parts):
            return "a cost is no rounding of its share"
    return None


def main(count: int = 1_000_000, seed: int = 1) -> int:
    """Print the first carts that are wrong, and how many there were of which kind."""
    choose = random.Random(seed)
    spread = split = wrong = 0
    for number in range(count):
        order = cart(choose)
        if fault := flaw(order):
            wrong += 1
            sys.stdout.write(f"cart {number} of seed {seed}: {fault}: {order}\n")
            if wrong == 10:
                break
        made = distribute(order) if mismatch(order) else "equal"
        spread += not isinstance(made, str)
        split += not isinstance(made, str) and len(made.items or ()) > len(order.items or ())
    sys.stdout.write(f"{count} carts: {spread} distributed, {split} with a split line, {wrong} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
