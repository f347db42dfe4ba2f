"""How far every destination's group is behind, asked of the brokers, and when it will have caught up."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil

from msgspec import Struct

from connector.adapters.kafka_admin import KafkaAdmin, PartitionLag
from connector.core.day import drained
from connector.settings import Settings
from connector.wiring import daily


class LagRow(Struct, frozen=True):
    """One partition of one destination. `seconds`: age of the oldest record behind, None without one.

    drained_at: when the destination will have had all that is behind now, at the rate and the quota that its
    configuration allows (ISO 8601 in UTC); None: nothing is behind, or nothing limits it.
    """

    destination: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    seconds: float | None
    drained_at: str | None = None


def lag(settings: Settings) -> list[LagRow]:
    """By destination, topic, partition. Raises BrokerDown."""
    return [row for name in settings.destinations for row in _lag_of(settings, name)]


def _lag_of(settings: Settings, name: str) -> list[LagRow]:
    admin = KafkaAdmin(settings.kafka_client(), settings.group_of(name))
    try:
        found = admin.lag([topic.name for topic in settings.topics_of(name)])
    finally:
        admin.close()
    now = time.time()
    at = _drained_at(settings, name, found, now)
    return [_row(name, one, now * 1000, at) for one in found]


def _row(name: str, one: PartitionLag, now_ms: float, at: str | None) -> LagRow:
    age = None if one.oldest_ms is None else round(max(0.0, now_ms - one.oldest_ms) / 1000, 3)
    return LagRow(name, one.topic, one.partition, one.committed, one.end, one.records, age, at)


def _drained_at(settings: Settings, name: str, found: Sequence[PartitionLag], now: float) -> str | None:
    """A batch holds one topic's records: of Metrica so many as `batch_events`, of Yespo's live events one."""
    per_day, delivery = settings.requests_per_day(name), settings.delivery_of(name)
    most = delivery.batch_events if per_day else 1
    behind: dict[str, int] = {}
    for one in found:
        behind[one.topic] = behind.get(one.topic, 0) + one.records
    requests = sum(ceil(records / most) for records in behind.values())
    if not requests or not delivery.rate_per_second:
        return None
    end = drained(
        requests,
        now,
        rate=delivery.rate_per_second,
        left=_left(settings, name, per_day),
        per_day=per_day or 0,
    )
    return datetime.fromtimestamp(end, UTC).isoformat(timespec="seconds")


def _left(settings: Settings, name: str, per_day: int | None) -> int | None:
    """Requests that today has left; all of them where nothing was counted yet, or nobody tells."""
    if per_day is None:
        return None
    found = daily.so_far(settings, name)
    if found is None:
        return per_day
    count, used = found
    count.close()
    return max(0, per_day - used)
