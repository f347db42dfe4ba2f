"""A topic that is deleted and made anew under a running connector, as its operator sees it (RULES 3)."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector import wiring
from connector.adapters import metrics
from connector.cli import call
from tests.support.broker import Broker
from tests.support.orders import Orders, order
from tests.support.pipeline import pipeline, working
from tests.support.topics import TopicFactory, create, delete
from tests.support.waiting import wait_for


@pytest.mark.kafka
def test_it_waits_for_the_operators_word_and_then_sends_nothing_twice(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The new topic tells every row once more, and a new one. Before it is noticed, within ten seconds, the
    record at the offset that was next may be read: it is a duplicate then when all is read from the start."""
    with pipeline(broker, topic, tmp_path) as line:
        shop = Orders(line)
        shop.configure()
        service = wiring.build(shop.settings, metrics.meter(), "yespo", embedded=False)
        totals = service.lanes["yespo"].parts.books.totals

        def write(op: str, *numbers: str) -> None:
            for number in numbers:
                shop.orders.write(op, order(number))
            line.flush()

        def becomes(**expected: int) -> None:
            wait_for(lambda: {name: totals[name] for name in expected} == expected, 60)

        with working(service):
            write("c", "1", "2")
            becomes(delivered=2)
            admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
            delete(admin, shop.orders.topic)
            create(admin, NewTopic(shop.orders.topic, 1, 1))
            write("u", "1", "2", "3")
            wait_for(lambda: "recreated" in service.status()["lanes"][0]["paused"], 60)
            paused = service.status()["lanes"][0]["paused"]["recreated"]
            assert paused["detail"] == f"{shop.orders.topic}[0]: the topic was deleted and made anew"
            assert "`crm-connector resume --topic T --partition P --from earliest`" in paused["remedy"]
            assert call(["resume", "-c", str(line.file), "--from", "earliest", "--accept", "made anew"]) == 0
            becomes(delivered=3, unchanged=2)

            wait_for(lambda: not service.status()["lanes"][0]["paused"], 60)

        assert [line.sent(number) for number in ("1", "2", "3")] == [["orderCreated"]] * 2 + [
            ["orderUpdated"]
        ]
