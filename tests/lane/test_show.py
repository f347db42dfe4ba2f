"""What a lane shows, it shows whatever is down; and a stage tells what the CRM ignored."""

import msgspec
import pytest

from connector.core.talk import Request
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


def test_a_stage_whose_crm_ignored_something_fails() -> None:
    params = [{"name": "email", "value": "a@shop.example"}, {"name": "externalOrderId", "value": "1"}]
    body = msgspec.json.encode({"eventTypeKey": "orderDelivered", "params": params})
    with pytest.raises(AssertionError, match="promise 7: silently ignored"), staged() as stage:
        assert stage.crm.apply(Request("POST", "/v2/event", "other", body)).status == 200
