"""The bodies of live and past events, and what becomes of a batch."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.events import Event
from connector.core.model import Kind
from connector.core.talk import Accepted, Halt, InDoubt, NoAnswer, Refused, Request, Response, Retry, Sending
from connector.dialects.yespo import Yespo, YespoOptions
from connector.dialects.yespo_events import bounded
from tests.dialects.yespo_samples import ITEM, PAST, YESPO, order_event, sendings
from tests.support.script import Played, names, play, script, status


def sent(event: Event, yespo: Yespo = YESPO, *, id_only: bool = False) -> Played:
    return play(yespo.converse(yespo.lot(event), [Sending(event, id_only=id_only)]), script(status(200)))


def params(event: Event, **how: Any) -> dict[str, Any]:
    pairs = sent(event, **how).body()["params"]
    named = {pair["name"]: pair["value"] for pair in pairs}
    assert len(named) == len(pairs)
    return named


def test_a_live_event_is_one_post_of_the_documented_form() -> None:
    played = sent(order_event(Kind.ORDER_CREATED))
    [request] = played.requests
    assert (request.method, request.path, request.resource) == ("POST", "/v2/event", "events")
    assert request.headers["content-type"] == "application/json"
    body = played.body()
    assert (body["eventTypeKey"], body["keyValue"]) == ("orderCreated", "John@Example.com")
    assert set(body) == {"eventTypeKey", "keyValue", "params"}
    assert params(order_event(Kind.ORDER_CREATED)) == {
        "email": "John@Example.com",
        "phone": "380501234567",
        "externalCustomerId": "AV13760",
        "externalOrderId": "12345679",
        "totalCost": "990.10",
        "status": "INITIALIZED",
        "date": "2020-05-14T13:11:00",
        "currency": "UAH",
        "items": [
            {
                "externalItemId": "200600",
                "name": "Super Device",
                "category": "devices",
                "quantity": "1",
                "cost": "990.10",
                "url": "http://example.com/item/200600",
                "imageUrl": "http://example.com/item/200600/image.png",
                "description": "High quality",
            }
        ],
    }


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "John@Example.com"),
        ({"email": None}, "380501234567"),
        ({"email": None, "phone": UNSET}, "AV13760"),
    ],
)
def test_key_value_is_the_value_of_the_locator_that_yespo_finds_first(
    changes: dict[str, object], key: str
) -> None:
    assert sent(order_event(**changes)).body()["keyValue"] == key


def test_an_order_located_by_its_id_alone_names_no_other_locator() -> None:
    event = order_event(params={"UserEmail": "x@y.z", "city": "Kyiv"})
    assert sent(event, id_only=True).body()["keyValue"] == "AV13760"
    assert not {"email", "phone", "UserEmail"} & set(params(event, id_only=True))
    assert params(event, id_only=True)["city"] == "Kyiv"


def test_an_order_that_should_be_located_by_an_id_it_lacks_is_not_sent() -> None:
    sending = Sending(order_event(external_customer_id=None), id_only=True)
    [refused] = play(YESPO.converse(YESPO.lot(sending.event), [sending]), script()).outcomes
    assert isinstance(refused, Refused)
    assert refused.cause == "no_usable_locator"


def test_optional_fields_go_under_their_documented_names_and_nulls_do_not_go() -> None:
    event = order_event(
        shipping=Decimal("10.00"), discount=Decimal(0), taxes=None, restore_url="http://r", store_id="7",
        status_description="d", delivery_method="m", payment_method="p", delivery_address="a",
        source="online", first_name="Łukasz", last_name="李雷", additional_info={"a": {"b": 1}},
        params={"city": "Київ", "country": None, "bonus": 5},
    )  # fmt: skip
    found = params(event)
    assert {name: found[name] for name in found if name not in params(order_event())} == {
        "shipping": "10.00", "discount": "0", "restoreUrl": "http://r", "storeId": "7",
        "statusDescription": "d", "deliveryMethod": "m", "paymentMethod": "p", "deliveryAddress": "a",
        "source": "online", "firstName": "Łukasz", "lastName": "李雷", "additionalInfo": {"a": {"b": "1"}},
        "city": "Київ", "bonus": "5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "text"), [("990.0", "990.0"), ("1E+3", "1000"), ("1E-7", "0.0000001"), ("0.10", "0.10")]
)
def test_a_total_keeps_its_scale_and_has_no_exponent(amount: str, text: str) -> None:
    assert params(order_event(total_cost=Decimal(amount)))["totalCost"] == text


def test_an_items_numbers_are_json_numbers_without_binary_noise() -> None:
    played = sent(order_event(items=(replace(ITEM, cost=Decimal("0.10"), quantity=Decimal("2.5")),)))
    assert b'"quantity":2.5,"cost":0.10,' in (played.requests[0].body or b"")


def test_an_item_keeps_what_has_no_name_here_and_loses_its_nulls() -> None:
    item = replace(ITEM, description=None, extra={"size": "M", "tags": ["a"], "cost": 1, "gone": None})
    [written] = params(order_event(items=(item,)))["items"]
    assert (written["size"], written["tags"], written["cost"]) == ("M", '["a"]', "990.10")
    assert not {"description", "gone", "extra"} & set(written)


@pytest.mark.parametrize("field", ["category", "description"])
def test_an_item_loses_a_lone_null(field: str) -> None:
    [written] = params(order_event(items=(replace(ITEM, **{field: None}),)))["items"]
    assert field not in written


def test_items_go_as_an_escaped_string_for_the_topics_named() -> None:
    yespo = Yespo(YespoOptions(string_items=frozenset({"orders"})))
    text = params(order_event(), yespo=yespo)["items"]
    assert text.startswith('[{"externalItemId":"200600",')


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5, 5),
        ([1, [2]], [1, [2]]),
        ({"a": {"b": "c"}}, {"a": {"b": "c"}}),
        ({"a": {"b": {"c": {"d": 1}}}}, {"a": {"b": '{"c":{"d":1}}'}}),
        ([[[1, 2]]], [["[1,2]"]]),
        ([{"a": []}], [{"a": "[]"}]),
    ],
)
def test_what_is_deeper_than_two_levels_becomes_its_json_text(value: Any, written: Any) -> None:
    assert bounded(value) == written


def test_a_past_event_has_the_minute_it_occurred_in_the_accounts_zone() -> None:
    [event] = sent(order_event(), PAST).body()["events"]
    assert event["occurred"] == "2020-05-14T13:11"
    assert event["params"] == sent(order_event()).body()["params"]
    old = order_event(date=datetime(1, 1, 2, tzinfo=UTC))
    assert sent(old, PAST).body()["events"][0]["occurred"].startswith("0001-01-02T")


def test_past_events_share_one_request() -> None:
    batch = sendings(500)
    played = play(PAST.converse(PAST.lot(batch[0].event), batch), script(status(200)))
    assert [(r.method, r.path) for r in played.requests] == [("POST", "/v1/past_events")]
    assert played.outcomes == [Accepted()] * 500


class Picky:
    """Refuses a batch that holds a bad order, or that is too large."""

    def __init__(self, bad: set[str], code: int = 400, largest: int = 500) -> None:
        self.bad, self.code, self.largest = bad, code, largest
        self.taken: list[str] = []

    def __call__(self, request: Request) -> Response:
        played = Played([], [request], [])
        ids = [
            p["value"] for e in played.body()["events"] for p in e["params"] if p["name"] == "externalOrderId"
        ]
        if self.bad & set(ids) or len(ids) > self.largest:
            return status(self.code)
        self.taken += ids
        return status(200)


def test_a_refused_batch_is_halved_until_the_bad_events_stand_alone() -> None:
    batch, crm = sendings(100), Picky({"o0", "o41", "o42", "o99"})
    played = play(PAST.converse(PAST.lot(batch[0].event), batch), crm)
    refused = [n for n, outcome in enumerate(played.outcomes) if isinstance(outcome, Refused)]
    assert refused == [0, 41, 42, 99]
    assert names(played.outcomes).count("Accepted") == 96
    assert len(crm.taken) == len(set(crm.taken)) == 96


def test_a_batch_too_large_is_halved_and_nothing_is_refused() -> None:
    batch, crm = sendings(10), Picky(set(), 413, largest=3)
    played = play(PAST.converse(PAST.lot(batch[0].event), batch), crm)
    assert played.outcomes == [Accepted()] * 10


@pytest.mark.parametrize(
    ("reply", "first", "rest"),
    [
        (status(500), InDoubt("http_500"), Retry("unavailable")),
        (NoAnswer(made=True, reason="reset"), InDoubt("reset"), Retry("unavailable")),
        (NoAnswer(made=False, reason="refused"), Retry("unreachable"), Retry("unreachable")),
        (status(429), Retry("throttled"), Retry("throttled")),
        (status(401), Halt("credentials", "HTTP 401: check api_key"), None),
    ],
)
def test_halves_answered_before_an_outage_keep_their_outcomes_and_later_ones_are_not_sent(
    reply: Response | NoAnswer, first: object, rest: object
) -> None:
    batch = sendings(8)
    replies = script(status(400), status(200), status(400), reply)
    played = play(PAST.converse(PAST.lot(batch[0].event), batch), replies)
    assert list(played.outcomes) == [Accepted()] * 4 + [first] * 2 + [rest or first] * 2


def test_what_has_no_json_form_costs_itself() -> None:
    batch = sendings(3)
    broken = order_event(external_order_id="o1", params={"note": "\ud800"})
    batch[1] = Sending(broken)
    crm = Picky(set())
    played = play(PAST.converse(PAST.lot(broken), batch), crm)
    assert names(played.outcomes) == ["Accepted", "Refused", "Accepted"]
    assert crm.taken == ["o0", "o2"]
    [alone] = play(YESPO.converse(YESPO.lot(broken), [batch[1]]), script()).outcomes
    assert isinstance(alone, Refused)
