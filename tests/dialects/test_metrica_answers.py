"""Metrica's answers: verdicts, error types, quotas; a refused upload is halved; products go first."""

from typing import Any

import pytest

from connector.core.events import Item
from connector.core.talk import (
    Accepted,
    Halt,
    InDoubt,
    NoAnswer,
    Outcome,
    Refused,
    Request,
    Response,
    Retry,
)
from connector.dialects.metrica import Metrica, MetricaOptions
from connector.dialects.metrica_products import Products
from tests.dialects.metrica_samples import STATUSES, metrica, orders, passed, refused, verdict
from tests.support.script import Played, Reply, names, play, script, status

METRICA = metrica()


def uploaded(count: int, *replies: Reply, **options: Any) -> Played:
    one, batch = metrica(**options), orders(count)
    return play(one.converse(one.lot(batch[0].event), batch), script(*replies))


def meaning(reply: Reply) -> Outcome:
    [outcome] = uploaded(1, reply).outcomes
    return outcome


NOON = {"date": "Wed, 21 Sep 2022 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (passed(1), Accepted()),
        (verdict("FAILED", 1), Refused("refused", "api_validation_status FAILED")),
        (refused(400, "invalid_parameter"), Refused("refused", "HTTP 400: invalid_parameter")),
        (status(400, "not JSON"), Refused("refused", "HTTP 400")),
        (status(413), Refused("too_large", "HTTP 413")),
        (refused(401, "invalid_token"), Halt("credentials", "HTTP 401: check token")),
        (refused(403, "access_denied"), Halt("credentials", "HTTP 403: check token")),
        (refused(404, "not_found"), Halt("contract", "HTTP 404: check counter_id and url")),
        (refused(429, "quota_requests_by_ip"), Retry("throttled")),
        (refused(429, "quota_parallel_requests", {"retry-after": "3"}), Retry("throttled", 3.0)),
        (refused(429, "quota_requests_by_uid", NOON), Retry("throttled", 43_200.0)),
        (refused(429, "quota_requests_by_counter_id", NOON), Retry("throttled", 43_200.0)),
        (refused(429, "quota_requests_by_uid"), Retry("throttled", 3600.0)),
        (status(503), Retry("unavailable")),
        (status(500), InDoubt("http_500")),
        (status(502), InDoubt("http_502")),
        (status(504), InDoubt("http_504")),
        (NoAnswer(True, "timeout"), InDoubt("timeout")),
        (NoAnswer(False, "refused"), Retry("unreachable")),
    ],
)
def test_an_answer_means_what_the_table_says(reply: Reply, outcome: Outcome) -> None:
    assert meaning(reply) == outcome


@pytest.mark.parametrize(
    "reply", [status(200), status(200, "<html>"), verdict("", 1), verdict("PASSED", None)]
)
def test_a_success_without_a_verdict_stops_the_lane_and_may_have_been_applied(reply: Response) -> None:
    halt = meaning(reply)
    assert isinstance(halt, Halt)
    assert halt.doubtful


def test_what_an_answer_quotes_is_never_passed_on() -> None:
    for reply in (refused(400, "mail@yandex.ru"), refused(400, "invalid_parameter")):
        assert "mail" not in str(meaning(reply))


def by_ids(bad: str) -> Any:
    """Refuses every upload that has this id."""

    def answer(request: Request) -> Reply:
        body = request.body or b""
        return verdict("FAILED", 0) if bad.encode() in body else passed(len(request.carries))

    return answer


def test_a_failed_upload_is_halved_until_the_bad_row_stands_alone() -> None:
    batch = orders(8)
    played = play(METRICA.converse(METRICA.lot(batch[0].event), batch), by_ids('"o5"'))
    assert names(played.outcomes) == ["Accepted"] * 5 + ["Refused"] + ["Accepted"] * 2
    assert len(played.requests) == 7


def test_an_upload_that_was_not_counted_whole_is_halved() -> None:
    played = uploaded(2, passed(1), passed(1), passed(0))
    assert names(played.outcomes) == ["Accepted", "Refused"]


def test_once_an_outage_is_met_the_rest_is_not_sent_into_it() -> None:
    played = uploaded(4, verdict("FAILED", 0), status(503))
    assert played.outcomes == [Retry("unavailable")] * 4


def test_products_go_before_the_orders_that_have_them_and_only_once() -> None:
    one = metrica(products="auto")
    batch = orders(2)
    played = play(one.converse(one.lot(batch[0].event), batch), script(status(200), passed(2)))
    assert [r.path.partition("?")[0] for r in played.requests] == [
        "/cdp/api/v1/counter/7/schema/products",
        "/cdp/api/v1/counter/7/data/orders/json",
    ]
    assert played.body() == {
        "attributes": [],
        "items": [{"name": "pear", "humanized": "Pear"}, {"name": "apple", "humanized": "Apple"}],
    }
    more = orders(
        1, items=(Item(external_item_id="pear", quantity=1), Item(external_item_id="fig", quantity=1))
    )
    played = play(one.converse(one.lot(more[0].event), more), script(status(200), passed(1)))
    assert played.body()["items"] == [{"name": "fig", "humanized": "fig"}]
    played = play(one.converse(one.lot(batch[0].event), batch), script(passed(2)))
    assert len(played.requests) == 1


def test_products_that_were_taken_are_known_to_whoever_is_told_and_go_no_more() -> None:
    options = MetricaOptions(counter_id=7, statuses=STATUSES, upload="json")
    batch, kept, known = orders(1), set[bytes](), []
    for counter, requests in ((7, 2), (7, 1), (8, 2)):
        one = Metrica(options, products=Products(counter, frozenset(kept), kept.update))
        replies = [status(200), passed(1)][-requests:]
        played = play(one.converse(one.lot(batch[0].event), batch), script(*replies))
        assert (len(played.requests), played.outcomes) == (requests, [Accepted()])
        known.append(len(kept))
    assert known == [2, 2, 4], "another counter's are others"


def test_products_that_were_not_taken_are_no_loss_of_their_orders() -> None:
    one = metrica(products="auto")
    batch = orders(1)
    for reply, outcome in (
        (status(503), Retry("unavailable")),
        (NoAnswer(True, "timeout"), Retry("unavailable")),
        (status(500), Retry("unavailable")),
        (refused(403, "access_denied"), Halt("credentials", "HTTP 403: check token")),
    ):
        assert play(one.converse(one.lot(batch[0].event), batch), script(reply)).outcomes == [outcome]
    assert play(one.converse(one.lot(batch[0].event), batch), script(status(200), passed(1))).outcomes == [
        Accepted()
    ]


def test_a_product_list_that_is_refused_costs_no_order_and_is_not_sent_again() -> None:
    told: list[tuple[int, str]] = []
    options, kept = MetricaOptions(counter_id=7, statuses=STATUSES, upload="json"), set[bytes]()
    products = Products(7, taken=kept.update)
    one, batch = Metrica(options, lambda count, why: told.append((count, why)), products), orders(2)
    for replies in ([refused(400, "invalid_parameter"), passed(2)], [passed(2)]):
        played = play(one.converse(one.lot(batch[0].event), batch), script(*replies))
        assert played.outcomes == [Accepted()] * 2
        assert len(played.requests) == len(replies)
    assert told == [(2, "HTTP 400: invalid_parameter")]
    assert kept == set(), "a restart tries again"
