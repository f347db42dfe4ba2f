"""How containers ended, as kubelet told of them before they were forgotten."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct


class Ending(Struct, frozen=True):
    """Of one container of a pod. code: its exit code; reason: such as Error or OOMKilled."""

    pod: str
    container: str
    code: int
    reason: str

    def __str__(self) -> str:
        return f"{self.pod} ended with {self.code} ({self.reason})"


def endings(watched: Path) -> list[Ending]:
    """Every one once, in the order in which they were heard of (Namespace.watch)."""
    found: dict[str, Ending] = {}
    for pod in _documents(watched.read_text(encoding="utf-8")):
        for status in pod.get("status", {}).get("containerStatuses", ()):
            for state in (status["state"], status["lastState"]):
                if ended := state.get("terminated"):
                    found[ended["containerID"]] = _ending(pod["metadata"], ended)
    return list(found.values())


def _ending(pod: Mapping[str, str], ended: Mapping[str, Any]) -> Ending:
    return Ending(pod["name"], ended["containerID"], ended["exitCode"], ended.get("reason", ""))


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """The last one may be torn."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            document, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            return
        yield document
