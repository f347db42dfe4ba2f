"""The fast form of `yespo_check.order_fault`: is an order without fault at first sight, as nearly all are?

A yes is the plain form's too (a property of its tests); after a no the plain form has the last word.
"""

from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Final

from connector.core.events import Item, Order
from connector.dialects.yespo_check import MAX_IDENTIFIER, MAX_POWER, STATUSES
from connector.dialects.yespo_locator import BLANK, phone_of

_LEAST: Final = -MAX_POWER


def is_common(order: Order) -> bool:
    """Nothing of it needs a second look, but for what `yespo_check.rare_fault` looks at."""
    try:
        number, date, total = order.external_order_id, order.date, order.total_cost
        return (
            order.status in STATUSES
            and type(date) is datetime and MINYEAR < date.year < MAXYEAR
            and number.strip() not in BLANK and len(number) <= MAX_IDENTIFIER
            and total.is_finite() and not total.is_signed()  # type: ignore[union-attr]  # see below
            and _LEAST <= total.adjusted() <= MAX_POWER  # type: ignore[union-attr]
            and _is_located(order) and (not order.items or _are_common(order.items))
        )  # fmt: skip
    except AttributeError:  # None or UNSET where a text or a number has to be
        return False


def _are_common(items: Sequence[Item]) -> bool:
    for item in items:
        cost = item.cost
        if not (
            type(item.quantity) is int
            and cost.is_finite() and _LEAST <= cost.adjusted() <= MAX_POWER  # type: ignore[union-attr]
            and item.external_item_id.strip() not in BLANK  # type: ignore[union-attr]
            and item.name.strip() not in BLANK  # type: ignore[union-attr]
            and item.url.strip() not in BLANK  # type: ignore[union-attr]
            and item.image_url.strip() not in BLANK  # type: ignore[union-attr]
        ):  # fmt: skip
            return False
    return True


def _is_located(order: Order) -> bool:
    """What it names its contact by is in order, and it names it by something."""
    customer, email, phone = order.external_customer_id, order.email, order.phone
    if customer and (len(customer) > MAX_IDENTIFIER or customer.strip() in BLANK):
        return False
    if email and (len(email) > MAX_IDENTIFIER or "@" not in email):
        return False
    return bool(phone_of(phone) if phone else customer or email)
