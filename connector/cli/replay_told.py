"""What is told of a replay: in lines, or as JSON."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.wiring.replay import Result
    from connector.wiring.replays import Replay


def what(found: "Replay") -> str:
    """A replay in a line: what, where to, how much."""
    job, chosen = found.job, found.job.selection
    count = len(chosen.keys) + len(chosen.where)
    filters = f", {count} filter{'' if count == 1 else 's'}" if chosen else ""
    via = f", via {job.via}" if job.via else ""
    forced = ", forced" if job.mode == "force" else ""
    return (
        f"{job.topic} to {job.destination}, {job.since} to {job.until}, {found.offsets:,} offsets"
        f"{filters}{via}{forced}"
    )


def lines(result: "Result") -> list[str]:
    """What came of it, for people."""
    records = sum(result.outcomes.values())
    outcomes = _counts(result.outcomes)
    lines = [f"{records:,} records in {result.seconds:.0f} s{': ' if outcomes else ''}{outcomes}"]
    if result.gaps:
        lines.append(f"  {result.gaps:,} offsets have no record: compacted away, or markers of transactions")
    if result.expired:
        lines.append(f"  {result.expired:,} offsets are not kept any more: they had expired")
    if result.causes:
        lines.append(f"  dead letters by cause: {_counts(result.causes)}")
    if result.requests:
        at = "" if result.minutes is None else f", {result.minutes:g} minutes at its share of the rate"
        lines.append(f"  {sum(result.requests.values()):,} requests{at}: {_counts(result.requests)}")
    return lines


def _counts(by_name: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', '-')}" for name, count in by_name.items())


def told(found: "Replay") -> dict[str, Any]:
    """A replay, for scripts."""
    job = found.job
    return {
        "id": found.id, "destination": job.destination, "topic": job.topic, "from": job.since,
        "to": job.until, "mode": job.mode, "via": job.via, "share": job.share, "began": job.began / 1000,
        "filtered_by": len(job.selection.keys) + len(job.selection.where), "offsets": found.offsets,
        "passed": found.passed, "finished": found.finished,
        "partitions": [
            {"partition": place[1], "from": mark.start, "to": mark.end, "at": found.at[place]}
            for place, mark in sorted(found.marks.items())
        ],
    }  # fmt: skip


def became(found: "Replay", result: "Result") -> dict[str, Any]:
    """What came of all its runs, for scripts; the seconds are of the last."""
    at = result.at
    return {
        "passed": result.passed, "finished": result.finished, "records": sum(result.outcomes.values()),
        "outcomes": dict(result.outcomes), "expired": result.expired, "gaps": result.gaps,
        "seconds": round(result.seconds, 3), "failure": result.failure,
        "requests": dict(result.requests), "minutes": result.minutes, "causes": dict(result.causes),
        "partitions": [
            {"partition": place[1], "from": mark.start, "to": mark.end, "at": at[place]}
            for place, mark in sorted(found.marks.items())
        ],
    }  # fmt: skip


def percent(part: int, whole: int) -> str:
    """`25 %`."""
    return f"{100 * part // whole} %" if whole else "100 %"
