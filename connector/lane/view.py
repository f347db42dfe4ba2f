"""What an operator sees of a lane, for /status and the page: no personal data, no record values.

A snapshot made on the lane's own thread, since nobody else may ask the consumer.
"""

from typing import Final

from connector.core.model import Json
from connector.lane.parts import Parts

GATES: Final[dict[str, str]] = {
    "destination": "the destination does not answer, or says that it cannot; it is tried again by itself",
    "credentials": "the destination refuses its key; put a valid one in its file, which is read again",
    "quota": "the destination answers 429, or its requests of the day are spent; it is tried again by itself",
    "contract": "the destination answers what its API never does; check its url, or report it",
}


def snapshot(name: str, parts: Parts, *, joined: bool) -> dict[str, Json]:
    """state: running | paused | waiting (not in its group yet); why; counts; partitions."""
    paused = _paused(parts)
    return {
        "destination": name,
        "at": parts.clock.now(),
        "state": "paused" if paused else "running" if joined else "waiting",
        "paused": paused,
        "outcomes": dict(parts.books.totals),
        "dead_letters": dict(parts.books.causes),
        "memory_bytes": parts.books.bytes,
        "in_flight": parts.courier.state().events,
        "waiting_entities": len(parts.plan),
        "partitions": _partitions(parts),
    }


def _paused(parts: Parts) -> dict[str, Json]:
    paused: dict[str, Json] = {reason: dict(pause) for reason, pause in parts.outages.view().items()}
    gate = parts.courier.state().paused
    if gate is not None:
        paused[gate] = {"detail": GATES[gate]}
    if parts.brake.holds:
        paused["flood"] = {"detail": "too many dead letters; answer with `crm-connector resume`"}
    for (topic, partition), question in parts.partitions.asking.items():
        paused[question.reason] = {"detail": f"{topic}[{partition}] asks; answer with `crm-connector resume`"}
    return paused


def _partitions(parts: Parts) -> list[Json]:
    """Next offset to commit, lag in records and seconds, and what is asked."""
    rows: list[Json] = []
    for (topic, partition), track in sorted(parts.partitions.tracks.items()):
        records, seconds = parts.partitions.lags.get((topic, partition), (0, 0.0))
        question = parts.partitions.asking.get((topic, partition))
        rows.append(
            {
                "topic": topic,
                "partition": partition,
                "watermark": track.watermark,
                "lag_records": records,
                "lag_seconds": round(seconds, 3),
                "asks": question.reason if question else None,
            }
        )
    return rows


def show(name: str, parts: Parts) -> None:
    """Export what autoscalers and alerts ask of the lane as a whole."""
    parts.meter.set("assigned_partitions", len(parts.partitions.tracks), destination=name)
    parts.meter.set("scalable_lag_records", scalable_lag(parts), destination=name)


def scalable_lag(parts: Parts) -> int:
    """Records of lag that more replicas would help with.

    None while the lane is paused, or waits for the request rate, which replicas share.
    """
    flights = parts.courier.state()
    if flights.paused or flights.throttled * 2 > flights.flying or parts.outages.view() or parts.brake.holds:
        return 0
    partitions = parts.partitions
    return sum(records for key, (records, _) in partitions.lags.items() if key not in partitions.asking)


def overdue(parts: Parts, now: float) -> bool:
    """Whether a conversation is past its own deadline, with a grace of a second."""
    deadline = parts.courier.state().deadline
    return deadline is not None and now > deadline + 1.0
