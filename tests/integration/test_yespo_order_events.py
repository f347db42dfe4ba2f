"""What Yespo's pages say of the events of orders, a test for each sentence; and never two messages.

From a user's configuration to the sandbox, through the real pipeline; in none of them is anything ignored.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

ORDER = {
    "status": ["null", "string"], "total_cost": "string", "date": "string", "external_customer_id": "string",
    "note": "string",
}  # fmt: skip
STATUSES = ("INITIALIZED", "IN_PROGRESS", "DELIVERED", "CANCELLED", "ABANDONED_SHOPPING_CART")


@pytest.fixture
def line(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Pipeline]:
    """Yespo calls no body repeated here: nothing but the connector keeps a second message back."""
    with pipeline(broker, topic, tmp_path, conflict_seconds=0) as made:
        yield made


def order(number: str, status: str | None = "INITIALIZED", **columns: Any) -> dict[str, Any]:
    return {
        "external_order_id": number, "status": status, "total_cost": "12.50", "date": "2026-01-02T03:04:05Z",
        "external_customer_id": "C1", "note": "", **columns,
    }  # fmt: skip


def orders(line: Pipeline) -> Table:
    return line.table("orders", "external_order_id", **ORDER)


def settings_of(line: Pipeline, table: Table, destination: Any = None, **topic: Any) -> Any:
    return line.settings([{"name": table.topic, "entity": "order", **topic}], **(destination or {}))


def test_an_order_is_created_with_any_of_the_five_statuses(line: Pipeline) -> None:
    table = orders(line)
    for status in STATUSES:
        table.write("c", order(status, status))
    assert line.run(settings_of(line, table)) == {"delivered": 5}
    assert {key: one.status for key, one in line.crm.orders.items()} == {
        status: status for status in STATUSES
    }
    assert {event.type_key for event in line.crm.events} == {"orderCreated"}


def test_an_update_creates_an_order_that_yespo_does_not_have_under_the_rules_of_creation(
    line: Pipeline,
) -> None:
    table = orders(line)
    table.write("u", order("1", "DELIVERED"))
    table.write("u", order("2", None))
    assert line.run(settings_of(line, table)) == {"dead_lettered": 1, "delivered": 1}
    assert (line.sent("1"), line.crm.orders["1"].status) == (["orderUpdated"], "DELIVERED")
    assert dict(line.letters()) == {("2", "check"): 1}


def test_delivered_and_cancelled_are_ignored_for_an_unknown_order_so_they_go_for_known_ones_alone(
    line: Pipeline,
) -> None:
    table = orders(line)
    for number, status in (("1", "DELIVERED"), ("2", "CANCELLED")):
        table.write("c", order(number))
        table.write("u", order(number, status))
        table.write("u", order(f"unknown {number}", status))
    assert line.run(settings_of(line, table)) == {"delivered": 6}
    assert {key: line.sent(key) for key in line.crm.orders} == {
        "1": ["orderCreated", "orderDelivered"], "unknown 1": ["orderUpdated"],
        "2": ["orderCreated", "orderCancelled"], "unknown 2": ["orderUpdated"],
    }  # fmt: skip


def test_external_order_id_is_the_key_so_an_order_stays_one_and_carries_parameters_of_ones_own(
    line: Pipeline,
) -> None:
    table = orders(line)
    settings = settings_of(line, table, params={"courier": "note"})
    for op, note in (("c", "Ada"), ("u", "Bob"), ("u", "Cy")):
        table.write(op, order("1", note=note))
    assert line.run(settings) == {"delivered": 3}
    [only] = line.crm.orders.values()
    assert (only.external_id, only.params["courier"], len(only.events)) == ("1", "Cy", 3)


# --- Never two messages ---------------------------------------------------------------------------


def workflows(line: Pipeline) -> Counter[tuple[str | None, str]]:
    """How many were started by each state of each order, by the CRM's own log."""
    events = {event.id: event for event in line.crm.events}
    return Counter(
        (one.external_order_id, str(events[one.event_id].params["rev"])) for one in line.crm.triggers
    )


@contextmanager
def lost(line: Pipeline, times: int) -> Iterator[None]:
    """Some events are taken, and their answers are lost."""
    line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v2/event"}, "times": times})
    yield
    line.sandbox.faults.clear()


def busy_day(line: Pipeline, table: Table, settings: Any) -> None:
    """Changes, the same and older ones again, a restart between them, and all of it read once more."""
    for first in (1, 3):
        for number in ("a", "b", "c"):
            for rev in (first, first + 1, first, first + 1):
                table.write("u", order(number, note=f"{rev}"), lsn=rev)
        line.run(settings)
    line.run(settings, replay=True)


REVS = {(number, f"{rev}"): 1 for number in "abc" for rev in (1, 2, 3, 4)}


def test_no_duplicate_restart_or_replay_starts_a_second_workflow(line: Pipeline) -> None:
    table = orders(line)
    settings = settings_of(line, table, params={"rev": "note"})
    busy_day(line, table, settings)
    assert dict(workflows(line)) == REVS
    assert len(line.crm.triggers) == len(REVS)


def test_where_doubts_are_held_a_lost_answer_starts_none_either(line: Pipeline) -> None:
    """Outside `in_doubt: resend` nothing does."""
    table = orders(line)
    settings = settings_of(line, table, {"in_doubt": "hold"}, params={"rev": "note"})
    with lost(line, 2):
        busy_day(line, table, settings)
    started = workflows(line)
    assert set(started.values()) == {1}
    assert sum(cause == "in_doubt" for _, cause in line.letters().elements()) >= 2
