"""A topic that was deleted and re-created within a trial: two topics of one name, whose positions read alike.

Where the source tells ids of topics, every position is told by name and id from then on.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from tests.chaos.check.reading import Event, History, Line, Place, Unreadable, Written

T = TypeVar("T", bound=Place | Event)


def told_apart(
    histories: Sequence[History], source: Sequence[Written], letters: Sequence[Place] | None
) -> tuple[list[History], list[Written], list[Place] | None]:
    """Raises Unreadable where the histories know two topics of a name, and the source does not say which."""
    if not any(record.topic_id for record in source):
        _expect_one_each(histories)
        return list(histories), list(source), None if letters is None else list(letters)
    found = [History(one.by, [*_Ids().lines(one.lines)], one.gaps) for one in histories]
    written = [replace(one, topic=_named(one.topic, one.topic_id)) for one in source]
    buried = [replace(one, topic=_named(one.topic, one.topic_id)) for one in letters or ()]
    return found, written, None if letters is None else buried


def _expect_one_each(histories: Iterable[History]) -> None:
    ids: dict[str, str] = {}
    for place in (place for one in histories for line in one.lines for place in line.partitions):
        if place.topic_id and ids.setdefault(place.topic, place.topic_id) != place.topic_id:
            raise Unreadable(f"source: {place.topic} was re-created; tell the topic_id of each record")


def _named(topic: str, topic_id: str | None) -> str:
    return f"{topic} {topic_id}" if topic_id else topic


class _Ids:
    """Which topic each assignment of a process was of; without an assignment, the latest one's."""

    def __init__(self) -> None:
        self._assigned: dict[tuple[str, int, int], str] = {}
        self._latest: dict[tuple[str, int], str] = {}

    def lines(self, lines: Iterable[Line]) -> Iterable[Line]:
        """The same, in order, with every topic by name and id."""
        for line in lines:
            for place in line.partitions:
                if place.topic_id:
                    self._assigned[place.topic, place.partition, place.lease] = place.topic_id
                    self._latest[place.topic, place.partition] = place.topic_id
            yield replace(
                line,
                partitions=self._all(line.partitions),
                records=self._all(line.records),
                letters=self._all(line.letters),
                offsets=self._all(line.offsets),
                events=self._all(line.events),
                wanted=self._all(line.wanted),
                topic=_named(line.topic, self._latest.get((line.topic, line.partition))),
            )

    def _all(self, places: Iterable[T]) -> tuple[T, ...]:
        return tuple(
            one if one.topic is None else replace(one, topic=_named(one.topic, self._id(one)))
            for one in places
        )

    def _id(self, one: Place | Event) -> str | None:
        at = (str(one.topic), one.partition)
        return self._assigned.get((*at, one.lease), self._latest.get(at))
