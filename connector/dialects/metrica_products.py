"""Products of order items, uploaded before the first order that has them (`products: auto`).

What was uploaded is remembered as long as the process lives; doing it again changes nothing (inferred).
"""

from collections.abc import Sequence
from typing import Final

from connector.core.events import Order
from connector.core.talk import Batch
from connector.dialects.metrica_values import word

MOST: Final = 160_000
"""Products that a counter may have."""
Product = dict[str, str]


class Products:
    """Those of one lane. `unseen` changes nothing; `note` does, once they were answered."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def unseen(self, batch: Batch) -> list[Product]:
        """As Metrica wants them, each once: its id, and its name for people."""
        found: dict[str, str] = {}
        for sending in batch:
            order = sending.event.body
            for item in (order.items or ()) if isinstance(order, Order) else ():
                name = word(item.external_item_id)
                if name is not None and name not in self._seen:
                    found.setdefault(name, word(item.name) or name)
        return [{"name": name, "humanized": humanized} for name, humanized in found.items()]

    def note(self, products: Sequence[Product]) -> None:
        """They are not sent again. Beyond what a counter holds, memory begins anew."""
        if len(self._seen) + len(products) > MOST:
            self._seen.clear()
        self._seen.update(product["name"] for product in products)
