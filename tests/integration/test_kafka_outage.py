"""What an outage of Kafka leaves behind in a process that waits for its end."""

from pathlib import Path

import pytest
from confluent_kafka import Producer

from connector import wiring
from connector.adapters import metrics
from tests.support.broker import Broker
from tests.support.clients import Kept, clients
from tests.support.local_kafka import LocalKafka
from tests.support.orders import Orders
from tests.support.pipeline import pipeline, working
from tests.support.topics import TopicFactory
from tests.support.waiting import wait_for


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("from_the_start", [False, True])
def test_what_the_writer_of_dead_letters_meets_is_not_kept(
    own_kafka: LocalKafka, tmp_path: Path, *, from_the_start: bool
) -> None:
    """Kafka's library keeps each error for who polls, and a day of outage has a hundred thousand."""
    broker = Broker(own_kafka.bootstrap, "local")
    with pipeline(broker, TopicFactory(broker), tmp_path) as line:
        shop = Orders(line)
        shop.configure()
        others = clients()
        service = wiring.build(shop.settings, metrics.meter(), "yespo", embedded=False)
        (producer,) = (one for one in clients() if isinstance(one, Producer) and one not in others)
        if from_the_start:
            own_kafka.stop()
        with working(service):
            if not from_the_start:
                wait_for(lambda: service.lanes["yespo"].joined)
                own_kafka.stop()
            wait_for(Kept(producer).fell)
            own_kafka.start()  # else its last commit is waited for, for longer than it may drain
