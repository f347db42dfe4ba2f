"""Source of dead letters: each is the record that it was, at the position that it had."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from connector.core.letters import Filed
from connector.core.model import Record
from connector.errors import Outage
from connector.ports import Assigned, Members, Placed, TopicPartition

Fetch = Callable[[Filed], Record | None]
"""The record of a letter whose value was too large; None: it is there no longer."""


class LetterSource:
    """ports.Source. given: letters handed out. lost: ids of those whose value is nowhere.

    failure: why it ended before all were read. Nothing is committed: what is done is no letter any more.
    """

    def __init__(
        self, letters: Iterator[Filed], members: Members, fetch: Fetch, sleep: Callable[[float], object]
    ) -> None:
        """letters: of one destination, each of its topics under one topic id."""
        self._letters, self._members, self._fetch, self._sleep = letters, members, fetch, sleep
        self._placed: dict[TopicPartition, Placed] = {}
        self._paused: set[TopicPartition] = set()
        self._next: Filed | None = None
        self.ended = False
        self.given = 0
        self.lost: list[str] = []
        self.failure: Outage | None = None

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """See ports.Source."""
        records: list[Record] = []
        while len(records) < limit and (one := self._peek()) is not None:
            place = one.letter.record.position.place
            try:
                record = one.letter.record if one.omitted is None else self._fetch(one)
                if place not in self._placed:
                    self._place(one)
            except Outage:
                if not records:
                    raise
                break  # what is gathered is handed out; the next poll asks for this one again
            if place in self._paused:
                break
            self._next = None
            if record is None:
                self.lost.append(one.id)
                continue
            position = replace(record.position, lease=self._placed[place].lease)
            records.append(replace(record, position=position))
        if not records and timeout > 0:
            self._sleep(timeout)
        self.given += len(records)
        return records

    def _peek(self) -> Filed | None:
        if self._next is None and not self.ended:
            try:
                self._next = next(self._letters, None)
            except Outage as outage:
                self.failure = outage
            self.ended = self._next is None
        return self._next

    def _place(self, one: Filed) -> None:
        """Raises LedgerDown: ask again."""
        at = one.letter.record.position
        given = Assigned(
            at.topic, at.partition, 0, "", 0, 1 << 62, one.letter.topic_id, topic_has_commits=True
        )
        self._placed.update(self._members.assigned([given]))

    def resolve(self, _partition: TopicPartition, _start: str) -> int:
        """See ports.Source: letters have no order to begin in."""
        return 0

    def end(self, _partition: TopicPartition) -> int:
        """See ports.Source."""
        return -1

    def fetched(self) -> int:
        """See ports.Source."""
        return 0

    def reached(self) -> dict[TopicPartition, int]:
        """See ports.Source."""
        return {}

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Source."""
        self._paused.difference_update(partitions)

    def seek(self, _partition: TopicPartition, _offset: int) -> None:
        """See ports.Source: nobody has reason to."""

    def commit(self, _offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:  # noqa: ARG002 - its name
        """See ports.Source."""
        return True

    def close(self) -> None:
        """See ports.Source."""
