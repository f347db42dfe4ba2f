"""The status of a process as it may be seen: masked, and made at most once a second, however many ask."""

import socket
import time
from collections.abc import Mapping
from threading import Lock
from typing import Protocol

import msgspec

import connector
from connector.adapters.masking import Masker
from connector.adapters.web_page import page
from connector.core.status import LaneStatus, Status, gravest


class Health(Protocol):
    """What the process tells of itself; each call returns at once, from any thread."""

    def live(self) -> list[str]:
        """Why the process should be restarted; nothing = it goes on, or waits for a reason."""

    def ready(self) -> list[str]:
        """Why it does not take its part of the work yet."""

    def status(self) -> Mapping[str, list[LaneStatus]]:
        """`lanes`: all that an operator wants to see at one look, without personal data or secrets."""


class Glance:
    """A look at a process, for any number of threads. fresh: seconds for which one look serves them all."""

    def __init__(self, health: Health, masker: Masker, fresh: float) -> None:
        self._health, self._masker, self._fresh = health, masker, fresh
        self._lock, self._until = Lock(), 0.0
        self._started, self._instance = time.time(), socket.gethostname()
        self._json, self._page = b"", ""

    def json(self) -> bytes:
        """The status as JSON (core.status.Status)."""
        with self._lock:
            self._look()
            return self._json

    def page(self) -> str:
        """The same as a page."""
        with self._lock:
            self._look()
            return self._page

    def _look(self) -> None:
        if time.monotonic() < self._until:
            return
        status = masked(self._status(), self._masker)
        self._json, self._page = msgspec.json.encode(status), page(status)
        self._until = time.monotonic() + self._fresh

    def _status(self) -> Status:
        live, ready = self._health.live(), self._health.ready()
        lanes = self._health.status().get("lanes", [])
        return Status(
            health=gravest([lane["health"] for lane in lanes]),
            live=not live,
            ready=not ready,
            problems=[*live, *ready],
            at=time.time(),
            started_at=self._started,
            version=connector.__version__,
            instance=self._instance,
            lanes=lanes,
        )


def masked(status: Status, masker: Masker) -> Status:
    """The same, its sentences masked; names of topics, destinations and reasons are the configuration's."""
    text = masker.text
    problems, lanes = [text(one) for one in status["problems"]], status["lanes"]
    return status | {"problems": problems, "lanes": [_masked(lane, masker) for lane in lanes]}


def _masked(lane: LaneStatus, masker: Masker) -> LaneStatus:
    text, failure = masker.text, lane["failure"]
    seen = lane.copy()
    seen["why"] = [text(one) for one in lane["why"]]
    seen["failure"] = None if failure is None else text(failure)
    seen["paused"] = {
        reason: {**one, "detail": text(one["detail"])} for reason, one in lane["paused"].items()
    }
    seen["errors"] = [{**one, "detail": text(one["detail"])} for one in lane["errors"]]
    return seen
