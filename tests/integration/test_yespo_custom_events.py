"""Custom events from a user's configuration to the CRM: live, past, in doubt, never twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.broker import Broker
from tests.support.pipeline import Pipeline, Table, pipeline
from tests.support.topics import TopicFactory

REVIEW = {"customer_no": "string", "email": "string", "stars": "int", "kind": "string", "at": "string"}
FIELDS = {"externalCustomerId": "customer_no", "occurred": "at"}


@pytest.fixture
def line(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(broker, topic, tmp_path, segmented={"reviewed", "subscribed"}) as made:
        yield made


def review(number: str, **columns: Any) -> dict[str, Any]:
    return {
        "id": number, "customer_no": f"C{number}", "email": f"c{number}@shop.example", "stars": 4,
        "kind": "subscribed", "at": "2026-01-02T03:04:59", **columns,
    }  # fmt: skip


def events(table: Table, **more: Any) -> list[dict[str, Any]]:
    return [
        {"name": table.topic, "entity": "event", "fields": FIELDS, "params": {"rating": "stars"}}
        | {"event_type": "reviewed"}
        | more
    ]


def test_a_custom_event_goes_live_after_its_contact_and_never_again(line: Pipeline) -> None:
    table = line.table("reviews", **REVIEW)
    settings = line.settings(events(table))
    table.write("r", review("0"), lsn=1)
    table.write("c", review("1"), lsn=2)
    table.write("c", review("1"), lsn=2)
    table.write("u", review("1", stars=5), lsn=3)
    table.write("d", review("1"), lsn=4)
    assert line.run(settings) == {"delivered": 2, "duplicate": 1, "filtered": 2}
    told = sorted((event.type_key, event.params["rating"]) for event in line.crm.events)
    assert told == [("reviewed", 4), ("reviewed", 5)]  # two facts, which go beside each other
    assert set(line.crm.contacts) == {"C1"}
    assert line.crm.ignored == []
    assert line.run(settings, replay=True) == {"duplicate": 3, "filtered": 2}
    assert line.crm.counts()["triggers"] == 2


def test_an_event_whose_answer_was_lost_is_held_and_no_restart_or_replay_sends_it_again(
    line: Pipeline,
) -> None:
    """It may have started a workflow: nobody starts it twice. The next one proves that others may go."""
    table = line.table("reviews", **REVIEW)
    settings = line.settings(events(table))
    line.sandbox.faults.add({"do": "lost_answer", "match": {"path": "/v2/event"}, "times": 1})
    table.write("c", review("1"), lsn=2)
    table.write("c", review("2"), lsn=3)
    outcomes = line.run(settings)
    assert outcomes == {"delivered": 1, "in_doubt": 1}
    assert {cause for _, cause in line.letters()} == {"in_doubt"}
    assert line.run(settings, replay=True)["duplicate"] == 1
    assert line.crm.counts()["triggers"] == 2


def test_past_events_tell_when_they_were_in_the_accounts_zone_and_start_no_workflow(line: Pipeline) -> None:
    """The type may come from a column; the times here have no zone, and the shop is in Lisbon."""
    table = line.table("activity", **REVIEW)
    topics = events(table, time_zone="Europe/Lisbon")
    topics[0] |= {"fields": {**FIELDS, "eventType": "kind"}, "params": {"city": "email"}}
    del topics[0]["event_type"]
    settings = line.settings(topics, events_via="past_events", time_zone="Europe/Kyiv")
    table.write("r", review("1"))
    table.write("c", review("2", kind="orderCreated"))
    assert line.run(settings) == {"dead_lettered": 1, "delivered": 1}
    [past] = line.crm.past_events
    assert (past.type_key, past.occurred, past.params["city"]) == (
        "subscribed", "2026-01-02T05:04", "c1@shop.example",
    )  # fmt: skip
    assert line.crm.counts()["triggers"] == 0
    assert {cause for _, cause in line.letters()} == {"check"}
    assert line.crm.ignored == []


def test_the_snapshot_of_a_live_topic_can_go_to_the_past(line: Pipeline) -> None:
    """The configured id is the key: what the snapshot had told is not told again by the stream."""
    table = line.table("reviews", "event_id", **REVIEW)
    settings = line.settings(events(table, on_snapshot="past_events"))
    for op, number, lsn in (("r", "1", 5), ("u", "1", 7), ("c", "2", 8)):
        row = review(number)
        del row["id"]
        table.write(op, {"event_id": number, **row}, lsn=lsn)
    assert line.run(settings) == {"delivered": 2, "duplicate": 1}
    assert [event.key_value for event in line.crm.past_events] == ["c1@shop.example"]
    assert [event.key_value for event in line.crm.events] == ["c2@shop.example"]
    assert line.crm.ignored == []
