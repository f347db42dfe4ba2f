"""What Yespo's pages say of past events, a test for each sentence, through the real pipeline."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.cli import call
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


def test_a_past_event_has_its_time_in_the_accounts_zone_and_its_parameters_for_segments(lines: Any) -> None:
    """`occurred` is the configured field, where that is null the order's date; no workflow is started."""
    with lines() as line:
        table = line.table("orders", **COLUMNS)
        for number, paid in (("1", None), ("2", "2024-03-02T22:30:59Z")):
            table.write("u", order(number, paid=paid))
        assert line.run(settings_of(line, table)) == {"delivered": 2}
        assert [past.occurred for past in line.crm.past_events] == ["2024-03-01T12:00", "2024-03-03T00:30"]
        assert {(past.params["city"], past.params["country"]) for past in line.crm.past_events} == {
            ("Київ", "Україна")
        }
        assert (line.crm.orders, line.crm.triggers) == ({}, [])


def test_past_events_are_tied_to_contacts_so_these_are_imported_beforehand(lines: Any) -> None:
    with lines() as line:
        table = line.table("orders", **COLUMNS)
        for number in ("1", "2"):
            table.write("u", order(number))
        assert line.run(settings_of(line, table)) == {"delivered": 2}
        tied = {str(past.params["externalOrderId"]): past.contact_id for past in line.crm.past_events}
        assert tied == {number: line.crm.contacts[f"C{number}"].id for number in ("1", "2")}


def test_at_most_five_hundred_go_in_a_request(lines: Any) -> None:
    with lines() as line:
        table = line.table("orders", **COLUMNS)
        for number in range(501):
            table.write("u", order(str(number), customer_no="C1"))
        assert line.run(settings_of(line, table)) == {"delivered": 501}
        assert len(line.crm.past_events) == 501
        assert set(line.crm.answers) == {("contacts", 200), ("importstatus", 200), ("past_events", 200)}


def test_a_batch_whose_answer_was_lost_is_not_sent_twice(lines: Any) -> None:
    """There is no deduplication: its events are held, and a replay does not send them either."""
    with lines() as line:
        table = line.table("orders", **COLUMNS)
        settings = settings_of(line, table)
        line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v1/past_events"}, "times": 1})
        table.write("u", order("1"))
        table.write("u", order("2"))
        assert line.run(settings) == {"in_doubt": 2}
        assert line.run(settings, replay=True) == {"in_doubt": 2}
        assert len(line.crm.past_events) == 2


def deleted(line: Pipeline, since: str, until: str, *more: str) -> int:
    return call(["past-events", "delete", "-c", str(line.file), "--from", since, "--to", until, *more])


def test_a_range_that_was_deleted_can_be_sent_again_and_the_rest_is_not(lines: Any) -> None:
    """RULES 11: the newest version goes again; what was outside the range, or live, does not."""
    with lines(delete_range_enabled=True) as line:
        table = line.table("orders", **COLUMNS)
        settings = settings_of(line, table)
        for number, day in (("1", 1), ("2", 2), ("3", 3)):
            table.write("u", order(number, placed=f"2024-03-0{day}T10:00:00Z"))
        table.write("u", order("2", placed="2024-03-02T10:00:00Z", total="13.00"))
        assert line.run(settings) == {"delivered": 4}
        assert deleted(line, "2024-03-02", "2024-03-02", "--yes") == 0
        assert [past.occurred[:10] for past in line.crm.past_events] == ["2024-03-01", "2024-03-03"]
        assert line.run(settings, replay=True) == {"delivered": 1, "duplicate": 2, "superseded": 1}
        again = line.crm.past_events[-1]
        assert (again.params["externalOrderId"], again.params["totalCost"]) == ("2", "13.00")
        assert line.run(settings, replay=True) == {"duplicate": 3, "superseded": 1}


def test_a_connector_that_runs_beside_it_sends_again_what_it_meets_again(lines: Any) -> None:
    """It remembers nothing that the deletion has changed; what it does not meet again, it does not send."""
    with lines(delete_range_enabled=True) as line:
        table = line.table("orders", **COLUMNS)
        for number in ("1", "2"):
            table.write("u", order(number), lsn=7)

        def beside() -> None:
            assert deleted(line, "2024-03-01", "2024-03-01", "--yes") == 0
            table.write("u", order("1"), lsn=7)
            table.write("u", order("1"), lsn=7)

        assert line.run(settings_of(line, table), then=beside) == {"delivered": 3, "duplicate": 1}
        assert [past.params["externalOrderId"] for past in line.crm.past_events] == ["1"]


def test_what_was_held_in_doubt_is_sent_again_once_its_range_was_deleted(lines: Any) -> None:
    with lines(delete_range_enabled=True) as line:
        table = line.table("orders", **COLUMNS)
        settings = settings_of(line, table)
        line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v1/past_events"}, "times": 1})
        table.write("u", order("1"))
        assert line.run(settings) == {"in_doubt": 1}
        assert deleted(line, "2024-03-01T00:00Z", "2024-03-01T23:00Z", "--yes") == 0
        assert line.crm.past_events == []
        assert line.run(settings, replay=True) == {"delivered": 1}
        assert len(line.crm.past_events) == 1


def test_deleting_is_off_until_the_vendor_enables_it_and_nothing_is_forgotten(
    lines: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with lines() as line:
        table = line.table("orders", **COLUMNS)
        settings = settings_of(line, table)
        table.write("u", order("1"))
        assert line.run(settings) == {"delivered": 1}
        capsys.readouterr()
        assert deleted(line, "2024-03-01", "2024-03-01", "--yes") == 1
        assert "ask Yespo's support to enable it" in capsys.readouterr().err
        assert line.run(settings, replay=True) == {"duplicate": 1}
