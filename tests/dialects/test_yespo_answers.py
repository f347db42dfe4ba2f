"""Each row of the outcome table, by one live event."""

import pytest

from connector.core.talk import Accepted, Halt, InDoubt, NoAnswer, Outcome, Refused, Response, Retry, Sending
from connector.dialects.yespo_answers import retry_after
from tests.dialects.yespo_samples import YESPO, order_event
from tests.support.script import Reply, play, script, status

EVENT = order_event()


def outcome(reply: Reply, **state: object) -> Outcome:
    sending = Sending(EVENT, **state)  # type: ignore[arg-type]
    [one] = play(YESPO.converse(YESPO.lot(EVENT), [sending]), script(reply)).outcomes
    return one


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (status(200), Accepted()),
        (status(204), Accepted()),
        (status(202, "anything, even no JSON"), Accepted()),
        (status(400), Refused("refused", "HTTP 400")),
        (status(422), Refused("refused", "HTTP 422")),
        (status(413), Refused("too_large", "HTTP 413")),
        (status(401), Halt("credentials", "HTTP 401: check api_key")),
        (status(403), Halt("credentials", "HTTP 403: check api_key")),
        (status(404), Halt("contract", "HTTP 404: check url")),
        (status(405), Halt("contract", "HTTP 405: check url")),
        (status(415), Halt("contract", "HTTP 415: check url")),
        (status(302), Halt("contract", "HTTP 302: check url")),
        (status(418), Halt("contract", "HTTP 418: check url")),
        (status(409), Retry("conflict", 61.0)),
        (status(429), Retry("throttled")),
        (status(429, headers={"retry-after": "7"}), Retry("throttled", 7.0)),
        (status(503, headers={"retry-after": "120"}), Retry("unavailable", 120.0)),
        (status(408), Retry("unavailable")),
        (status(500), InDoubt("http_500")),
        (status(502), InDoubt("http_502")),
        (status(504), InDoubt("http_504")),
        (status(524), InDoubt("http_524")),
        (NoAnswer(made=True, reason="timeout"), InDoubt("timeout")),
        (NoAnswer(made=False, reason="refused"), Retry("unreachable")),
    ],
)
def test_an_answer_means_what_the_table_says(reply: Reply, expected: Outcome) -> None:
    assert outcome(reply) == expected


def test_a_repeated_request_after_a_lost_answer_was_a_success() -> None:
    assert outcome(status(409), doubtful=True) == Accepted()


def test_a_conflict_that_stays_past_a_minute_is_the_events_own() -> None:
    refused = outcome(status(409), conflicts=1)
    assert isinstance(refused, Refused)
    assert refused.cause == "conflict"


def test_a_refusal_tells_what_the_answer_mentions_and_quotes_nothing() -> None:
    reply = status(400, {"message": "Invalid totalCost for john@example.com, +380501234567, order 12345679"})
    refused = outcome(reply)
    assert refused == Refused("refused", "HTTP 400, the answer mentions cost, invalid, totalCost")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 30 "}, 30.0),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            30.0,
        ),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            0.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "soon", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "9" * 5000}, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(Response(503, b"", headers)) == seconds
