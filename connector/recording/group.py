"""Records and the group: what is received, committed, given and taken."""

from collections.abc import Mapping, Sequence

from connector.core.assignment import Assigned, Placed
from connector.core.model import Record
from connector.ports import Members, Source, TopicPartition
from connector.recording.entries import grouped, offsets_of, places
from connector.recording.tape import Tape


class RecordedSource:
    """ports.Source over another one."""

    def __init__(self, source: Source, tape: Tape) -> None:
        self._source, self._tape = source, tape
        self.resolve, self.end, self.reached = source.resolve, source.end, source.reached
        self.pause, self.resume, self.close = source.pause, source.resume, source.close
        self.fetched = source.fetched

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """See ports.Source."""
        self._tape.flush()
        records = self._source.poll(limit, timeout)
        if records:
            self._tape.note("received", records=grouped((record.position, None) for record in records))
        return records

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """See ports.Source. The lane seeks where the operator told it to."""
        self._tape.note("sought", topic=partition[0], partition=partition[1], offset=offset)
        self._source.seek(partition, offset)

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        """See ports.Source."""
        self._tape.flush()
        told = offsets_of(offsets)
        self._tape.note("committing", offsets=told, wait=wait, revoked=False)
        landed = self._source.commit(offsets, wait=wait)
        self._tape.note("committed", offsets=told, landed=landed)
        return landed


class RecordedMembers:
    """ports.Members over another one."""

    def __init__(self, members: Members, tape: Tape) -> None:
        self._members, self._tape = members, tape

    def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
        """See ports.Members."""
        placed = self._members.assigned(partitions)
        told = [
            {
                "topic": one.topic,
                "topic_id": one.topic_id,
                "partition": one.partition,
                "lease": placed[one.topic, one.partition].lease,
                "start": placed[one.topic, one.partition].offset,
                "committed": one.committed,
            }
            for one in partitions
        ]
        self._tape.note("assigned", partitions=told)
        return placed

    def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """See ports.Members. What is returned is committed by whoever asked."""
        self._tape.note("revoked", partitions=places(partitions))
        offsets = self._members.revoked(partitions)
        self._tape.flush()
        if offsets:
            self._tape.note("committing", offsets=offsets_of(offsets), wait=True, revoked=True)
        return offsets

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """See ports.Members."""
        self._tape.note("lost", partitions=places(partitions))
        self._members.lost(partitions)
