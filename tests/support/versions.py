"""Orders and contacts whose every version is told by its `rev`: written, and remembered as the truth."""

import json
import random
import struct
import threading
from collections import defaultdict
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

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


NOTE = {"name": "note", "type": ["null", "string"], "default": None}
"""What a later version of the order's schema has."""


class Written(NamedTuple):
    """One record as the broker has it. rev: None = poison, which has no key either."""

    topic: str
    partition: int
    offset: int
    key: str | None
    rev: int | None


class Shop:
    """Writes versions to two topics and keeps what it wrote.

    orders: every rev by externalOrderId, in order; contacts: the newest rev by externalCustomerId; poison:
    (partition, offset) of the order records that nobody can read; written: every record, as it was confirmed.
    `patience`: seconds that the broker may be away.
    """

    patience = 120.0

    def __init__(
        self, bootstrap: str, registry: RegistryServer, orders: str, contacts: str, seed: int
    ) -> None:
        # Idempotent: a broker that dies in the middle of a batch must not turn its order round.
        given = {"enable.idempotence": True, "linger.ms": 5, "topic.metadata.refresh.interval.ms": 2000}
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0, **given})
        self._random = random.Random(seed)
        self._registry, self._topics = registry, (orders, contacts)
        self._writers = [self._register(which, schema) for which, schema in enumerate((ORDER, CONTACT))]
        self.orders: dict[str, list[int]] = defaultdict(list)
        self.contacts: dict[str, int] = {}
        self.poison: list[tuple[int, int]] = []
        self.written: list[Written] = []
        self.failure: BaseException | None = None
        self.rev = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def write(self, count: int, *, orders: int) -> None:
        """So many changes: mostly of orders 0 … `orders`-1, a few older states again, contacts, poison."""
        for _ in range(count):
            dice = self._random.random()
            if dice < 0.1:
                self._contact(f"c{self._random.randrange(CUSTOMERS)}")
            elif dice < 0.11:
                self._produce(0, b"\x07poison", None, None)
            else:
                self._order(f"o{self._random.randrange(orders)}", again=dice < 0.14)
        assert self._producer.flush(self.patience) == 0

    def start(self, *, each: int, seconds: float, orders: int) -> None:
        """Write `each` changes every so many seconds, until `stop`."""
        self._args = each, seconds, orders
        self._thread.start()

    def stop(self) -> None:
        """All that was written is durable. Raises what stopped the writing before."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self.failure is not None:
            raise self.failure

    def abandon(self) -> None:
        """Stop, whatever state the broker is in; what it has not confirmed soon is given up."""
        self._stop.set()
        while self._thread.is_alive():
            self._thread.join(2.0)
            self._producer.purge()

    def evolve(self) -> int:
        """From now on orders have a new schema; its id."""
        schema = {**ORDER, "fields": [*ORDER["fields"], NOTE]}
        self._writers[0] = self._register(0, schema)
        return self._writers[0][0]

    def _register(self, which: int, schema: dict[str, Any]) -> tuple[int, Any]:
        number = self._registry.register(f"{self._topics[which]}-value", json.dumps(schema))
        return number, fastavro.parse_schema(schema)

    def _work(self) -> None:
        each, seconds, orders = self._args
        try:
            while not self._stop.wait(seconds):
                self.write(each, orders=orders)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever stops the writing
            self.failure = error

    def _order(self, key: str, *, again: bool) -> None:
        """Its next version; or, as Debezium does after a crash, an older one after the newest."""
        revs = self.orders[key]
        if again and revs:
            rev = self._random.choice(revs)
        else:
            self.rev += 1
            rev = self.rev
            revs.append(rev)
        row = dict.fromkeys(_TEXT, "") | {
            "rev": rev, "external_order_id": key, "external_customer_id": f"c{int(key[1:]) % CUSTOMERS}",
            "email": f"c{int(key[1:]) % CUSTOMERS}@shop.example", "status": "IN_PROGRESS",
            "date": "2025-01-01T00:00:00Z", "total_cost": "1.00",
        }  # fmt: skip
        self._send(0, key, row)

    def _contact(self, key: str) -> None:
        self.rev += 1
        self.contacts[key] = self.rev
        email = f"{key}@shop.example"
        self._send(
            1,
            key,
            {"rev": self.rev, "external_customer_id": key, "email": email, "first_name": f"n{self.rev}"},
        )

    def _send(self, which: int, key: str, row: dict[str, Any]) -> None:
        (number, schema), body = self._writers[which], BytesIO()
        body.write(struct.pack(">bI", 0, number))
        fastavro.schemaless_writer(body, schema, row)
        self._produce(which, body.getvalue(), key, row["rev"])

    def _produce(self, which: int, value: bytes, key: str | None, rev: int | None) -> None:
        told = partial(self._confirmed, key, rev)
        self._producer.produce(self._topics[which], value, (key or "p").encode(), on_delivery=told)

    def _confirmed(self, key: str | None, rev: int | None, error: object, message: Any) -> None:
        assert error is None
        self.written.append(Written(message.topic(), message.partition(), message.offset(), key, rev))
        if key is None:
            self.poison.append((message.partition(), message.offset()))
