"""A range of a topic as an operator names it: its offsets as of now, asked without joining a group."""

from collections.abc import Iterable

from msgspec import Struct

from connector.adapters.kafka_extent import Extents
from connector.core.extent import Point, Stretch, parse, swapped
from connector.errors import ConfigError
from connector.settings import Settings


class Wish(Struct, frozen=True):
    """What is asked for. since, until: as written, told at `now_ms`. partitions: none named = all."""

    destination: str
    topic: str
    since: str
    until: str
    now_ms: int
    partitions: tuple[int, ...] = ()


class Range(Struct, frozen=True):
    """What it comes to. topic_id: the broker's, "" where it does not tell."""

    stretches: list[Stretch]
    topic_id: str


def range_of(settings: Settings, wish: Wish) -> Range:
    """Raises ConfigError, BrokerDown."""
    since, until = _points(wish)
    refuse_strange(settings, wish.destination, wish.topic)
    extents = Extents(settings.kafka_client(), settings.group_of(wish.destination), wish.topic)
    try:
        chosen = _chosen(extents.partitions(), wish.partitions, since, until)
        return Range(extents.stretches(chosen, since, until), extents.topic_id())
    finally:
        extents.close()


def refuse_strange(settings: Settings, destination: str, topic: str) -> None:
    """Raises ConfigError for a destination that there is not, and a topic that does not feed it."""
    settings.destination(destination)
    names = [one.name for one in settings.topics_of(destination)]
    if topic not in names:
        raise ConfigError(f"--topic: {topic} does not feed {destination}; choose {', '.join(names)}")


def _points(wish: Wish) -> tuple[Point, Point]:
    """Raises ConfigError with every mistake."""
    problems, points = [], []
    for option, text in (("--from", wish.since), ("--to", wish.until)):
        try:
            points.append(parse(text, wish.now_ms))
        except ValueError as error:
            problems.append(f"{option}: {error}")
    if problems:
        raise ConfigError(*problems)
    since, until = points
    if swapped(since, until):
        raise ConfigError("--to: is before --from; swap them")
    return since, until


def _chosen(there: list[int], asked: Iterable[int], since: Point, until: Point) -> list[int]:
    chosen = sorted(set(asked)) or there
    if lacking := [str(one) for one in chosen if one not in there]:
        raise ConfigError(f"--partition: there is no {', '.join(lacking)}; the last one is {there[-1]}")
    for option, point in (("--from", since), ("--to", until)):
        if point.offset is not None and len(chosen) > 1:
            raise ConfigError(f"{option}: an offset is of one partition; add --partition P")
    return chosen
