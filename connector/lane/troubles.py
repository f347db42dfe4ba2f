"""A lane's last errors, for the status page: bounded, what recurs once, no values of records."""

from collections.abc import Mapping
from typing import Final

from connector.core.letters import Letter
from connector.core.status import Trouble
from connector.ports import Clock

MOST: Final = 20
"""Different ones that are remembered."""


class Troubles:
    """The last that went wrong; on the lane's thread."""

    def __init__(self, clock: Clock) -> None:
        """Nothing yet."""
        self._clock = clock
        self._known: dict[tuple[str, str, str], Trouble] = {}
        self._requests: Mapping[tuple[str, str], int] = {}

    def newest_first(self) -> list[Trouble]:
        """Copies, for another thread."""
        return [one.copy() for one in reversed(self._known.values())]

    def pause(self, reason: str, detail: str) -> None:
        """A pause began."""
        self._note("pause", reason, detail)

    def letter(self, letter: Letter) -> None:
        """A dead letter was written."""
        at = letter.record.position
        one = self._note("dead_letter", letter.cause, letter.detail)
        one["topic"], one["partition"], one["offset"] = at.topic, at.partition, at.offset

    def requests(self, failed: Mapping[tuple[str, str], int]) -> None:
        """Requests without success since start, by resource and status; what is new of them counts."""
        for (resource, status), count in failed.items():
            if new := count - self._requests.get((resource, status), 0):
                self._note("request", resource, "no answer" if status == "none" else f"HTTP {status}", new)
        self._requests = failed

    def _note(self, kind: str, reason: str, detail: str, times: int = 1) -> Trouble:
        now, key = self._clock.now(), (kind, reason, detail)
        one = self._known.pop(key, None) or Trouble(
            at=now, since=now, times=0, kind=kind, reason=reason, detail=detail,
            topic=None, partition=None, offset=None,
        )  # fmt: skip
        one["at"], one["times"] = now, one["times"] + times
        self._known[key] = one
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return one
