"""Add orders: who goes this way, what is sent, and what the answer is believed to say."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.claims import Grant
from connector.core.model import Kind, Op
from connector.core.talk import (
    Accepted,
    Halt,
    InDoubt,
    NoAnswer,
    Outcome,
    Refused,
    Response,
    Retry,
    Sending,
)
from connector.courier.flight import sort
from connector.dialects.yespo import Yespo, YespoOptions
from connector.dialects.yespo_orders import LISTED
from tests.dialects.yespo_samples import ITEM, order_event, sendings
from tests.support.script import Played, Reply, play, script, status

ADD = Yespo(YespoOptions(time_zone="Europe/Kyiv", orders_via="add_orders"))
BOTH = Yespo(YespoOptions(time_zone="Europe/Kyiv", orders_via="add_orders_then_events"))
KNOWN, STATUS_ONLY = Grant(known=True), Grant(known=True, status_only=True)


def added(count: int, *replies: Reply) -> Played:
    return play(ADD.converse(ADD.lot(order_event()), sendings(count)), script(*replies))


def created(sending: Sending, *replies: Reply) -> Played:
    return play(BOTH.converse(BOTH.lot(sending.event), [sending]), script(*replies))


# --- The way --------------------------------------------------------------------------------------


def test_orders_go_a_thousand_a_request_and_may_be_resent() -> None:
    lot = ADD.lot(order_event())
    assert (lot.resource, lot.max_events, lot.in_doubt, lot.live) == ("orders", 1000, "resend", True)
    for grant in (Grant(), KNOWN, STATUS_ONLY):
        event = order_event(status="DELIVERED")
        assert ADD.refine(event, grant) is event


@pytest.mark.parametrize("via", [ADD, BOTH])
def test_a_deleted_order_is_cancelled_by_an_event_however_it_was_sent(via: Yespo) -> None:
    deleted = order_event(Kind.ORDER_CANCELLED, Op.DELETE)
    assert via.lot(deleted).resource == "events"
    cancelled = via.refine(deleted, KNOWN)
    assert (cancelled.kind, via.lot(cancelled).resource) == (Kind.ORDER_CANCELLED, "events")
    assert via.refine(deleted, Grant()) is deleted


@pytest.mark.parametrize(
    ("kind", "snapshot", "grant", "sent", "resource"),
    [
        (Kind.ORDER_CREATED, False, Grant(), Kind.ORDER_CREATED, "orders"),
        (Kind.ORDER_UPDATED, False, Grant(), Kind.ORDER_CREATED, "orders"),
        (Kind.ORDER_CREATED, True, Grant(), Kind.ORDER_CREATED, "orders"),
        (Kind.ORDER_UPDATED, True, Grant(), Kind.ORDER_UPDATED, "events"),
        (Kind.ORDER_CREATED, False, KNOWN, Kind.ORDER_UPDATED, "events"),
        (Kind.ORDER_UPDATED, False, KNOWN, Kind.ORDER_UPDATED, "events"),
        (Kind.ORDER_UPDATED, False, STATUS_ONLY, Kind.ORDER_DELIVERED, "events"),
    ],
)
def test_an_order_is_created_by_add_orders_and_goes_on_as_events(
    kind: Kind, snapshot: bool, grant: Grant, sent: Kind, resource: str
) -> None:
    event = BOTH.refine(replace(order_event(kind, status="DELIVERED"), snapshot=snapshot), grant)
    assert (event.kind, BOTH.lot(event).resource) == (sent, resource)


def test_created_orders_go_alone_so_that_their_id_is_told() -> None:
    hold = Yespo(YespoOptions(orders_via="add_orders_then_events", in_doubt="hold"))
    plain, more = (order_event(Kind.ORDER_CREATED, params=params) for params in (UNSET, {"city": "Київ"}))
    lots = [yespo.lot(event) for yespo in (BOTH, hold) for event in (plain, more)]
    assert [(lot.max_events, lot.in_doubt) for lot in lots] == [
        (1, "resend"), (1, "resend"), (1, "resend"), (1, "hold"),
    ]  # fmt: skip


def test_history_goes_where_history_goes() -> None:
    past = Yespo(YespoOptions(orders_via="add_orders", past_snapshots=frozenset({"orders"})))
    assert past.lot(replace(order_event(), snapshot=True)).resource == "past_events"


# --- What is sent ---------------------------------------------------------------------------------


def test_all_fields_of_the_fixed_list_are_sent_and_no_other() -> None:
    event = order_event(
        first_name="Олена", shipping=Decimal("5.00"), additional_info={"gift": {"a": {"b": [1]}}},
        params={"city": "Київ"}, items=(replace(ITEM, extra={"color": "red"}, description=None),),
        store_id=None, source="online",
    )  # fmt: skip
    [request] = (played := play(ADD.converse(ADD.lot(event), [Sending(event)]), script(status(200)))).requests
    assert (request.method, request.path) == ("POST", "/v1/orders")
    assert played.body()["orders"] == [
        {
            "externalOrderId": "12345679", "totalCost": "990.10", "status": "INITIALIZED", "currency": "UAH",
            "firstName": "Олена", "shipping": "5.00", "source": "online", "date": "2020-05-14T13:11:00+03:00",
            "externalCustomerId": "AV13760", "email": "John@Example.com", "phone": "380501234567",
            "additionalInfo": {"gift": {"a": '{"b":[1]}'}},
            "items": [{
                "externalItemId": "200600", "name": "Super Device", "category": "devices", "quantity": "1",
                "cost": "990.10", "url": "http://example.com/item/200600",
                "imageUrl": "http://example.com/item/200600/image.png",
            }],
        }
    ]  # fmt: skip


def test_an_order_is_located_by_the_id_alone_where_the_ledger_says_so() -> None:
    sending = Sending(order_event(), id_only=True)
    [order] = play(ADD.converse(ADD.lot(sending.event), [sending]), script(status(200))).body()["orders"]
    assert {"email", "phone"} & order.keys() == set()
    assert order["externalCustomerId"] == "AV13760"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"currency": UNSET}, "currency missing"),
        ({"total_cost": None}, "totalCost missing"),
        ({"status": "SOLD"}, "status is none of"),
        ({"email": None, "phone": None, "external_customer_id": None}, "no contact can be found"),
        ({"items": (replace(ITEM, quantity=None),)}, "items[0]: externalItemId or quantity missing"),
        ({"items": (replace(ITEM, cost=Decimal("NaN")),)}, "items[0]: cost or quantity is not a number"),
        ({"date": datetime.max.replace(tzinfo=UTC)}, "date has no form"),
    ],
)
def test_what_add_orders_would_fail_is_found_before(changes: dict[str, Any], words: str) -> None:
    assert words in (ADD.check(order_event(**changes)) or "")
    assert words in (BOTH.check(order_event(**changes)) or "") or "missing" in words


def test_items_need_less_than_those_of_an_event_but_not_where_events_follow() -> None:
    event = order_event(items=(replace(ITEM, url=None, name=None),), params={"totalCost": 1})
    assert ADD.check(event) is None
    assert "items[0]: name, url missing" in (BOTH.check(event) or "")


# --- The answer -----------------------------------------------------------------------------------

FAILED = [
    ["o1"],
    [{"externalOrderId": "o1", "error": "no"}],
    [{"order": {"externalOrderId": "o1", "items": [{"externalItemId": "o0"}]}, "message": "o0"}],
    {"o1": "no"},
    {"externalOrderId": "o1", "errors": ["bad"]},
    [["o1", "no"]],
]


@pytest.mark.parametrize("failed", FAILED)
def test_failed_orders_are_told_in_any_plausible_shape_and_the_others_are_accepted(failed: object) -> None:
    assert added(3, status(200, {"failedOrders": failed})).outcomes == [Accepted(), LISTED, Accepted()]


@pytest.mark.parametrize(
    "failed", [1, "yes", [1], [{"index": 1}], [{"message": "bad"}], [{"externalOrderId": "o9"}], ["o1", 7]]
)
def test_what_cannot_be_told_is_found_by_halving(failed: object) -> None:
    bad, good = status(200, {"failedOrders": failed}), status(200, {})
    assert added(3, bad, good, bad, bad, good).outcomes == [Accepted(), LISTED, Accepted()]


def test_a_number_is_an_externalorderid_where_the_answer_says_so() -> None:
    batch = [Sending(order_event(external_order_id=key)) for key in ("7", "1")]
    reply = status(200, {"failedOrders": [{"externalOrderId": 1}]})
    assert play(ADD.converse(ADD.lot(batch[0].event), batch), script(reply)).outcomes == [Accepted(), LISTED]


@pytest.mark.parametrize("body", [None, "", {}, {"failedOrders": []}, {"failedOrders": None, "x": 1}])
def test_an_empty_answer_means_that_all_were_taken(body: object) -> None:
    assert added(2, status(200, body)).outcomes == [Accepted(), Accepted()]


def test_an_answer_that_is_no_json_object_is_a_wrong_address() -> None:
    for body in ("<html>", "[1]"):
        assert [type(one) for one in added(2, status(200, body)).outcomes] == [Halt, Halt]


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"id": 77}, [None, None]),
        ({"id": 77, "failedOrders": ["o0"]}, [LISTED, "77"]),
        (
            {"orders": [{"externalOrderId": "o1", "id": "B"}, {"externalOrderId": "o0", "orderId": 5}]},
            ["5", "B"],
        ),
        ({"id": 1, "result": {"x": {"externalOrderId": "o1", "id": 9}}}, [None, "9"]),
        ({"asyncSessionId": "s"}, [None, None]),
    ],
)
def test_the_systems_id_is_kept_where_it_is_told(body: object, ids: list[Any]) -> None:
    expected: list[Outcome] = [one if isinstance(one, Refused) else Accepted(one) for one in ids]
    assert added(2, status(200, body)).outcomes == expected


def test_a_refused_request_is_halved_until_the_bad_order_stands_alone() -> None:
    played = added(2, status(400), status(400), status(200))
    assert [type(outcome) for outcome in played.outcomes] == [Refused, Accepted]


# --- Created, then supplemented -------------------------------------------------------------------

PLAIN = Sending(order_event(Kind.ORDER_CREATED))
RICH = Sending(order_event(Kind.ORDER_CREATED, params={"city": "Київ"}))


def test_an_order_without_parameters_needs_no_event() -> None:
    assert created(PLAIN, status(200, {"id": 77})).outcomes == [Accepted("77")]


def test_parameters_follow_at_once_in_an_event_since_add_orders_has_no_place_for_them() -> None:
    played = created(RICH, status(200, {"id": 77}), status(200))
    assert [request.path for request in played.requests] == ["/v1/orders", "/v2/event"]
    assert played.body(1)["eventTypeKey"] == "orderUpdated"
    assert {"name": "city", "value": "Київ"} in played.body(1)["params"]
    assert played.outcomes == [Accepted("77")]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (status(503), Retry("unavailable", part="77")),
        (status(409), Retry("conflict", 61.0, part="77")),
        (NoAnswer(made=True, reason="reset"), InDoubt("reset", "77")),
        (status(401), Halt("credentials", "HTTP 401: check api_key", part="77")),
    ],
)
def test_an_event_that_could_not_follow_is_sent_again_and_the_order_is_not_added_twice(
    reply: Response | NoAnswer, outcome: Outcome
) -> None:
    assert created(RICH, status(200, {"id": 77}), reply).outcomes == [outcome]
    _, again = sort(BOTH.lot(RICH.event), [RICH], [outcome])
    [[sending]] = again.values()
    played = created(sending, status(200))
    assert [request.path for request in played.requests] == ["/v2/event"]
    assert played.outcomes == [Accepted("77")]


def test_what_is_refused_costs_the_order_and_says_of_what() -> None:
    assert created(RICH, status(200, {"failedOrders": ["12345679"]})).outcomes == [LISTED]
    [outcome] = created(RICH, status(200), status(400, "city is invalid")).outcomes
    assert isinstance(outcome, Refused)
    [unsent] = created(RICH, NoAnswer(made=True, reason="reset")).outcomes
    assert unsent == InDoubt("reset")
