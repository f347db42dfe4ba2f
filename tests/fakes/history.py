"""A history in memory: what `tests.chaos` reads, without a file."""

import itertools
from typing import Any

import msgspec

from connector.ports import Clock

Line = dict[str, Any]


class FakeHistory:
    """The History port. Several processes may share `lines`; `by` tells the starts apart."""

    def __init__(self, clock: Clock, by: str, lines: list[Line] | None = None) -> None:
        self.by, self.lines = by, [] if lines is None else lines
        self._clock, self._numbers = clock, itertools.count()

    def note(self, what: str, /, **fields: object) -> None:
        head = {"n": next(self._numbers), "at": self._clock.now(), "by": self.by, "what": what}
        self.lines.append(msgspec.to_builtins(head | fields))
