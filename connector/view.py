"""What an operator sees of a lane: for /status and the page. No personal data, no record values."""

from connector.core.model import Json
from connector.lane import Lane


def lane_view(lane: Lane) -> dict[str, Json]:
    """state: running | paused | waiting (not in its group yet); why; counts; partitions."""
    courier, books = lane.parts.courier.state(), lane.parts.books
    paused: dict[str, Json] = {reason: dict(pause) for reason, pause in lane.parts.outages.view().items()}
    if courier.paused is not None:
        paused[courier.paused] = {"detail": "the destination; see its requests_total"}
    if lane.parts.brake.holds:
        paused["flood"] = {"detail": "too many dead letters; see runbook, then `crm-connector resume`"}
    for (topic, partition), question in lane.parts.partitions.asking.items():
        paused[question.reason] = {"detail": f"{topic}[{partition}] asks; answer with `crm-connector resume`"}
    state = "paused" if paused else "running" if lane.joined else "waiting"
    return {
        "destination": lane.name,
        "state": state,
        "paused": paused,
        "outcomes": dict(books.totals),
        "dead_letters": dict(books.causes),
        "memory_bytes": books.bytes,
        "in_flight": courier.events,
        "waiting_entities": len(lane.parts.plan),
        "partitions": partitions_view(lane),
    }


def partitions_view(lane: Lane) -> list[Json]:
    """Per partition: next offset to commit, lag in records and seconds, whether it asks."""
    rows: list[Json] = []
    for (topic, partition), track in sorted(lane.parts.partitions.tracks.items()):
        records, seconds = lane.lag(topic, partition)
        asking = lane.parts.partitions.asking.get((topic, partition))
        rows.append(
            {
                "topic": topic,
                "partition": partition,
                "watermark": track.watermark,
                "lag_records": records,
                "lag_seconds": round(seconds, 3),
                "asks": asking.reason if asking else None,
            }
        )
    return rows


def overdue(lane: Lane, now: float) -> bool:
    """Whether a conversation is past its own deadline, with a grace of a second."""
    deadline = lane.parts.courier.state().deadline
    return deadline is not None and now > deadline + 1.0
