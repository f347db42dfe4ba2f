"""What an operator sees of a lane, for /status and the page: no personal data, no record values.

A snapshot made on the lane's own thread about once a second, since nobody else may ask the consumer.
"""

from connector.core.status import LaneStatus, PartitionStatus, Pause, Point, QuotaStatus
from connector.core.trend import Trend
from connector.courier import CourierState
from connector.lane.health import Sight, judge
from connector.lane.parts import Parts
from connector.lane.pauses import pauses


class View:
    """One lane's, with what it remembers of its last hour."""

    def __init__(self, name: str, parts: Parts) -> None:
        """Nothing was seen yet."""
        self._name, self._parts = name, parts
        self._trend = Trend()
        self._since: dict[str, float] = {}

    def look(self, *, joined: bool) -> LaneStatus:
        """What is so now."""
        parts, books, now = self._parts, self._parts.books, self._parts.clock.now()
        flights, quota = parts.courier.state(), parts.quota()
        rows = _partitions(parts)
        records = sum(row["lag_records"] for row in rows)
        seconds = max((row["lag_seconds"] for row in rows), default=0.0)
        self._trend.note(now, records, seconds, books.closed, quota["left"] if quota else None)
        paused = self._paused(flights, now)
        books.troubles.requests(flights.failed)
        caught_up_at = self._trend.caught_up_at(now)
        throttled = flights.throttled * 2 > flights.flying
        sight = Sight(
            joined, paused, len(rows), records, seconds, books.closed, parts.plan.linger,
            throttled, None if caught_up_at is None else caught_up_at - now,
        )  # fmt: skip
        health, why = judge(sight)
        return LaneStatus(
            destination=self._name,
            at=now,
            health=health,
            why=why,
            state="paused" if paused else "running" if joined else "waiting",
            paused=paused,
            failure=None,
            lag_records=records,
            lag_seconds=seconds,
            records_per_second=round(self._trend.rate(now), 3),
            caught_up_at=caught_up_at,
            last_accepted_at=books.accepted_at,
            outcomes=dict(books.totals),
            dead_letters=dict(books.causes),
            quota=self._forecast(quota, now),
            memory_bytes=books.bytes,
            in_flight=flights.events,
            waiting_entities=len(parts.plan),
            errors=books.troubles.newest_first(),
            history=self._history(),
            partitions=rows,
        )

    def _paused(self, flights: CourierState, now: float) -> dict[str, Pause]:
        """Each is one of the last errors from when it is seen first; the brake does not tell since when."""
        paused = pauses(self._parts, flights)
        self._since = {reason: self._since.get(reason, now) for reason in paused}
        for reason, pause in paused.items():
            if self._since[reason] == now:
                self._parts.books.troubles.pause(reason, pause["detail"])
            if pause["since"] is None:
                pause["since"] = self._since[reason]
        return paused

    def _forecast(self, quota: QuotaStatus | None, now: float) -> QuotaStatus | None:
        if quota is None or not (pace := self._trend.per_hour(now)):
            return quota
        spent_at = now + quota["left"] / pace * 3600
        quota["per_hour"] = round(pace, 1)
        quota["spent_at"] = spent_at if spent_at < quota["resets_at"] else None
        return quota

    def _history(self) -> list[Point]:
        return [
            Point(
                at=step.at,
                lag_records=step.records,
                lag_seconds=step.seconds,
                settled=step.settled,
                quota_left=step.left,
            )
            for step in self._trend
        ]


def _partitions(parts: Parts) -> list[PartitionStatus]:
    asking, lags = parts.partitions.asking, parts.partitions.lags
    rows: list[PartitionStatus] = []
    for key, track in sorted(parts.partitions.tracks.items()):
        lag = lags.get(key)
        question = asking.get(key)
        rows.append(
            {
                "topic": key[0],
                "partition": key[1],
                "watermark": lag.watermark if lag else track.watermark,
                "lag_records": lag.records if lag else 0,
                "lag_seconds": round(lag.seconds, 3) if lag else 0.0,
                "oldest_at": lag.oldest_ms / 1000 if lag and lag.oldest_ms is not None else None,
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
    return sum(lag.records for key, lag in partitions.lags.items() if key not in partitions.asking)


def overdue(parts: Parts, now: float) -> bool:
    """Whether a conversation is past its own deadline, with a grace of a second."""
    deadline = parts.courier.state().deadline
    return deadline is not None and now > deadline + 1.0
