"""A broker that lost the end of a log, whose offsets other records have then (RULES 3).

So does an unclean election of a leader that lagged behind; here the disk forgets what was written last.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from connector.adapters.kafka_replay import Errand, ReplaySource
from connector.core.budget import USUAL
from connector.core.extent import Stretch
from connector.errors import Fatal
from connector.ports import Answer
from tests.adapters.test_kafka_replay import Notes
from tests.support.local_kafka import LocalKafka
from tests.support.member import Member
from tests.support.source_world import KafkaWorld

OLD, KEPT, NEW = 10, 5, 20
"""Records that were read; those of them that are left; those that were written then, past where OLD ended."""


class Broker:
    """A topic of one partition, whose first member has read and committed all there was."""

    def __init__(self, kafka: LocalKafka, cleanup: ExitStack) -> None:
        self._kafka = kafka
        self.world, self.member = KafkaWorld(kafka.bootstrap, 1, cleanup), Member()
        self.world.produce(*[b"old"] * KEPT)
        self._log = kafka.log_file(self.world.topic)
        self._size = self._log.stat().st_size
        self.world.produce(*[b"old"] * (OLD - KEPT))
        self.source = self.world.member(self.member)
        self.member.read(OLD)
        self.member.settle()
        assert self.member.commit() == {(self.world.topic, 0): OLD}

    def lose(self) -> None:
        """Lose the last records, and take others at their offsets."""
        self._kafka.kill()
        os.truncate(self._log, self._size)
        self._kafka.start()
        fresh = KafkaWorld(self._kafka.bootstrap, 1, ExitStack(), ids=False)
        fresh.topic = self.world.topic
        fresh.produce(*[b"%d" % n for n in range(NEW)])


@pytest.fixture
def broker(own_kafka: LocalKafka) -> Iterator[Broker]:
    with ExitStack() as cleanup:
        yield Broker(own_kafka, cleanup)


def asks_and_goes_on(member: Member, world: KafkaWorld) -> None:
    """Nothing of the new records is skipped by itself."""
    member.until(lambda: member.partitions.asking)
    assert {question.reason for question in member.partitions.asking.values()} == {"expired"}
    read = len(member.records)  # some of what is new may be among them: it was fetched meanwhile
    member.ledger.answer(Answer("", -1, str(KEPT), None, 0.0))
    source = member._source  # noqa: SLF001
    source.resume(member.partitions.answers(source))
    assert member.read(read + NEW)[read:] == [b"%d" % n for n in range(NEW)]
    member.settle()
    member.commit()
    found = world.committed()
    assert found is not None
    assert found[0] == KEPT + NEW


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("pauses", [False, True])
def test_who_reads_on_asks_instead_of_skipping_what_is_new(broker: Broker, *, pauses: bool) -> None:
    place = [(broker.world.topic, 0)]
    if pauses:
        broker.source.pause(place)
    broker.lose()
    if pauses:
        broker.source.resume(place)

    asks_and_goes_on(broker.member, broker.world)


@pytest.mark.kafka
@pytest.mark.slow
def test_who_comes_later_asks_too(broker: Broker) -> None:
    broker.source.close()
    broker.lose()
    later = Member()
    broker.world.member(later)

    asks_and_goes_on(later, broker.world)


@pytest.mark.kafka
@pytest.mark.slow
def test_a_replay_that_has_read_what_was_lost_ends(broker: Broker) -> None:
    place, member = (broker.world.topic, 0), Member()
    errand = Errand("replay", (Stretch(*place, 0, OLD + NEW),))
    source = ReplaySource({"bootstrap.servers": broker.world.bootstrap}, errand, member, Notes(), USUAL)
    member.attach(source)
    member.limit = KEPT + 2
    member.read(KEPT + 2)
    source.pause([place])
    broker.lose()
    source.resume([place])
    with pytest.raises(Fatal, match="lost records that this replay has read; begin a new one"):
        member.until(lambda: source.finished)
    source.close()
