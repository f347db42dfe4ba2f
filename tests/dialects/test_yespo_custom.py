"""Custom events: what Yespo would refuse or ignore, where they go, and their form on the wire."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from connector.core.claims import Grant
from connector.core.events import Contact, Event, Fact, Requirement
from connector.core.model import Kind, Position
from connector.core.talk import Accepted, Refused, Sending
from connector.dialects.yespo import Yespo, YespoOptions
from tests.dialects.yespo_samples import YESPO, order_event
from tests.support.script import play, script, status

PAST = Yespo(YespoOptions(time_zone="Europe/Kyiv", events_via="past_events"))
AT = datetime(2026, 1, 2, 3, 4, 59, tzinfo=UTC)


def fact(**changes: Any) -> Event:
    body = Fact(event_type="reviewed", external_customer_id="C1", email="A@b.example", params={"stars": 4})
    body = replace(body, **changes)
    return Event("event", Kind.CUSTOM, "k", body, b"", b"", None, Position("reviews", 0, 1))


def test_a_live_one_goes_alone_and_is_held_in_doubt() -> None:
    lot = YESPO.lot(fact())
    assert (lot.resource, lot.max_events, lot.in_doubt, lot.live) == ("custom_events", 1, "hold", True)
    event = YESPO.refine(fact(), Grant(known=True))
    played = play(YESPO.converse(lot, [Sending(event)]), script(status(200)))
    assert (played.requests[0].path, played.requests[0].resource) == ("/v2/event", "custom_events")
    assert played.body() == {
        "eventTypeKey": "reviewed",
        "keyValue": "A@b.example",
        "params": [
            {"name": "email", "value": "A@b.example"},
            {"name": "externalCustomerId", "value": "C1"},
            {"name": "stars", "value": "4"},
        ],
    }
    assert played.outcomes == [Accepted()]


def test_past_ones_share_a_request_with_past_orders_and_tell_when_they_were() -> None:
    yespo = Yespo(YespoOptions(time_zone="Europe/Kyiv", events_via="past_events", orders_via="past_events"))
    lot = yespo.lot(fact())
    assert lot == yespo.lot(order_event())
    batch = [Sending(fact(occurred=AT)), Sending(order_event(occurred=AT)), Sending(order_event())]
    played = play(yespo.converse(lot, batch), script(status(200)))
    assert [event["occurred"] for event in played.body()["events"]] == [
        "2026-01-02T05:04", "2026-01-02T05:04", "2020-05-14T13:11",
    ]  # fmt: skip


def test_only_events_go_to_the_past_by_events_via_and_snapshots_by_their_topic() -> None:
    assert PAST.lot(order_event()).resource == "events"
    yespo = Yespo(YespoOptions(past_snapshots=frozenset({"reviews"})))
    assert yespo.lot(fact()).resource == "custom_events"
    assert yespo.lot(replace(fact(), snapshot=True)).resource == "past_events"


def test_the_contact_of_a_fact_comes_first_and_is_made_of_its_own_fields() -> None:
    event = fact(phone="380501234567")
    assert YESPO.requires(event) == Requirement("C1", "email:a@b.example")
    ensured = YESPO.ensure(event, shared=False)
    assert ensured is not None
    assert ensured.body == Contact(external_customer_id="C1", email="A@b.example", phone="380501234567")
    assert YESPO.check(ensured) is None


def test_it_is_located_by_the_id_alone_where_the_ledger_says_so() -> None:
    event = fact(params={"ContactKey": "x", "stars": 4})
    played = play(YESPO.converse(YESPO.lot(event), [Sending(event, id_only=True)]), script(status(200)))
    body = played.body()
    assert body["keyValue"] == "C1"
    assert [param["name"] for param in body["params"]] == ["externalCustomerId", "stars"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event_type": None}, "event_type must have 1 to 100 characters"),
        ({"event_type": "x" * 101}, "event_type must have 1 to 100 characters"),
        ({"event_type": "a/b"}, "event_type has a forbidden character"),
        ({"event_type": "orderDelivered"}, "event_type is an order's: map the orders with entity: order"),
        ({"external_customer_id": None, "email": " "}, "no contact can be found"),
        ({"external_customer_id": "c" * 301}, "longer than 300 characters"),
        ({"params": {"x" * 101: 1}}, "1 to 100 characters"),
        ({"params": {"PHONE": 1}}, "two parameters have one name"),
        ({"params": {"a": 1, "A": 2}}, "two parameters have one name"),
        ({"params": {"contact_id": 1}}, "look for another contact"),
        ({"occurred": datetime.max.replace(tzinfo=UTC)}, "occurred has no form in the account's time zone"),
    ],
)
def test_what_would_be_refused_or_ignored_is_found_before(changes: dict[str, Any], words: str) -> None:
    assert words in (YESPO.check(fact(**changes)) or "")


def test_parameters_may_have_the_names_of_an_orders_fields() -> None:
    assert YESPO.check(fact(params={"totalCost": 1, "status": "x", "items": [1]})) is None


def test_a_past_one_must_tell_when_it_was() -> None:
    assert "occurred missing" in (PAST.check(fact()) or "")
    assert PAST.check(fact(occurred=AT)) is None


def test_deep_parameters_are_counted() -> None:
    assert YESPO.deep(fact(params={"a": {"b": {"c": {}}}, "d": [1]})) == 1


def test_a_contact_that_cannot_be_named_costs_the_fact_itself() -> None:
    event = fact(external_customer_id=None)
    [refused] = play(YESPO.converse(YESPO.lot(event), [Sending(event, id_only=True)]), script()).outcomes
    assert isinstance(refused, Refused)
    assert refused.cause == "no_usable_locator"
