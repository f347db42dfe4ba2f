"""The parts of the pipeline, each alone on the same records: `python -m tests.bench.parts JSON`.

Prints one JSON line: part → CPU seconds for all records, in a process that does nothing else.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from confluent_kafka import Consumer

from connector.adapters.http_options import HttpOptions
from connector.adapters.http_wire import WireHttp
from connector.core.change import Change
from connector.core.claims import Grant
from connector.core.decode import Decoder
from connector.core.events import Event
from connector.core.mapping import Mapper
from connector.core.model import Position, Record
from connector.core.rules import TopicRules
from connector.core.talk import Request, Response, Sending
from connector.dialects.yespo import Yespo, YespoOptions
from tests.bench.records import SCHEMA_FILE

T = TypeVar("T")
RULES = TopicRules(name="orders", entity="order", envelope="plain")


class _OneSchema:
    """Every id has the benchmark's schema."""

    def writer(self, _schema_id: int, _topic: str) -> str | None:
        return SCHEMA_FILE.read_text(encoding="utf-8")


def consume(bootstrap: str, topic: str, count: int) -> list[tuple[bytes, bytes]]:
    """The records of a topic, by a consumer alone."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": f"parts.{topic}", "auto.offset.reset": "earliest",
         "enable.auto.commit": False}
    )  # fmt: skip
    consumer.subscribe([topic])
    found: list[tuple[bytes, bytes]] = []
    while len(found) < count:
        for message in consumer.consume(1000, 1.0):
            key, value = message.key(), message.value()
            if isinstance(key, bytes) and isinstance(value, bytes):
                found.append((key, value))
    consumer.close()
    return found


def measure(bootstrap: str, topic: str, url: str, count: int) -> dict[str, float]:
    """CPU seconds of each part."""
    costs: dict[str, float] = {}
    raw = _timed(costs, "consume", lambda: consume(bootstrap, topic, count))
    records = [Record(Position("orders", 0, n), 0, key, value) for n, (key, value) in enumerate(raw)]
    decoder, mapper = Decoder(RULES, _OneSchema()), Mapper(RULES)
    changes = _timed(costs, "decode", lambda: [decoder.decode(record) for record in records])
    pairs = [(c, r) for c, r in zip(changes, records, strict=True) if isinstance(c, Change)]
    events = _timed(costs, "map", lambda: [mapper.map(change, record, "") for change, record in pairs])
    orders = [event for event in events if isinstance(event, Event)]
    past = Yespo(YespoOptions(orders_via="past_events"))
    faults = _timed(costs, "validate", lambda: [past.check(event) for event in orders])
    assert not any(faults), faults[:3]
    bodies = _timed(costs, "encode", lambda: _bodies(past, orders))
    _timed(costs, "post bulk", lambda: asyncio.run(_post(url, bodies, 1)))
    live = _bodies(Yespo(YespoOptions()), orders)
    _timed(costs, "post live", lambda: asyncio.run(_post(url, live, 128)))
    return costs


def _timed(costs: dict[str, float], part: str, work: Callable[[], T]) -> T:
    before = time.process_time()
    result = work()
    costs[part] = time.process_time() - before
    return result


def _bodies(destination: Yespo, events: Sequence[Event]) -> list[Request]:
    """The requests of all events, in the batches of their lot."""
    found: list[Request] = []
    lot = destination.lot(events[0])
    for start in range(0, len(events), min(500, lot.max_events)):
        batch = [
            Sending(destination.refine(e, Grant())) for e in events[start : start + min(500, lot.max_events)]
        ]
        talk = destination.converse(lot, batch)
        request = next(talk)
        assert isinstance(request, Request)
        found.append(request)
    return found


async def _post(url: str, requests: Sequence[Request], width: int) -> None:
    http = WireHttp(HttpOptions(base_url=url, connections=width), dict)
    queue = iter(requests)

    async def worker() -> None:
        for request in queue:
            answer = await http.send(request, 30)
            assert isinstance(answer, Response)
            assert answer.status == 200, answer

    await asyncio.gather(*(worker() for _ in range(width)))
    await http.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(**json.loads(sys.argv[1]))) + "\n")
