"""Commits of one group member: each with its partition's note, and none forgotten that was refused late."""

from collections.abc import Callable, Collection, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as Tp

from connector.ports import Placed, TopicPartition

Offsets = dict[TopicPartition, int]
Epochs = Callable[[Collection[TopicPartition]], Mapping[TopicPartition, int]]


class Commits:
    """What was sent last for each partition, and what of it the broker refused."""

    def __init__(self, placed: Mapping[TopicPartition, Placed], trouble: Callable[[str], None]) -> None:
        """placed: the partitions that may be committed, with their notes. trouble: hears why one failed."""
        self._placed, self._trouble = placed, trouble
        self._sent: Offsets = {}
        self.refused: Offsets = {}

    def commit(
        self, consumer: Consumer, offsets: Mapping[TopicPartition, int], epochs_of: Epochs, *, wait: bool
    ) -> bool:
        """Commit these and what was refused before; False: refused.

        epochs_of: the leader epochs of what was read last. By them who goes on from a commit sees that the
        log was cut off below it, and written anew (KIP-320).
        """
        wanted = {k: offset for k, offset in (self.refused | dict(offsets)).items() if k in self._placed}
        if not wanted:
            return not offsets
        notes, epochs = self._placed, epochs_of(wanted)
        tps = [Tp(*key, offset, notes[key].note, epochs[key]) for key, offset in wanted.items()]
        self._sent.update(wanted)
        try:
            errors = _commit(consumer, tps, wait=wait)
        except KafkaException as error:
            self._trouble(error.args[0].str())
            return False
        self.refused = {}
        return not errors

    def landed(self, error: KafkaError | None, tps: list[Tp]) -> None:
        """The answer to a commit that was not waited for."""
        for tp in tps:
            key, refusal = (tp.topic, tp.partition), error or tp.error
            if refusal and self._sent.get(key) == tp.offset and key in self._placed:
                self._trouble(refusal.str())
                self.refused[key] = tp.offset

    def forget(self, key: TopicPartition) -> None:
        """The partition is another member's."""
        self._sent.pop(key, None)
        self.refused.pop(key, None)


def _commit(consumer: Consumer, tps: list[Tp], *, wait: bool) -> list[KafkaError]:
    if wait:
        return [tp.error for tp in consumer.commit(offsets=tps, asynchronous=False) if tp.error]
    consumer.commit(offsets=tps)
    return []
