"""Orders and contacts whose every version is told by its `rev`: written, and remembered as the truth."""

import json
import random
import struct
import threading
from collections import defaultdict
from io import BytesIO
from typing import Any

import fastavro
from confluent_kafka import Producer

from tests.support.registry import RegistryServer

CUSTOMERS = 40
_TEXT = ("external_order_id", "external_customer_id", "email", "status", "date", "total_cost")
ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "rev", "type": "long"}, *({"name": name, "type": "string"} for name in _TEXT)],
}
CONTACT = {
    "type": "record",
    "name": "Contact",
    "fields": [
        {"name": "rev", "type": "long"},
        *({"name": name, "type": "string"} for name in ("external_customer_id", "email", "first_name")),
    ],
}


class Shop:
    """Writes versions to two topics and keeps what it wrote.

    orders: every rev by externalOrderId, in order; contacts: the newest rev by externalCustomerId; poison:
    (partition, offset) of the order records that nobody can read.
    """

    def __init__(
        self, bootstrap: str, registry: RegistryServer, orders: str, contacts: str, seed: int
    ) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5})
        self._random = random.Random(seed)
        self._topics = orders, contacts
        self._schemas = [fastavro.parse_schema(schema) for schema in (ORDER, CONTACT)]
        self._ids = [
            registry.register(f"{topic}-value", json.dumps(schema))
            for topic, schema in zip(self._topics, (ORDER, CONTACT), strict=True)
        ]
        self.orders: dict[str, list[int]] = defaultdict(list)
        self.contacts: dict[str, int] = {}
        self.poison: list[tuple[int, int]] = []
        self._rev = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def write(self, count: int, *, orders: int) -> None:
        """So many changes: mostly of orders 0 … `orders`-1, a few older states again, contacts, poison."""
        for _ in range(count):
            dice = self._random.random()
            if dice < 0.1:
                self._contact(f"c{self._random.randrange(CUSTOMERS)}")
            elif dice < 0.11:
                self._producer.produce(self._topics[0], b"\x07poison", b"p", on_delivery=self._poisoned)
            else:
                self._order(f"o{self._random.randrange(orders)}", again=dice < 0.14)
        assert self._producer.flush(30) == 0

    def start(self, *, each: int, seconds: float, orders: int) -> None:
        """Write `each` changes every so many seconds, until `stop`."""
        self._args = each, seconds, orders
        self._thread.start()

    def stop(self) -> None:
        """All that was written is durable."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        each, seconds, orders = self._args
        while not self._stop.wait(seconds):
            self.write(each, orders=orders)

    def _order(self, key: str, *, again: bool) -> None:
        """Its next version; or, as Debezium does after a crash, an older one after the newest."""
        revs = self.orders[key]
        if again and revs:
            rev = self._random.choice(revs)
        else:
            self._rev += 1
            rev = self._rev
            revs.append(rev)
        row = dict.fromkeys(_TEXT, "") | {
            "rev": rev, "external_order_id": key, "external_customer_id": f"c{int(key[1:]) % CUSTOMERS}",
            "email": f"c{int(key[1:]) % CUSTOMERS}@shop.example", "status": "IN_PROGRESS",
            "date": "2025-01-01T00:00:00Z", "total_cost": "1.00",
        }  # fmt: skip
        self._send(0, key, row)

    def _contact(self, key: str) -> None:
        self._rev += 1
        self.contacts[key] = self._rev
        email = f"{key}@shop.example"
        self._send(
            1,
            key,
            {"rev": self._rev, "external_customer_id": key, "email": email, "first_name": f"n{self._rev}"},
        )

    def _send(self, which: int, key: str, row: dict[str, Any]) -> None:
        body = BytesIO()
        body.write(struct.pack(">bI", 0, self._ids[which]))
        fastavro.schemaless_writer(body, self._schemas[which], row)
        self._producer.produce(self._topics[which], body.getvalue(), key.encode())

    def _poisoned(self, error: object, message: Any) -> None:
        assert error is None
        self.poison.append((message.partition(), message.offset()))
