"""Where a partition starts to be read, and when only the operator can tell (RULES 3)."""

import json
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.core.assignment import Assigned
from connector.core.model import Json


class Note(Struct, frozen=True):
    """What a commit's metadata says: whose ledger, which topic ("" = unknown), how the group began.

    partitions: how many the topic had when the group began to read it at `began` (ms since the epoch).
    0: unknown. Each commit of the topic carries them on, so that a member which is given its first
    partition after another member's first commit does not take the partition for a new one.
    """

    ledger: str
    topic: str
    partitions: int = 0
    began: int = 0

    def encode(self) -> str:
        """As JSON, well below the broker's 4 KiB."""
        began = {"partitions": self.partitions, "began": self.began} if self.partitions else {}
        return json.dumps({"ledger": self.ledger, "topic": self.topic, **began})


class Begin(Struct, frozen=True):
    """Read from `offset`. fresh: nothing is committed for it yet, so commit it at once."""

    offset: int
    fresh: bool = False


class Resolve(Struct, frozen=True):
    """Read from where `kafka.start` says; to be resolved by the source, then committed at once.

    at: when the group began, ms since the epoch: what `latest` means (None: now).
    """

    at: int | None = None


class Hold(Struct, frozen=True):
    """Pause the partition and ask: recreated | expired | other_ledger (RULES 3).

    expired: the records at the commit are gone, as they were deleted, or their log was cut off below it.
    """

    reason: Literal["recreated", "expired", "other_ledger"]


def decide(one: Assigned, now: Note, seen: str = "") -> Begin | Resolve | Hold:
    """Where to begin, by what the group has committed.

    seen: the topic's id when this process read the partition, or its others, before ("" = it did not). Kafka
    deletes the commits with the topic, so a re-created one may have none.
    A partition without a commit, of a topic with some, appeared later and starts at its beginning, unless
    it was there when the group began. A commit without our note was made by an operator's tool: its offset
    is taken at its word.
    """
    if one.committed is None:
        if seen and now.topic and seen != now.topic:
            return Hold("recreated")
        return _first(one, now) if one.topic_has_commits else Resolve()
    then = parse(one.note)
    if then and then.topic and now.topic and then.topic != now.topic:
        return Hold("recreated")
    if then and then.ledger != now.ledger:
        return Hold("other_ledger")
    if one.cut or not one.low <= one.committed <= one.high:
        return Hold("expired")
    return Begin(one.committed)


def seen(one: Assigned, read: Mapping[tuple[str, int], str]) -> str:
    """See decide. read: the ids of topics whose partitions this process read. One that it did not read was
    maybe read by another member: what it knows of the others tells that the topic is not theirs."""
    ids = {partition: id_ for (topic, partition), id_ in read.items() if topic == one.topic}
    if one.partition in ids or one.topic_id in ids.values():
        return ids.get(one.partition, "")
    return max(ids.values(), default="")


def _first(one: Assigned, now: Note) -> Begin | Resolve:
    sibling = parse(one.sibling_note)
    if sibling and sibling.topic == now.topic and one.partition < sibling.partitions:
        return Resolve(sibling.began)
    return Begin(one.low, fresh=True)


def carry(one: Assigned, now: Note, at: int) -> Note:
    """The note of our commits: how the group began is told by the earlier ones; it begins now without any."""
    for then in (parse(one.note), parse(one.sibling_note)):
        if then and then.topic == now.topic and then.partitions:
            return replace(now, partitions=then.partitions, began=then.began)
    return now if one.topic_has_commits else replace(now, partitions=one.partitions, began=at)


def parse(note: str) -> Note | None:
    """The note of a commit, None where it is not ours."""
    try:
        data: Json = json.loads(note)
    except ValueError:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("ledger"), str):
        return None
    partitions, began = data.get("partitions"), data.get("began")
    return Note(
        ledger=str(data["ledger"]),
        topic=str(data.get("topic", "")),
        partitions=partitions if isinstance(partitions, int) else 0,
        began=began if isinstance(began, int) else 0,
    )
