"""How much of a topic is replayed: what an operator writes, and the offsets that it comes to. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

TIME_REMEDY: Final = "write a time with its zone, such as 2025-01-31T00:00:00Z"
POINT_REMEDY: Final = f"{TIME_REMEDY}, or -7d, or an offset, or beginning, or end"
_UNITS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_AGO: Final = re.compile(r"-(\d{1,6})([mhdw])")
_WORDS: Final[dict[str, Literal["beginning", "end"]]] = {
    "beginning": "beginning", "earliest": "beginning", "end": "end", "latest": "end",
}  # fmt: skip


class Point(Struct, frozen=True):
    """A place in every partition. word: beginning | end; at_ms: first record not older than this, in ms since
    the epoch, by Kafka's timestamps; offset: of one partition. Exactly one of them is set."""

    word: Literal["beginning", "end"] | None = None
    at_ms: int | None = None
    offset: int | None = None


class Watermarks(Struct, frozen=True):
    """What a partition holds: its first offset, and the one after the last that is committed."""

    low: int
    high: int


class Stretch(Struct, frozen=True):
    """What is replayed of one partition: start ≤ offset < end.

    expired: offsets that were asked for and are not kept any more. Only offsets asked for by number can tell.
    """

    topic: str
    partition: int
    start: int
    end: int
    expired: int = 0

    @property
    def place(self) -> tuple[str, int]:
        """Its partition."""
        return self.topic, self.partition


def time_ms(text: str) -> int:
    """An ISO 8601 time with zone, in ms since the epoch. Raises ValueError with the remedy."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is not a time; {TIME_REMEDY}") from None
    if moment.tzinfo is None:
        raise ValueError(f"is a time without zone; {TIME_REMEDY}")
    return int(moment.timestamp() * 1000)


def parse(text: str, now_ms: int) -> Point:
    """`beginning`, `end`, an offset, `-7d` (m, h, d, w before now) or a time. Raises ValueError."""
    if text in _WORDS:
        return Point(word=_WORDS[text])
    if text.isascii() and text.isdecimal():
        return Point(offset=int(text))
    if ago := _AGO.fullmatch(text):
        return Point(at_ms=max(0, now_ms - int(ago[1]) * _UNITS_MS[ago[2]]))
    try:
        return Point(at_ms=time_ms(text))
    except ValueError as error:
        if "without zone" in str(error):
            raise
        raise ValueError(f"is no place in a topic; {POINT_REMEDY}") from None


def swapped(since: Point, until: Point) -> bool:
    """Whether what is asked for ends before it begins, whatever the topic holds."""
    for first, end in ((since.at_ms, until.at_ms), (since.offset, until.offset)):
        if first is not None and end is not None:
            return end < first
    return since.word == "end" and until.word == "beginning"


def stretch(
    place: tuple[str, int],
    since: Point,
    until: Point,
    marks: Watermarks,
    found: tuple[int | None, int | None],
) -> Stretch:
    """found: the first offsets not older than the two times, None where no record is so new (or no time)."""
    asked = _offset(since, marks, found[0])
    start = min(max(asked, marks.low), marks.high)
    end = min(max(_offset(until, marks, found[1]), start), marks.high)
    gone = max(0, min(marks.low, _offset(until, marks, found[1])) - asked) if since.offset is not None else 0
    return Stretch(*place, start, end, gone)


def _offset(point: Point, marks: Watermarks, found: int | None) -> int:
    if point.offset is not None:
        return point.offset
    if point.at_ms is not None:
        return marks.high if found is None else found
    return marks.low if point.word == "beginning" else marks.high


def total(stretches: Iterable[Stretch]) -> int:
    """Offsets of them all: records at most, since compacted ones and transaction markers have some too."""
    return sum(one.end - one.start for one in stretches)
