"""How one lane's memory is shared: what Kafka's client fetches ahead, what is handed out, what is on its way.

The client is librdkafka. Its consumer has one queue for all partitions, and looks at that queue's limits
before it asks for more: so what it holds is the queue and, beyond its limit, one answer of the brokers, which
may be compressed (CONFIGURATION.md: queued.max.messages.kbytes "may be overshot"). A poll can hand all of it
out while as much is fetched anew: twice that is kept free, the rest is for what is decoded and in flight.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

GROWTH: Final = 8
"""How many times its size an answer may come to: several brokers answer, and batches are compressed."""
LIKE: Final = 2
"""How often there is room for what is fetched ahead: once handed out, and once fetched meanwhile."""
RECORD: Final = 1024
"""Bytes of queue for a record at least: its own structures take half of that."""
_USUAL_FETCH: Final = 524_288
_KBYTES, _FETCH = "queued.max.messages.kbytes", "fetch.max.bytes"
FLOOR: Final = "message.max.bytes"
"""A producer's limit; for a consumer only the least that fetch.max.bytes may be."""


class Budget(Struct, frozen=True):
    """All in bytes. total: `delivery.memory_bytes`. queue: librdkafka's. fetch: of one answer."""

    total: int
    queue: int
    fetch: int

    @property
    def ahead(self) -> int:
        """What librdkafka may hold, as long as no record is larger than an answer."""
        return self.queue + self.fetch * GROWTH

    @property
    def records(self) -> int:
        """How many records are fetched ahead."""
        return max(1, self.queue // RECORD)

    def own(self, largest: int = 0) -> int:
        """What received records and all that is made of them may take; largest: bytes of the largest one."""
        return max(self.total - LIKE * max(self.ahead, self.queue + largest), self.total // 4)

    def properties(self) -> dict[str, int]:
        """librdkafka's, for a consumer."""
        return {
            _KBYTES: self.queue // 1024,
            "queued.min.messages": self.records,
            _FETCH: self.fetch,
            "max.partition.fetch.bytes": min(self.fetch, _USUAL_FETCH),
            FLOOR: min(self.fetch, _USUAL_FETCH),
        }


def _number(given: Mapping[str, object] | None, name: str, default: int) -> int:
    text = str((given or {}).get(name, ""))
    return int(text) if text.isdecimal() else default


def share(total: int, given: Mapping[str, object] | None = None) -> Budget:
    """An eighth to librdkafka, half of that to its queue. given: the user's properties, which stand."""
    queue = _number(given, _KBYTES, max(1, total // 16 // 1024)) * 1024
    return Budget(total, queue, _number(given, _FETCH, min(_USUAL_FETCH, total // 128)))


USUAL: Final = share(67_108_864)
"""Of the default of `delivery.memory_bytes`."""


def problems(total: int, given: Mapping[str, object]) -> list[str]:
    """Where the user's properties leave too little for what is on its way."""
    ahead = share(total, given).ahead
    if total - LIKE * ahead >= total // 4:
        return []
    held = f"kafka.properties: {_KBYTES} and {_FETCH} let librdkafka hold {ahead} bytes"
    return [f"{held}, too much of delivery.memory_bytes ({total}); lower or remove them, or raise it"]
