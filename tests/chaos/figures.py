"""What the histories of a world tell of one stretch of time."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from tests.chaos.check.reading import At, History, Line


class Figures(Struct, frozen=True):
    """records: positions that were freed. doubtful: events sent although they may have been applied already.
    stale: settles that found their claim taken over (RULES 2)."""

    records: int = 0
    doubtful: int = 0
    stale: int = 0


def figures(histories: Iterable[History], begun: float, ended: float) -> Figures:
    """Of what happened between two times, seconds since the epoch."""
    lines = [line for history in histories for line in history.lines if begun <= line.at < ended]
    sent = [event for line in lines if line.what == "sent" for event in line.events]
    freed = {at for line in lines if line.what == "closed" for at in _positions(line)}
    return Figures(len(freed), sum(event.doubtful for event in sent), sum(line.stale for line in lines))


def _positions(line: Line) -> Iterator[At]:
    for place in line.records:
        yield from ((place.topic, place.partition, offset) for offset in place.offsets)
