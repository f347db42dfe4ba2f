"""What a replay keeps of itself, as the metadata of its own group's commits. Pure.

Each partition's commit carries all of it, so that any one of them is enough to resume.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from connector.core.extent import Stretch
from connector.core.selection import Selection

MOST: Final = 3500
"""Bytes of a note, counts still to come included: a broker takes 4096 by default."""
Mode = Literal["respect", "force"]


class Job(Struct, frozen=True, omit_defaults=True):
    """What is replayed, where to, and how. since, until: as they were written; began: ms since the epoch.

    ledger, topic_id: with which, and of which topic, it began: never resumed with others. partitions: how
    many marks there are, 0 where an older version began it: never resumed with fewer.
    """

    destination: str
    topic: str
    since: str
    until: str
    began: int
    ledger: str
    topic_id: str = ""
    mode: Mode = "respect"
    via: Literal["past_events"] | None = None
    share: float = 0.2
    selection: Selection = Selection()
    partitions: int = 0


class Mark(Struct, frozen=True, omit_defaults=True):
    """One partition's commit: where it began and ends, and what became of the records below the offset.

    expired: offsets that were asked for and gone before it began; overtaken: that went before they were read.
    """

    job: Job
    start: int
    end: int
    expired: int = 0
    overtaken: int = 0
    counts: dict[str, int] = {}

    def encode(self) -> str:
        """As JSON."""
        return msgspec.json.encode(self).decode()

    def rest(self, partition: int, offset: int) -> Stretch:
        """What is left to do behind the commit."""
        return Stretch(self.job.topic, partition, min(offset, self.end), self.end)


def parse(note: str) -> Mark | None:
    """The mark of a commit, None where it is not one."""
    try:
        return msgspec.json.decode(note, type=Mark)
    except msgspec.MsgspecError:
        return None
