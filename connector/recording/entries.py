"""What a line tells of an event and of positions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from connector.core.model import Position, Version
from connector.ports import TopicPartition


class Entry(Struct, omit_defaults=True, gc=False):
    """An event in a line; which fields it has is told by the line's `what`."""

    entity: str
    key: str
    version: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    lease: int | None = None
    verdict: str | None = None
    outcome: str | None = None
    cause: str | None = None
    doubtful: bool = False
    certain: bool = True
    attempt: int = 0


def version_of(version: Version | None) -> str | None:
    """What RULES 1 compares first; None: a contact that was made for an order."""
    if version is None:
        return None
    for name in ("declared", "lsn", "ts_ms"):
        if (value := getattr(version, name)) is not None:
            return f"{name}:{value}"
    return f"offset:{version.offset}"


def grouped(positions: Iterable[tuple[Position, str | None]]) -> list[dict[str, Any]]:
    """Positions, each with its outcome (None: has none yet), by partition, lease and outcome."""
    groups: dict[tuple[str, int, int, str | None], list[int]] = defaultdict(list)
    for at, outcome in positions:
        groups[at.topic, at.partition, at.lease, outcome].append(at.offset)
    return [
        {"topic": topic, "partition": partition, "lease": lease, "outcome": outcome, "offsets": offsets}
        if outcome
        else {"topic": topic, "partition": partition, "lease": lease, "offsets": offsets}
        for (topic, partition, lease, outcome), offsets in groups.items()
    ]


def places(keys: Iterable[TopicPartition]) -> list[dict[str, Any]]:
    """Partitions."""
    return [{"topic": topic, "partition": partition} for topic, partition in keys]


def offsets_of(offsets: Mapping[TopicPartition, int]) -> list[dict[str, Any]]:
    """Partitions with an offset each."""
    return [{"topic": t, "partition": p, "offset": offset} for (t, p), offset in offsets.items()]
