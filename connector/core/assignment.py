"""What the group gives to a member, and where the member begins to read it (RULES 3)."""

from msgspec import Struct


class Assigned(Struct, frozen=True):
    """A partition given to this member, and what the group knows of it.

    committed: offset of the group's commit, None without one. note: the commit's metadata ("" without).
    low, high: watermarks of the partition. topic_id: "" where the broker does not tell.
    topic_has_commits: a partition of the topic has a commit, with sibling_note as its metadata ("" = none).
    partitions: how many the topic has. cut: the log was cut off below the commit, and written anew.
    """

    topic: str
    partition: int
    committed: int | None
    note: str
    low: int
    high: int
    topic_id: str
    topic_has_commits: bool
    partitions: int = 0
    sibling_note: str = ""
    cut: bool = False


class Placed(Struct, frozen=True):
    """Where an assigned partition is read from (None: it stays paused), the number of this assignment,
    and the note that its commits carry."""

    offset: int | None
    lease: int
    note: str


class Answer(Struct, frozen=True):
    """The operator's answer to a pause that asks. topic "" and partition -1 mean every one.
    at: seconds since the epoch, by the ledger's clock; start: earliest | latest | an offset | a time."""

    topic: str
    partition: int
    start: str | None
    accept: str | None
    at: float
