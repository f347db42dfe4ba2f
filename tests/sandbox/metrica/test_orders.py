"""Orders as JSON: a test for each sentence of the API page, over HTTP."""

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.metrica.site import CONTACT, ORDER, STATUSES, Site, changed, flaw, running


def test_the_documents_example_is_taken(site: Site) -> None:
    goals = [{"goal_action_id": "goal_id1", "price": 123.5}, {"goal_action_id": "goal_id2"}]
    answer = site.orders(changed(ORDER, goals=goals, currency="RUB"))
    assert answer.json()["uploading"]["api_validation_status"] == "PASSED"
    order = site.counter.orders["704"]
    assert order.values == {
        **ORDER,
        "currency": "RUB",
        "goals": {"goal_id1": Decimal("123.5"), "goal_id2": None},
    }
    assert (order.type, site.reasons()) == ("IN_PROGRESS", [])


def test_decimals_are_kept_to_the_last_digit(site: Site) -> None:
    raw = b'{"orders": [{"id": "1", "client_uniq_id": "J3QQ4", "client_type": "CONTACT", "order_status": "new", "create_date_time": "2022-09-21 09:48:23", "revenue": 12345678901234567.89}]}'  # noqa: E501  one line of JSON
    url = "/cdp/api/v1/counter/1/data/orders/json?merge_mode=SAVE"
    assert site.http.post(url, content=raw, headers={"Content-Type": "application/json"}).status_code == 200
    assert site.counter.orders["1"].values["revenue"] == Decimal("12345678901234567.89")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, ...) for name in ("id", "client_uniq_id", "client_type", "order_status")),
        ("create_date_time", None),
        ("client_type", "COMPANY"),
        ("revenue", "5000"),
        ("cost", True),
        ("currency", "rub"),
        ("products", {"pear": "ten"}),
        ("products", {"": 1}),
        ("products", [{"pear": 1}]),
        ("goals", ["goal"]),
        ("goals", [{"price": 1}]),
        ("finish_date_time", "2022-10-15"),
        ("attribute_values", [["x"]]),
    ],
)
def test_a_flaw_is_a_400_that_names_the_row_and_the_field(site: Site, field: str, value: Any) -> None:
    answer = site.orders(changed(ORDER, **{field: value}))
    assert flaw(answer) == (400, "invalid_parameter", f"orders[0].{field}")
    assert site.counter.orders == {}


def test_an_order_of_an_unknown_contact_is_passed_over(site: Site) -> None:
    answer = site.orders(ORDER, changed(ORDER, id="705", client_uniq_id="nobody"))
    assert answer.json()["uploading"]["api_validation_status"] == "PASSED"
    assert (list(site.counter.orders), site.reasons()) == (["704"], ["unknown contact"])


def test_an_unknown_contact_may_be_read_as_no_matter_or_as_a_flaw() -> None:
    with running(unknown_contact="kept") as site:
        assert site.orders(ORDER).status_code == 200
        assert list(site.counter.orders) == ["704"]
    with running(unknown_contact="refused") as site:
        assert flaw(site.orders(ORDER)) == (400, "invalid_parameter", "orders[0].client_uniq_id")


def test_a_status_outside_the_mapping_is_of_no_use_in_reports(site: Site) -> None:
    assert site.orders(changed(ORDER, order_status="packed")).status_code == 200
    assert (site.counter.orders["704"].type, site.reasons()) == (None, ["the status is not mapped"])


def test_a_status_outside_the_mapping_may_be_read_as_a_flaw() -> None:
    with running(unmapped_status="refused") as site:
        site.prepare()
        assert flaw(site.orders(changed(ORDER, order_status="packed")))[2] == "orders[0].order_status"
        assert site.orders(ORDER).status_code == 200


@pytest.mark.parametrize("status", ["IN_PROGRESS", "PAID", "CANCELLED", "SPAM"])
def test_the_types_themselves_need_no_mapping(site: Site, status: str) -> None:
    site.orders(changed(ORDER, order_status=status))
    assert (site.counter.orders["704"].type, site.reasons()) == (status, [])


def test_a_goal_stands_for_a_status_of_type_other() -> None:
    with running(goals=frozenset({"visited"})) as site:
        site.contacts(CONTACT)
        site.orders(changed(ORDER, order_status="visited"))
        assert site.counter.orders["704"].type == "OTHER"


def test_a_status_changes_and_an_order_moves_to_another_client(site: Site) -> None:
    site.contacts(changed(CONTACT, uniq_id="other"))
    site.orders(ORDER)
    site.orders(changed(ORDER, order_status="success", client_uniq_id="other"))
    order = site.counter.orders["704"]
    assert (order.type, order.values["client_uniq_id"], order.versions) == ("PAID", "other", 2)


def test_times_that_are_not_sent_are_put_in(site: Site) -> None:
    site.orders(changed(ORDER, update_date_time=..., order_status="success"))
    first = site.counter.orders["704"].filled
    assert set(first) == {"update_date_time", "finish_date_time"}
    site.server.clock.advance(60)
    site.orders(changed(ORDER, update_date_time=..., order_status="success"))
    again = site.counter.orders["704"].filled
    assert again["finish_date_time"] == first["finish_date_time"]
    assert again["update_date_time"] > first["update_date_time"]


def test_one_client_has_so_many_orders_at_most() -> None:
    with running(orders_per_client=2) as site:
        site.post("schema/order_statuses", {"order_statuses": STATUSES})
        site.contacts(CONTACT, changed(CONTACT, uniq_id="other"))
        site.orders(*(changed(ORDER, id=str(number)) for number in range(3)))
        assert site.reasons() == ["more than 2 orders of one client"]
        site.orders(changed(ORDER, id="0", client_uniq_id="other"))
        site.orders(changed(ORDER, id="2"))
        assert sorted(site.counter.orders) == ["0", "1", "2"]
