"""The process around the lanes."""

from typing import cast

from connector.errors import BrokerDown
from connector.lane.lane import Lane
from connector.service import Running, Service
from connector.wiring import SystemClock
from tests.support.stage_ports import StageLog


class Unopened:
    """A lane without its source: whoever drains it meets a defect."""

    name = "yespo"

    def hurry(self) -> None:
        """The process ends."""


def test_a_stop_before_kafka_could_be_asked_is_a_clean_end() -> None:
    closed: list[str] = []

    def open_() -> None:
        service.stop()
        raise BrokerDown("Kafka does not answer")

    running = Running(cast("Lane", Unopened()), open_, lambda: closed.append("yespo"))
    service = Service([running], SystemClock(), StageLog(), budget=5.0)

    assert service.work() == 0
    assert closed == ["yespo"]
