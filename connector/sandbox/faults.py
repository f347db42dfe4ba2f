"""Faults on demand: what happens to which requests, how often."""

import random
import threading
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType

from connector.sandbox.answers import Answer, as_json, as_text


class Haystack(Protocol):
    """What can be searched for bytes."""

    def __contains__(self, part: bytes, /) -> bool:
        """Whether they are somewhere in it."""


_REFUSED = 300
Do = Literal["status", "lost_answer", "cut_before", "delay", "hang", "refuse_auth"]


class Match(Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests: a method, a path (shell pattern, without /api), a part of the body; all of them."""

    method: str = ""
    path: str = "*"
    body: str = ""


class Fault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault.

    do: status (answer with `status`, `headers` and `body`: text, or anything else as JSON; with `apply`
    the request is carried out first) | lost_answer (carried out, then the connection is cut) |
    cut_before | delay | hang (never an answer) | refuse_auth (401). `delay` seconds come before any.
    times: at most so many requests; seconds: for so long from now; probability: 0 to 1; after: the first
    so many matching requests pass. error_type: of the error that Metrica answers with, without a `body`.
    """

    do: Do
    match: Match = Match()
    times: int | None = None
    seconds: float | None = None
    probability: float = 1
    after: int = 0
    status: int = 503
    headers: Mapping[str, str] = {}
    body: Any | UnsetType = UNSET
    apply: bool = False
    delay: float = 0
    error_type: str = ""

    @property
    def speaks(self) -> bool:
        """Whether it is an answer of its own."""
        return self.do in {"status", "refuse_auth"}

    @property
    def is_carried_out(self) -> bool:
        """Whether the request is carried out all the same."""
        return self.do in {"delay", "lost_answer"} or self.apply

    @property
    def is_heard(self) -> bool:
        """Whether the sender learns what became of its request."""
        return self.do == "delay" or (self.do == "status" and self.status < _REFUSED)

    def until(self, now: float) -> float | None:
        """When it ends, None = never."""
        return None if self.seconds is None else now + self.seconds

    def answer(self) -> Answer:
        """What a fault of `status` or `refuse_auth` answers."""
        if self.do == "refuse_auth":
            return as_text("Unauthorized", 401)
        if isinstance(self.body, str) or self.body is UNSET:
            answer = as_text(self.body if isinstance(self.body, str) else "Fault on demand", self.status)
        else:
            answer = as_json(self.body, self.status)
        return msgspec.structs.replace(answer, headers=tuple(self.headers.items()))


class _Live(Struct):
    fault: Fault
    body: bytes
    until: float | None
    passed: int = 0
    hits: int = 0


class Faults:
    """The faults in force; the first that matches a request is done to it. Thread-safe."""

    def __init__(self, clock: Callable[[], float], seed: int = 0) -> None:
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311  repeatable faults, not secrets
        self._lock = threading.Lock()
        self._live: list[_Live] = []

    def add(self, *faults: Fault | Mapping[str, Any]) -> None:
        """Put faults in force. Raises msgspec.ValidationError for one that cannot be read."""
        read = [msgspec.convert(fault, Fault) for fault in faults]
        now = self._clock()
        with self._lock:
            self._live += [_Live(fault, fault.match.body.encode(), fault.until(now)) for fault in read]

    def clear(self) -> None:
        """No faults any more."""
        with self._lock:
            self._live.clear()

    def hits(self) -> list[tuple[Fault, int]]:
        """Each fault and how often it was done."""
        with self._lock:
            return [(live.fault, live.hits) for live in self._live]

    def pick(self, method: str, path: str, body: Haystack) -> Fault | None:
        """The fault for a request, counted as done; None without one."""
        if not self._live:
            return None
        with self._lock:
            for live in self._live:
                if self._applies(live, method, path, body):
                    live.hits += 1
                    return live.fault
        return None

    def _applies(self, live: _Live, method: str, path: str, body: Haystack) -> bool:
        fault = live.fault
        if fault.times is not None and live.hits >= fault.times:
            return False
        if live.until is not None and self._clock() >= live.until:
            return False
        match = fault.match
        if match.method not in {"", method} or not fnmatchcase(path, match.path) or live.body not in body:
            return False
        if live.passed < fault.after:
            live.passed += 1
            return False
        return self._random.random() < fault.probability
