"""What `/status` says of a process: the form is stable, later versions add names, rename and remove none.

Times are seconds since the epoch. A description is all that the README's table knows of a name.
"""

from typing import Annotated, Final, Literal, TypedDict

from msgspec import Meta

Health = Literal["stopped", "stuck", "paused", "lagging", "starting", "empty", "healthy"]
HEALTH: Final[dict[Health, str]] = {
    "stopped": "it has failed, or is ending; only a restart brings it back",
    "stuck": "its loop stands still, or a request is past its deadline; liveness asks for a restart",
    "paused": "it, or a partition of it, waits for what `paused` names; nothing is lost",
    "lagging": "it works, and its oldest unsettled record is over a minute older than its batches wait",
    "starting": "its group has not let it in yet",
    "empty": "it has had nothing to do: no record yet, or no partition of its own",
    "healthy": "it works, and has settled what there is",
}
"""What each word means, the gravest first: a process is what its gravest lane is."""


class Pause(TypedDict):
    """Why a lane, or a partition of it, waits."""

    since: Annotated[float | None, Meta(description="When it began; null: not known.")]
    detail: Annotated[str, Meta(description="What has happened, in one sentence.")]
    remedy: Annotated[str, Meta(description="What ends it.")]
    next_try: Annotated[
        float | None, Meta(description="When it is tried again; null: an answer is waited for.")
    ]


class Point(TypedDict):
    """A step of a lane's last hour."""

    at: Annotated[float, Meta(description="When it began.")]
    lag_records: Annotated[int, Meta(description="The most within the step.")]
    lag_seconds: Annotated[float, Meta(description="The most within the step.")]
    settled: Annotated[int, Meta(description="Records that were settled within the step.")]
    quota_left: Annotated[int | None, Meta(description="Requests of the day that were left at its end.")]


class Trouble(TypedDict):
    """One of a lane's last errors; what recurs stands once."""

    at: Annotated[float, Meta(description="When it happened last.")]
    since: Annotated[float, Meta(description="When it happened first.")]
    times: Annotated[int, Meta(description="How often.")]
    kind: Annotated[str, Meta(description="`pause`, `dead_letter`, or `request`.")]
    reason: Annotated[
        str, Meta(description="The pause's reason, the dead letter's cause, the request's resource.")
    ]
    detail: Annotated[str, Meta(description="One sentence, masked.")]
    topic: Annotated[str | None, Meta(description="Of a dead letter's record, as are the next two.")]
    partition: Annotated[int | None, Meta(description="Of the last one.")]
    offset: Annotated[int | None, Meta(description="Of the last one.")]


class QuotaStatus(TypedDict):
    """Requests a day that a destination allows."""

    requests: Annotated[int, Meta(description="A day.")]
    left: Annotated[int, Meta(description="Until `resets_at`, for all replicas.")]
    resets_at: Annotated[float, Meta(description="The next 00:00 GMT.")]
    per_hour: Annotated[float | None, Meta(description="The pace of the last hour; null: not known yet.")]
    spent_at: Annotated[
        float | None, Meta(description="When none is left, at that pace; null: they last for the day.")
    ]
    linger_seconds: Annotated[
        float, Meta(description="How long a batch waits for company, to make them last.")
    ]


class PartitionStatus(TypedDict):
    """A partition that the group has given to this process."""

    topic: Annotated[str, Meta(description="Its topic.")]
    partition: Annotated[int, Meta(description="Its number.")]
    watermark: Annotated[int, Meta(description="The next offset to commit: of its oldest unsettled record.")]
    lag_records: Annotated[int, Meta(description="Records that are not settled.")]
    lag_seconds: Annotated[float, Meta(description="Age of the oldest one that was read.")]
    oldest_at: Annotated[float | None, Meta(description="When that one was written; null: none waits.")]
    asks: Annotated[str | None, Meta(description="The reason for which it asks the operator (see Pauses).")]


class LaneStatus(TypedDict):
    """One destination. Counts are of this process, since its start."""

    destination: Annotated[str, Meta(description="Its name.")]
    at: Annotated[float, Meta(description="When all this was so: once a second.")]
    health: Annotated[Health, Meta(description="One word, see below.")]
    why: Annotated[list[str], Meta(description="The same in sentences.")]
    state: Annotated[str, Meta(description="`running`, `paused`, `waiting` (not in its group yet).")]
    paused: Annotated[dict[str, Pause], Meta(description="By reason.")]
    failure: Annotated[str | None, Meta(description="What it ended with.")]
    lag_records: Annotated[int, Meta(description="Of all its partitions.")]
    lag_seconds: Annotated[float, Meta(description="Of its oldest unsettled record.")]
    records_per_second: Annotated[float, Meta(description="Settled in the last minute.")]
    caught_up_at: Annotated[
        float | None, Meta(description="At the pace of the last 5 minutes; null: lag does not shrink.")
    ]
    last_accepted_at: Annotated[float | None, Meta(description="When the destination last took an event.")]
    outcomes: Annotated[dict[str, int], Meta(description="Settled records by outcome.")]
    dead_letters: Annotated[dict[str, int], Meta(description="By cause.")]
    quota: Annotated[QuotaStatus | None, Meta(description="Null: the destination counts no days.")]
    memory_bytes: Annotated[int, Meta(description="That records stand for.")]
    in_flight: Annotated[int, Meta(description="Events that are being sent.")]
    waiting_entities: Annotated[int, Meta(description="Orders, contacts, events that wait for their turn.")]
    errors: Annotated[list[Trouble], Meta(description="The last 20 different ones, the newest first.")]
    history: Annotated[list[Point], Meta(description="The last hour, a point for 15 seconds.")]
    partitions: Annotated[list[PartitionStatus], Meta(description="By topic and number.")]


class Status(TypedDict):
    """One process."""

    health: Annotated[Health, Meta(description="Of its gravest lane.")]
    live: Annotated[bool, Meta(description="As `/livez` says.")]
    ready: Annotated[bool, Meta(description="As `/readyz` says.")]
    problems: Annotated[list[str], Meta(description="Why it is not.")]
    at: Annotated[float, Meta(description="Now.")]
    started_at: Annotated[float, Meta(description="When the process started.")]
    version: Annotated[str, Meta(description="Of the connector.")]
    instance: Annotated[str, Meta(description="The host's name: which replica this is.")]
    lanes: Annotated[list[LaneStatus], Meta(description="One for each destination.")]


def gravest(found: list[Health]) -> Health:
    """Of several; none at all: still starting."""
    return min(found, key=list(HEALTH).index, default="starting")
