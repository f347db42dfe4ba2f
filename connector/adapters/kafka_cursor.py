"""Where each assigned partition is read, and whether it is: pause, resume, seek.

With a leader epoch, librdkafka asks whether the log still is what was read up to there (KIP-320): if not, it
was cut off, by an unclean election or with a disk, and others have those offsets now. It then gives up on the
partition, by AUTO_OFFSET_RESET.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as Tp

from connector.adapters.kafka_properties import ask
from connector.ports import TopicPartition

NOWHERE: Final = 0
"""Where a partition stands, paused, until it is said where to read. Never a logical offset (END): librdkafka
repeats the query for it when a seek has overtaken the reply, and the result overrides the seek: records lost.
"""
NO_EPOCH: Final = -1
_CUT: Final = KafkaError(KafkaError._LOG_TRUNCATION).str()  # noqa: SLF001 - the library's public name


class Cursor:
    """The reading side of one consumer's assignment. paused: what is not fetched."""

    def __init__(self, consumer: Consumer, *, eager: bool) -> None:
        """eager: an assignment is replaced as a whole, not changed."""
        self._consumer, self._eager = consumer, eager
        self._starts: dict[TopicPartition, Tp] = {}
        self.paused: set[TopicPartition] = set()

    def add(self, keys: Sequence[TopicPartition]) -> None:
        """The group gave them: nothing is read before it is said where."""
        tps = [Tp(*key, NOWHERE) for key in keys]
        (self._consumer.assign if self._eager else self._consumer.incremental_assign)(tps)
        self.hold(keys)

    def hold(self, keys: Sequence[TopicPartition]) -> None:
        """Read nothing before it is said where, again."""
        self._starts.update({key: Tp(*key, NOWHERE) for key in keys})
        self.pause(keys)

    def forget(self, key: TopicPartition) -> None:
        """It is another member's; librdkafka knows that already."""
        self._starts.pop(key, None)
        self.paused.discard(key)

    def pause(self, keys: Sequence[TopicPartition]) -> None:
        """Stop, and let go of what was fetched ahead."""
        self.paused.update(keys)
        self._consumer.pause([Tp(*key) for key in keys])

    def resume(self, keys: Sequence[TopicPartition]) -> None:
        """Go on behind the last record that was handed out. Raises BrokerDown.

        A resume leaves librdkafka's fetcher asleep, for up to a second (2.16). A seek wakes it; to where a
        partition stands it changes nothing else: what was fetched ahead went with the pause.
        """
        self.paused.difference_update(keys)
        self._consumer.resume([Tp(*key) for key in keys])
        for at in self._stand([key for key in keys if key in self._starts]):
            self.seek((at.topic, at.partition), at.offset, at.leader_epoch)

    def begin(
        self, starts: Mapping[TopicPartition, int], epochs: Mapping[TopicPartition, int | None]
    ) -> None:
        """Read these from here on. epochs: see seek. Raises BrokerDown."""
        for key, offset in starts.items():
            self.seek(key, offset, epochs.get(key))
        self.resume(list(starts))

    def seek(self, key: TopicPartition, offset: int, epoch: int | None = None) -> None:
        """Read on from `offset`. epoch: the leader's when it was read up to there. Raises BrokerDown."""
        at = self._starts[key] = Tp(*key, offset, leader_epoch=NO_EPOCH if epoch is None else epoch)
        try:
            self._consumer.seek(at)
        except KafkaException:
            # librdkafka gave up on a partition whose offset was out of range: only a new assignment helps.
            ask(lambda: self._begin_anew(at))

    def epochs(self, keys: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The leaders' epochs when these were read up to where they stand, NO_EPOCH where none is known."""
        known = self._stand([key for key in keys if key in self._starts])
        told = {(at.topic, at.partition): cast("int | None", at.leader_epoch) for at in known}
        return {key: NO_EPOCH if (epoch := told.get(key)) is None else epoch for key in keys}

    def _begin_anew(self, tp: Tp) -> None:
        if self._eager:
            others = [key for key in self._starts if key != (tp.topic, tp.partition)]
            self._consumer.assign([tp, *self._stand(others)])
        else:
            self._consumer.incremental_unassign([Tp(tp.topic, tp.partition)])
            self._consumer.incremental_assign([tp])
        self._consumer.pause([Tp(*key) for key in self.paused])

    def _stand(self, keys: Sequence[TopicPartition]) -> list[Tp]:
        """Where these stand: behind what was handed out; where they begin, while nothing was since a seek."""
        at = self._consumer.position([Tp(*key) for key in keys]) if keys else []
        return [one if one.offset >= 0 else self._starts[one.topic, one.partition] for one in at]


def was_cut(error: KafkaError) -> bool:
    """Whether librdkafka gave up on a place because the log was cut off: its code tells only that it did."""
    return _CUT in error.str()
