"""Neutral steps of a conversation: one by one, and nothing into an outage."""

import pytest

from connector.core.conclude import Steps, ask, each, outage
from connector.core.talk import Accepted, Halt, InDoubt, Outcome, Refused, Request, Retry, Sending
from tests.dialects.yespo_samples import sendings
from tests.support.script import play, script, status

REQUEST = Request("GET", "/", "any")


def answering(outcomes: list[Outcome]) -> list[Outcome]:
    rest = iter(outcomes)

    def attempt(_: Sending) -> Steps[Outcome]:
        yield from ask(REQUEST)
        return next(rest)

    played = play(each(sendings(4), attempt), script(*[status(200)] * len(outcomes)))
    assert len(played.requests) == len(outcomes)
    return list(played.outcomes)


@pytest.mark.parametrize("last", [Accepted(), Refused("refused", ""), Retry("conflict", 61.0)])
def test_an_events_own_outcome_does_not_keep_the_next_from_being_sent(last: Outcome) -> None:
    assert outage([last]) is None
    assert answering([last] * 4) == [last] * 4


@pytest.mark.parametrize(
    ("last", "unsent"),
    [
        (InDoubt("http_500"), Retry("unavailable")),
        (Retry("throttled", 9.0), Retry("throttled", 9.0)),
        (Retry("unreachable"), Retry("unreachable")),
        (Halt("credentials", ""), Halt("credentials", "")),
        (Halt("credentials", "", doubtful=True), Halt("credentials", "")),
        (Retry("import_error"), Retry("unavailable")),
    ],
)
def test_nothing_is_sent_into_an_outage(last: Outcome, unsent: Outcome) -> None:
    assert answering([Accepted(), last]) == [Accepted(), last, unsent, unsent]


def test_a_driver_that_answers_a_request_with_nothing_is_a_bug() -> None:
    steps = ask(REQUEST)
    assert next(steps) is REQUEST
    with pytest.raises(TypeError):
        steps.send(None)
