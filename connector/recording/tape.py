"""One lane's lines: named, veiled, in the order of what it does."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from connector.core.events import Event
from connector.core.model import Position
from connector.errors import Outage
from connector.ports import Clock, History
from connector.recording.entries import Entry, grouped, version_of

_PERSONAL = re.compile(r"email:|phone:|.*@|\+?\d[\d\s().-]{7,}$", re.DOTALL)
"""Keys that are, or may be, an e-mail or a phone."""


class Tape:
    """identity: of the ledger, the key of the hashes; raises LedgerDown while it was never seen."""

    def __init__(self, history: History, destination: str, clock: Clock) -> None:
        self.clock = clock
        self.identity: Callable[[], str] = lambda: ""
        self._history, self._destination = history, destination
        self._closed: list[tuple[Position, str]] = []
        self._secret = b""

    def note(self, what: str, **fields: object) -> None:
        """Write a line. From any thread."""
        self._history.note(what, destination=self._destination, **fields)

    def close(self, position: Position, outcome: str) -> None:
        """A position is freed: written together with others, before anything is committed."""
        self._closed.append((position, outcome))

    def flush(self) -> None:
        """Write what was freed. On the lane's thread."""
        if self._closed:
            closed, self._closed = self._closed, []
            self.note("closed", records=grouped(closed))

    def entry(self, event: Event, **more: Any) -> Entry:
        """An event as a line tells of it."""
        at = event.position
        key = self._veiled(event.entity, event.key)
        entry = Entry(event.entity, key, version_of(event.version), **more)
        if at is not None:
            entry.topic, entry.partition = at.topic, at.partition
            entry.offset, entry.lease = at.offset, at.lease
        return entry

    def _veiled(self, entity: str, key: str) -> str:
        """An order's own numbers are no phones."""
        if _PERSONAL.match(key) and (entity != "order" or "@" in key):
            return self._hash(key)
        return key if key.isascii() else key.encode(errors="replace").decode()

    def _hash(self, key: str) -> str:
        try:
            self._secret = self._secret or self.identity().encode()[:64]
        except Outage:
            return "#unknown"
        text = key.encode(errors="replace")
        return f"#{hashlib.blake2b(text, key=self._secret, digest_size=8).hexdigest()}"
