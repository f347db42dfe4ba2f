"""Why a lane, or a partition of it, waits: as an operator sees it."""

from collections import defaultdict
from typing import Final

from connector.core.status import Pause
from connector.courier import CourierState
from connector.lane.advice import ASKS, FLOOD, GATES
from connector.lane.parts import Parts

NAMED: Final = 3
"""Partitions that ask are named, so many of them."""


def pauses(parts: Parts, flights: CourierState) -> dict[str, Pause]:
    """By reason; those that a partition asks about last."""
    found = parts.outages.view()
    if flights.paused is not None:
        found[flights.paused] = _gate(parts, flights, flights.paused)
    if parts.brake.holds:
        found["flood"] = Pause(since=None, detail=FLOOD.detail, remedy=FLOOD.remedy, next_try=None)
    return found | _asked(parts)


def _gate(parts: Parts, flights: CourierState, reason: str) -> Pause:
    now, elapsed = parts.clock.now(), parts.clock.monotonic()
    advice, since, until = GATES[reason], flights.paused_since, flights.next_attempt
    return Pause(
        since=None if since is None else now - (elapsed - since),
        detail=advice.detail,
        remedy=advice.remedy,
        next_try=None if until is None else now + max(0.0, until - elapsed),
    )


def _asked(parts: Parts) -> dict[str, Pause]:
    askers: defaultdict[str, list[str]] = defaultdict(list)
    since: dict[str, float] = {}
    for (topic, partition), question in sorted(parts.partitions.asking.items()):
        askers[question.reason].append(f"{topic}[{partition}]")
        since[question.reason] = min(question.asked, since.get(question.reason, question.asked))
    return {
        reason: Pause(
            since=since[reason],
            detail=f"{_some(who)}: {ASKS[reason].detail}",
            remedy=ASKS[reason].remedy,
            next_try=None,
        )
        for reason, who in askers.items()
    }


def _some(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
