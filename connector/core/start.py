"""Where a partition starts to be read, and when only the operator can tell (RULES 3)."""

import json
from typing import Literal

from msgspec import Struct

from connector.core.model import Json


class Note(Struct, frozen=True):
    """What a commit's metadata says: whose ledger, which topic ("" = unknown)."""

    ledger: str
    topic: str

    def encode(self) -> str:
        """As JSON, well below the broker's 4 KiB."""
        return json.dumps({"ledger": self.ledger, "topic": self.topic})


class Begin(Struct, frozen=True):
    """Read from `offset`. fresh: nothing is committed for it yet, so commit it at once."""

    offset: int
    fresh: bool = False


class Resolve(Struct, frozen=True):
    """Read from where `kafka.start` says; to be resolved by the source, then committed at once."""


class Hold(Struct, frozen=True):
    """Pause the partition and ask: recreated | expired | other_ledger (RULES 3)."""

    reason: Literal["recreated", "expired", "other_ledger"]


def decide(
    *,
    committed: int | None,
    note: str,
    low: int,
    high: int,
    now: Note,
    has_siblings: bool,
) -> Begin | Resolve | Hold:
    """Where to begin, by what the group has committed.

    has_siblings: other partitions of the topic have commits, so this one appeared later and starts at its
    beginning. A commit without our note was made by an operator's tool: its offset is taken at its word.
    """
    if committed is None:
        return Begin(low, fresh=True) if has_siblings else Resolve()
    then = parse(note)
    if then and then.topic and now.topic and then.topic != now.topic:
        return Hold("recreated")
    if then and then.ledger != now.ledger:
        return Hold("other_ledger")
    if not low <= committed <= high:
        return Hold("expired")
    return Begin(committed)


def parse(note: str) -> Note | None:
    """The note of a commit, None where it is not ours."""
    try:
        data: Json = json.loads(note)
    except ValueError:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("ledger"), str):
        return None
    return Note(ledger=str(data["ledger"]), topic=str(data.get("topic", "")))
