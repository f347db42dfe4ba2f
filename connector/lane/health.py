"""Whether a lane is healthy, and if not, why: one word, and sentences. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from connector.core.spans import span
from connector.core.status import Health, Pause

LATE: Final = 60.0
"""Seconds that a record may wait beside the linger of its batch."""


class Sight(Struct, frozen=True):
    """What is judged. seconds: age of the oldest unsettled record. settled: since start. linger: seconds.

    throttled: most requests wait for the rate. caught_up_in: seconds, None: lag does not shrink.
    """

    joined: bool
    paused: Mapping[str, Pause]
    partitions: int
    records: int
    seconds: float
    settled: int
    linger: float
    throttled: bool
    caught_up_in: float | None


def judge(sight: Sight) -> tuple[Health, list[str]]:
    """The word, and why it is not `healthy`."""
    if sight.paused:
        return "paused", [pause["detail"] for pause in sight.paused.values()]
    if not sight.joined:
        return "starting", ["its consumer group has not let it in yet"]
    if sight.seconds > LATE + sight.linger:
        return "lagging", list(_late(sight))
    if not sight.partitions:
        return "empty", ["its consumer group gave it no partition: other replicas have them all"]
    if not sight.settled and not sight.records:
        return "empty", ["no record has come since it started"]
    return "healthy", []


def _late(sight: Sight) -> Iterator[str]:
    yield f"{sight.records:,} records wait, the oldest for {span(sight.seconds)}"
    if sight.caught_up_in is not None:
        yield f"at this pace it has caught up in {span(sight.caught_up_in)}"
    if sight.throttled:
        yield "requests wait for their rate, `delivery.rate_per_second`"
    if sight.linger > LATE:
        yield f"batches wait {span(sight.linger)} for company, so that the day's requests last"
