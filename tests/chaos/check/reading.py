"""The three witnesses as they are read from their files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T", bound=Struct)
At = tuple[str, int, int]
"""Topic, partition, offset."""


class Unreadable(Exception):
    """One line: the file, the line, and what is wrong."""


class Written(Struct, frozen=True):
    """A record of the source."""

    topic: str
    partition: int
    offset: int
    entity: str | None = None
    key: str | None = None
    rev: str | int | None = None
    version: float | None = None
    topic_id: str | None = None

    @property
    def at(self) -> At:
        return (self.topic, self.partition, self.offset)


class Accepted(Struct, frozen=True):
    """An acceptance. at: seconds since the epoch. service: whose it is, where there are several."""

    at: float
    entity: str
    key: str
    rev: str | int | None
    resource: str = ""
    doubtful: bool = False
    service: str = "yespo"


class Place(Struct, frozen=True):
    """A partition in a line, with whatever the line tells of it."""

    topic: str
    partition: int
    offset: int = -1
    lease: int = -1
    start: int | None = None
    outcome: str | None = None
    cause: str | None = None
    offsets: tuple[int, ...] = ()
    topic_id: str | None = None


class Event(Struct, frozen=True):
    """An event in a line."""

    entity: str
    key: str
    topic: str | None = None
    partition: int = -1
    offset: int = -1
    lease: int = -1
    verdict: str | None = None
    outcome: str | None = None
    cause: str | None = None
    doubtful: bool = False
    certain: bool = True

    @property
    def at(self) -> At | None:
        return None if self.topic is None else (self.topic, self.partition, self.offset)


class Line(Struct):
    """A line of a history. at never goes back within a process once it was read (`histories`)."""

    n: int
    at: float
    by: str
    what: str
    destination: str | None = None
    partitions: tuple[Place, ...] = ()
    records: tuple[Place, ...] = ()
    letters: tuple[Place, ...] = ()
    offsets: tuple[Place, ...] = ()
    events: tuple[Event, ...] = ()
    wanted: tuple[Event, ...] = ()
    since: float = 0.0
    stale: int = 0
    lease_left: float | None = None
    request: int = -1
    rule: str | None = None
    status: int | None = None
    landed: bool = True
    revoked: bool = False
    topic: str = ""
    partition: int = -1
    offset: int = -1


class History(Struct):
    """The lines of one start of a process, in their order; gaps: numbers that are missing."""

    by: str
    lines: list[Line]
    gaps: int


def source(path: Path) -> list[Written]:
    """Raises Unreadable."""
    return _read(path, Written)


def accepted(path: Path, service: str | None = None) -> list[Accepted]:
    """service: whose alone; None = all. Raises Unreadable."""
    return [one for one in _read(path, Accepted) if service in (None, one.service)]


def letters(path: Path) -> list[Place]:
    """Raises Unreadable."""
    return _read(path, Place)


def histories(paths: Iterable[Path]) -> tuple[list[History], int]:
    """By process, and how many lines were torn (a process killed while it wrote). Raises Unreadable."""
    lines: list[Line] = []
    torn = 0
    for path in paths:
        decoder = msgspec.json.Decoder(Line)
        for number, text in enumerate(_lines(path), 1):
            try:
                lines.append(decoder.decode(text))
            except msgspec.ValidationError as error:
                raise Unreadable(f"{path}:{number}: {error}") from None
            except msgspec.DecodeError:
                torn += 1
    return grouped(lines), torn


def grouped(lines: Iterable[Line]) -> list[History]:
    """The lines of each process."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.by, []).append(line)
    return [_history(by, own) for by, own in found.items()]


def told(lines: Sequence[dict[str, Any]]) -> list[History]:
    """The same of lines in memory (tests.fakes.history)."""
    return grouped(msgspec.convert(lines, list[Line]))


def _history(by: str, lines: list[Line]) -> History:
    lines.sort(key=lambda line: line.n)
    latest = lines[0].at
    for line in lines:
        line.at = latest = max(line.at, latest)
    if len({line.n for line in lines}) < len(lines):
        raise Unreadable(f"the lines of {by} are given twice")
    return History(by, lines, lines[-1].n + 1 - len(lines))


def _read(path: Path, kind: type[T]) -> list[T]:
    decoder = msgspec.json.Decoder(kind)
    found = []
    for number, text in enumerate(_lines(path), 1):
        try:
            found.append(decoder.decode(text))
        except msgspec.DecodeError as error:
            raise Unreadable(f"{path}:{number}: {error}") from None
    return found


def _lines(path: Path) -> list[bytes]:
    try:
        return [line for line in path.read_bytes().split(b"\n") if line]
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
