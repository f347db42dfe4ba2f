"""What Yespo's pages say of past events, a test for each sentence, through the real pipeline."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

COLUMNS = {
    "status": "string", "total": "string", "placed": "string", "paid": ["null", "string"],
    "customer_no": "string", "city": "string", "country": "string",
}  # fmt: skip
FIELDS = {
    "externalOrderId": "id", "externalCustomerId": "customer_no", "totalCost": "total", "date": "placed",
    "occurred": "paid",
}  # fmt: skip
GEODATA = {"city": "city", "country": "country"}


@pytest.fixture
def lines(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Any:
    @contextmanager
    def made(**crm: Any) -> Iterator[Pipeline]:
        with pipeline(broker, topic, tmp_path, **crm) as line:
            yield line

    return made


def order(number: str, **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "status": "DELIVERED", "total": "12.50", "placed": "2024-03-01T10:00:00Z", "paid": None,
        "customer_no": f"C{number}", "city": "Київ", "country": "Україна", **columns,
    }  # fmt: skip


def settings_of(line: Pipeline, table: Table, **more: Any) -> Any:
    topic = {"name": table.topic, "entity": "order", "fields": FIELDS, "params": GEODATA} | more
    return line.settings([topic], orders_via="past_events", time_zone="Europe/Kyiv")


def test_an_event_that_the_answer_says_was_not_taken_is_a_dead_letter_and_the_others_are_accepted(
    lines: Any,
) -> None:
    """Segmentation has to be enabled for each type; here for one of two, in one request."""
    with lines(past_results=True, segmented={"orderUpdated"}) as line:
        table = line.table("orders", **COLUMNS)
        settings = settings_of(line, table)
        for op, number in (("u", "1"), ("c", "2"), ("u", "3")):
            table.write(op, order(number))
        assert line.run(settings) == {"dead_lettered": 1, "delivered": 2}
        assert line.letters() == {("2", "segmentation"): 1}
        assert [past.params["externalOrderId"] for past in line.crm.past_events] == ["1", "3"]
        assert line.run(settings, replay=True) == {"dead_lettered": 1, "duplicate": 2}
        assert len(line.crm.past_events) == 2
