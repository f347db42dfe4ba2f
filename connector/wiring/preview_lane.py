"""A lane that reads a window of records and sends to nobody."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from connector import wiring
from connector.adapters import metrics
from connector.core.letters import Filed, Letter
from connector.core.model import Record
from connector.core.talk import NoAnswer, Request, Response
from connector.errors import ConfigError
from connector.ports import Http, Members
from connector.redrive import LetterSource, Watched
from connector.rehearsal import Rendered
from connector.settings import Settings
from connector.wiring.assembly import Assembly
from connector.wiring.ledgers import emptied
from connector.wiring.redrive import Say

_LINGER = 0.2
"""Seconds that a batch waits for company: as long as the window takes to be read."""


class Window(Struct, frozen=True):
    """Records of one topic. topic_id: "" where nothing asks for it."""

    topic: str
    topic_id: str
    records: list[Record]


class Whole(Watched, Rendered):
    """Requests as they would be sent. asks: the ledger is asked, else nothing was ever sent."""

    def __init__(self, *, asks: bool) -> None:
        super().__init__()
        self.asks = asks

    def ledger(self, ledger: Any) -> Any:
        """A ledger of its own may be written."""
        return super().ledger(ledger) if self.asks else ledger


class Apart(Whole):
    """A request for each event."""

    apart = True


class _NoHttp:
    """ports.Http that is never asked."""

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:  # noqa: ARG002 - the port's
        """Nothing goes out."""
        return NoAnswer(made=False, reason="a preview")

    async def close(self) -> None:
        """Nothing is open."""


class _Assembly(Assembly):
    """A lane that reads a window."""

    given: LetterSource

    def __init__(self, settings: Settings, name: str, tape: Whole, letters: Iterator[Filed]) -> None:
        super().__init__(settings, name, wiring.SystemClock(), metrics.meter(), Say(), tape)
        self._filed = letters

    def client(self) -> Http:
        """See Assembly."""
        return _NoHttp()

    def source(self, members: Members, _properties: Mapping[str, str], *, embedded: bool) -> LetterSource:  # noqa: ARG002
        """See Assembly."""
        clock: Callable[[float], object] = lambda _: None  # noqa: E731 - what is there is read at once
        self.given = LetterSource(self._filed, members, lambda _: None, clock)
        return self.given


def hold(settings: Settings, name: str, window: Window, tape: Whole) -> Whole:
    """Run them through the lane; what it came to is on the tape. Raises as `preview`."""
    settings.destination(name)
    if window.topic not in {topic.name for topic in settings.topics_of(name)}:
        raise ConfigError(
            f"--topic: {window.topic} does not feed {name}; name another, or add it to the file"
        )
    with tempfile.TemporaryDirectory() as folder:
        if not tape.asks:
            settings = emptied(settings, Path(folder))
        _run(settings, name, [_filed(record, window.topic_id) for record in window.records], tape)
    return tape


def _run(settings: Settings, name: str, letters: list[Filed], tape: Whole) -> None:
    schemas = wiring.registry(settings)
    assembly = _Assembly(settings, name, tape, iter(letters))
    running = assembly.lane(schemas, embedded=True)
    try:
        running.lane.parts.plan.linger = _LINGER
        running.open()
        while tape.watch.closed < len(letters) and not running.lane.parts.partitions.asking:
            running.lane.turn()
        running.lane.drain()
    finally:
        running.close()


def _filed(record: Record, topic_id: str) -> Filed:
    at = record.position
    return Filed(f"{at.topic}/{at.partition}/{at.offset}", (0, 0), Letter(record, topic_id, "", "", "", ""))
