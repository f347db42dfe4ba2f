"""Whether an order's items add up to its total, and spreading over them what is missing (RULES 9, `totals`).

All of it is to the cent: to 0.01, or to the last decimal of a total that has more of them.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from connector.core.events import Item, Order

_HALF = {2: Decimal("0.005"), 3: Decimal("0.0005")}
_NOTHING = Decimal(0)
_SEARCH = 100_000
"""Up to so many units in an order it is looked for costs that need no split line."""
NO_SHARES = "items cost nothing together, or have a negative quantity: totalCost has no shares"


def mismatch(order: Order) -> bool:
    """Σ cost × quantity is not totalCost; not applied where items, a price or the total are absent.

    The vendor asks for equality, and its own example has 990 of items in an order of 258.0: by default a
    mismatch is only counted. Half a cent is none: 0.333 kg have no cost to the cent.
    """
    items, total = order.items, order.total_cost
    if not isinstance(items, tuple) or not items or not isinstance(total, Decimal):
        return False
    sum_of_items = _NOTHING
    for item in items:
        cost, quantity = item.cost, item.quantity
        if type(cost) is not Decimal or (type(quantity) is not int and type(quantity) is not Decimal):
            return False
        sum_of_items += cost if quantity == 1 else cost * quantity
    return sum_of_items != total and abs(sum_of_items - total) > _half(total)


def distribute(order: Order) -> Order | str:
    """An order of which `mismatch` is true, its items' costs in proportion and adding up; or why not.

    Each cost is its share of totalCost rounded to a cent up or down, up where the remainder is largest, so
    that Σ cost × quantity is totalCost: exactly where quantities are whole, else to the cent. Where no such
    roundings add up (3 for 10.00), one line is split in two whose costs differ by a cent (1 for 3.34, 2 for
    3.33). No quantity changes. A surcharge (shipping in the total) is spread in the same way.
    """
    items, total = order.items, order.total_cost
    if not isinstance(items, tuple) or not isinstance(total, Decimal):
        raise TypeError("an order without items or total has nothing to distribute")
    lines = _shares(items, total)
    if lines is None:
        return NO_SHARES
    bumps = _whole(lines) or _partly(lines)
    written = []
    for index, item in enumerate(items):
        written += _written(item, lines, index, bumps.get(index, 0))
    return replace(order, items=tuple(written))


class _Lines(NamedTuple):
    """Integers only. quantities: in units of 1/parts. floors: costs rounded down, in cents (10^exponent).
    remainders: what that took off, comparable. missing: cents times units that the floors lack."""

    quantities: list[int]
    floors: list[int]
    remainders: list[int]
    missing: int
    parts: int
    exponent: int

    @property
    def order(self) -> list[int]:
        """Lines that were rounded down, the largest remainder first."""
        rounded = [i for i, remainder in enumerate(self.remainders) if remainder and self.quantities[i]]
        return sorted(rounded, key=lambda index: -self.remainders[index])


def _half(total: Decimal) -> Decimal:
    decimals = _decimals(total)
    return _HALF.get(decimals) or Decimal(f"5E-{decimals + 1}")


def _decimals(total: Decimal) -> int:
    return max(2, -int(total.as_tuple().exponent))


def _shares(items: Sequence[Item], total: Decimal) -> _Lines | None:
    """Rounded down to cents, every cost in proportion; None where there are no proportions."""
    costs, _ = _integers([item.cost for item in items])
    quantities, parts = _integers([item.quantity for item in items])
    whole = sum(cost * quantity for cost, quantity in zip(costs, quantities, strict=True))
    if whole <= 0 or min(quantities) < 0:
        return None
    decimals = _decimals(total)
    cents = _scaled(total, 10**decimals) * parts
    floors, remainders = zip(*(divmod(cost * cents, whole) for cost in costs), strict=True)
    reached = sum(floor * quantity for floor, quantity in zip(floors, quantities, strict=True))
    return _Lines(quantities, list(floors), list(remainders), cents - reached, parts, -decimals)


def _integers(values: Sequence[object]) -> tuple[list[int], int]:
    """Numbers as integers, times the power of ten that is given back."""
    numbers = [value for value in values if isinstance(value, (int, Decimal))]
    scale = max(0, *(-int(Decimal(number).as_tuple().exponent) for number in numbers))
    return [_scaled(number, 10**scale) for number in numbers], 10**scale


def _scaled(number: Decimal | int, power: int) -> int:
    numerator, denominator = number.as_integer_ratio()
    return numerator * power // denominator


# --- Who gets the missing cents: line → how much of its quantity ---------------------------------


def _whole(lines: _Lines) -> dict[int, int]:
    """Only whole lines, if some of them make it up; else nothing."""
    order, quantities = lines.order, lines.quantities
    if sum(quantities) > _SEARCH:
        return {}
    reach = [1]  # of the last so many lines: bit n is set where some of them have n units together
    for index in reversed(order):
        reach.append(reach[-1] | reach[-1] << quantities[index])
    left = _nearest(reach.pop(), lines.missing, lines.parts // 2)
    bumps: dict[int, int] = {}
    if left is None:
        return bumps
    for index in order:
        rest = left - quantities[index]
        if rest >= 0 and reach[-1] >> rest & 1:
            bumps[index], left = quantities[index], rest
        reach.pop()
    return bumps


def _nearest(reachable: int, wanted: int, tolerance: int) -> int | None:
    """The set bit that is nearest to the wanted one, no further from it than that."""
    for distance in range(tolerance + 1):
        for bit in (wanted - distance, wanted + distance):
            if bit >= 0 and reachable >> bit & 1:
                return bit
    return None


def _partly(lines: _Lines) -> dict[int, int]:
    """Unit by unit, of each line first the whole ones: only the last line that gets some is split."""
    left, half, bumps = lines.missing, lines.parts // 2, {}
    for index in lines.order:
        units, rest = divmod(lines.quantities[index], lines.parts)
        given = min(units, max(0, -((half - left) // lines.parts))) * lines.parts
        if rest and left - given > half and given == units * lines.parts:
            given += rest
        left -= given
        bumps[index] = given
    return bumps


def _written(item: Item, lines: _Lines, index: int, bump: int) -> list[Item]:
    """The line, in two where a part of its quantity costs a cent more."""
    floor, rest = lines.floors[index], lines.quantities[index] - bump
    if not bump or not rest:
        return [replace(item, cost=_cost(floor + bool(bump), lines.exponent))]
    return [
        replace(item, cost=_cost(cents, lines.exponent), quantity=_quantity(part, lines.parts))
        for cents, part in ((floor + 1, bump), (floor, rest))
    ]


def _cost(cents: int, exponent: int) -> Decimal:
    return Decimal(f"{cents}E{exponent}")


def _quantity(units: int, parts: int) -> int | Decimal:
    whole, rest = divmod(units, parts)
    if not rest:
        return whole
    text, decimals = str(units), len(str(parts)) - 1
    digits = text.rstrip("0")
    return Decimal(f"{digits}E{len(text) - len(digits) - decimals}")
