"""What a lane shows, it shows whatever is down."""

from tests.support.stage import NAME, staged
from tests.support.stage_reading import ORDERS, order


def test_lag_is_shown_while_the_broker_is_down() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.fate = lambda _: "503"
        stage.produce(ORDERS, order("o", 1))
        process.run(5)
        stage.broker.down = True
        process.run(100)
        age = process.meter.value("lag_seconds", destination=NAME, topic=ORDERS, partition="0")
        assert age is not None
        assert age > 95
