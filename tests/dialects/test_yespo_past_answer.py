"""What the answer to past events is believed to say of single events, in any plausible shape."""

from typing import Any

import pytest

from connector.core.model import Kind
from connector.core.talk import Accepted, InDoubt, Outcome, Refused, Sending
from connector.dialects.yespo_past_answer import SEGMENTATION, UNCLEAR, UNTOLD
from tests.dialects.yespo_samples import PAST, order_event
from tests.support.script import play, script, status

MAIL = "o1@shop.example"
"""keyValue of the second event."""
EVENTS = [
    Sending(order_event(kind, external_order_id=f"o{n}", email=f"o{n}@shop.example"))
    for n, kind in enumerate((Kind.ORDER_CREATED, Kind.ORDER_UPDATED, Kind.ORDER_CREATED))
]
OFF = "EVENT_SEGMENTATION_DISABLED"
OTHER = Refused("refused", "HTTP 200, the answer mentions invalid, keyValue, occurred")


def sent(body: Any, events: list[Sending] = EVENTS) -> list[Outcome]:
    """The outcomes of one request; a second one would be an error."""
    played = play(PAST.converse(PAST.lot(events[0].event), events), script(status(200, body)))
    return list(played.outcomes)


@pytest.mark.parametrize(
    "shape",
    [
        {"results": [{"status": "ACCEPTED"}, {"status": OFF}, {"status": "ACCEPTED"}], "successCount": 2},
        {"data": {"events": ["OK", OFF, "ok"]}, "errorCount": 1},
        [{"code": 200}, {"code": 400, "message": OFF}, {"code": 200}],
        [True, {"error": OFF}, True],
        {"results": [{"keyValue": MAIL, "status": OFF}], "errorCount": 1},
        {"failedEvents": [{"externalOrderId": "o1", "message": OFF}]},
        {"failedEvents": [{"eventTypeKey": "orderUpdated", "keyValue": MAIL, "error": OFF}]},
        {"failed": {"event": {"params": [{"name": "externalOrderId", "value": "o1"}]}, "error": OFF}},
        {"errors": {MAIL: OFF}},
        {"errors": {"orderUpdated": OFF}},
        {"failedEvents": [{"eventTypeKey": "orderUpdated", "error": OFF}], "failedCount": 1},
        {"errors": [[MAIL, OFF]], "errorCount": 1, "successCount": 2},
    ],
)
def test_an_event_that_was_not_taken_is_told_apart_in_any_shape_that_names_it(shape: object) -> None:
    assert sent(shape) == [Accepted(), SEGMENTATION, Accepted()]


@pytest.mark.parametrize(
    "shape", [{"errors": {"orderCreated": OFF}}, {"segmentationDisabled": ["orderCreated"]}]
)
def test_segmentation_that_is_off_for_a_type_refuses_every_event_of_it(shape: object) -> None:
    assert sent(shape) == [SEGMENTATION, Accepted(), SEGMENTATION]


def test_another_reason_is_told_by_what_the_answer_mentions_and_quotes_nothing() -> None:
    failed = {"keyValue": MAIL, "message": f"Invalid occurred of {MAIL}"}
    assert sent({"failedEvents": [failed]}) == [Accepted(), OTHER, Accepted()]


@pytest.mark.parametrize(
    "shape",
    [
        None,
        "no JSON",
        [],
        {},
        {"id": 7, "asyncSessionId": "failed-1"},
        {"results": [], "errorCount": 0, "errors": None},
        {"ids": [400, 401, 402]},
        {"ids": ["a", "b", "c"]},
        {"events": [{"externalOrderId": f"o{n}", "status": "INITIALIZED"} for n in range(3)]},
        {"results": [{"status": "STORED", "error": None}] * 3},
        {"status": "OK"},
    ],
)
def test_what_tells_of_no_failure_is_an_acceptance(shape: object) -> None:
    assert sent(shape) == [Accepted()] * 3


@pytest.mark.parametrize(
    "shape",
    [
        {"errorCount": 1, "successCount": 2},
        {"failedEvents": [{"index": 1}]},
        {"failedEvents": [1]},
        {"failedEvents": ["unheard of"]},
        {"failedEvents": [{"eventTypeKey": "orderCreated", "message": "Invalid occurred"}]},
        {"failedEvents": [{"keyValue": MAIL, "message": OFF}], "errorCount": 2},
        {"errorCode": 3},
        {"error": True},
        {"status": "ERROR"},
    ],
)
def test_failures_that_cannot_be_told_apart_are_in_doubt_and_nothing_is_repeated(shape: object) -> None:
    """Half of them would be stored twice; the event that flies alone next is told for sure."""
    assert sent(shape) == [UNTOLD] * 3
    [alone] = sent(shape, EVENTS[:1])
    assert isinstance(alone, Refused)


def test_when_all_have_failed_nobody_needs_to_be_named() -> None:
    assert sent({"successCount": 0, "errorCount": 3, "message": OFF}) == [SEGMENTATION] * 3


def test_a_status_that_can_be_read_both_ways_leaves_its_own_event_in_doubt() -> None:
    assert sent(["ACCEPTED", "E17", OFF]) == [Accepted(), UNCLEAR, SEGMENTATION]
    both = {"status": "ACCEPTED", "invalidParams": ["city"]}
    assert sent([both, {"status": OFF}, {"status": "ACCEPTED"}]) == [UNCLEAR, SEGMENTATION, Accepted()]


def test_a_doubt_about_a_past_event_is_held() -> None:
    assert isinstance(UNTOLD, InDoubt)
    assert PAST.lot(EVENTS[0].event).in_doubt == "hold"
