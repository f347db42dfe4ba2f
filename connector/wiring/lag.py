"""How far every destination's group is behind, asked of the brokers."""

import time

from msgspec import Struct

from connector.adapters.kafka_admin import KafkaAdmin, PartitionLag
from connector.settings import Settings


class LagRow(Struct, frozen=True):
    """One partition of one destination. `seconds`: age of the oldest record behind, None without one."""

    destination: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    seconds: float | None


def lag(settings: Settings) -> list[LagRow]:
    """By destination, topic, partition. Raises BrokerDown."""
    return [row for name in settings.destinations for row in _lag_of(settings, name)]


def _lag_of(settings: Settings, name: str) -> list[LagRow]:
    admin = KafkaAdmin(settings.kafka_client(), settings.group_of(name))
    try:
        found = admin.lag([topic.name for topic in settings.topics_of(name)])
    finally:
        admin.close()
    now_ms = time.time() * 1000
    return [_row(name, one, now_ms) for one in found]


def _row(name: str, one: PartitionLag, now_ms: float) -> LagRow:
    age = None if one.oldest_ms is None else round(max(0.0, now_ms - one.oldest_ms) / 1000, 3)
    return LagRow(name, one.topic, one.partition, one.committed, one.end, one.records, age)
