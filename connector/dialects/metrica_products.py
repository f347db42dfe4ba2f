"""Products of order items, uploaded before the first order that has them (`products: auto`).

Those that were taken are remembered over restarts by whoever is told of them; doing it again changes nothing
but the day's quota (inferred). The first name of a product stays.
"""

from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from typing import Final

from connector.core.events import Order
from connector.core.talk import Batch
from connector.dialects.metrica_values import word

MOST: Final = 160_000
"""Products that a counter may have."""
Product = dict[str, str]
Taken = Callable[[Collection[bytes]], None]


class Products:
    """Those of one counter, each as 8 bytes of hash. `unseen` changes nothing; `note` does, once they were
    answered.

    known: from earlier. taken: told of those that are to be known from now on, for ever.
    """

    def __init__(self, counter_id: int, known: Collection[bytes] = (), taken: Taken = lambda _: None) -> None:
        self._key, self._taken = str(counter_id).encode(), taken
        self._seen = set(known)

    def unseen(self, batch: Batch) -> list[Product]:
        """As Metrica wants them, each once: its id, and its name for people."""
        found: dict[str, str] = {}
        for sending in batch:
            order = sending.event.body
            for item in (order.items or ()) if isinstance(order, Order) else ():
                name = word(item.external_item_id)
                if name is not None and name not in found and self._digest(name) not in self._seen:
                    found[name] = word(item.name) or name
        return [{"name": name, "humanized": humanized} for name, humanized in found.items()]

    def note(self, products: Sequence[Product], *, taken: bool) -> None:
        """They are not sent again. Beyond what a counter holds, memory begins anew."""
        digests = [self._digest(product["name"]) for product in products]
        if len(self._seen) + len(digests) > MOST:
            self._seen.clear()
        self._seen.update(digests)
        if taken:
            self._taken(digests)

    def _digest(self, name: str) -> bytes:
        return blake2b(name.encode(), digest_size=8, key=self._key).digest()
