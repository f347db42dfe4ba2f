"""Past events and Add orders, a test for each sentence of the API page."""

from typing import Any

import pytest

from tests.sandbox.calls import ORDER, Account, event

ADDED = {**ORDER, "date": "2022-05-14T10:11:10.7022176+03:00"}


def past(occurred: object = "2023-03-22T14:30", **fields: Any) -> dict[str, Any]:
    return {**event(city="Kyiv"), "occurred": occurred, **fields}


def send(account: Account, *events: dict[str, Any]) -> int:
    return account.post("/v1/past_events", {"events": list(events)}).status


@pytest.mark.parametrize(("count", "expected"), [(1, 200), (500, 200), (501, 400)])
def test_at_most_500_past_events_a_request(count: int, expected: int) -> None:
    account = Account()
    assert send(account, *[past()] * count) == expected
    assert len(account.crm.past_events) == (count if expected == 200 else 0)


@pytest.mark.parametrize("occurred", ["2023-03-22", "2023-03-22T14:30"])
def test_occurred_is_a_date_or_a_date_with_time(occurred: str) -> None:
    account = Account()
    assert send(account, past(occurred)) == 200
    assert account.crm.past_events[0].occurred.startswith(occurred)


@pytest.mark.parametrize(
    "occurred", [None, "", 5, "2023-02-30", "2023-03-22T14:30:00", "22.03.2023", "2023-03-22T14:30Z"]
)
def test_any_other_occurred_refuses_the_request_and_nothing_is_kept(occurred: object) -> None:
    account = Account()
    assert send(account, past(), past(occurred)) == 400
    assert account.crm.past_events == []


def test_one_bad_event_refuses_the_batch() -> None:
    account = Account()
    assert send(account, past(), past(eventTypeKey="a?b")) == 400
    assert account.crm.past_events == []


def test_sending_a_batch_twice_makes_duplicates() -> None:
    account = Account(conflict_seconds=60)
    assert [send(account, past()) for _ in range(2)] == [200, 200]
    assert len(account.crm.past_events) == 2


def test_contacts_must_exist_and_the_answer_does_not_tell() -> None:
    account = Account(ann=False)
    answer = account.post("/v1/past_events", {"events": [past()]})
    assert (answer.status, answer.body, account.reasons()) == (200, b"", ["unknown contact"])


def test_segmentation_must_be_enabled_for_each_type() -> None:
    account = Account(segmented=frozenset({"orderUpdated"}))
    send(account, past(), past(eventTypeKey="orderUpdated"))
    assert [each.type_key for each in account.crm.past_events] == ["orderUpdated"]
    assert account.reasons() == ["segmentation is not enabled"]


def test_past_events_start_no_workflow_make_no_order_and_keep_extra_parameters() -> None:
    account = Account()
    send(account, past())
    assert (account.crm.triggers, account.crm.orders, account.crm.events) == ([], {}, [])
    assert account.crm.past_events[0].params["city"] == "Kyiv"


def test_results_of_each_event_can_be_played() -> None:
    account = Account(past_results=True, segmented=frozenset({"orderUpdated"}))
    events = [past(), past(eventTypeKey="orderUpdated")]
    assert account.json("POST", "/v1/past_events", {"events": events}) == {
        "results": [{"status": "EVENT_SEGMENTATION_DISABLED"}, {"status": "ACCEPTED"}],
        "successCount": 1,
        "errorCount": 1,
    }
    assert account.reasons() == []


def test_delete_is_off_by_default() -> None:
    account = Account()
    send(account, past())
    answer = account.call("DELETE", "/v1/past_events", {"from": "2000-01-01", "to": "2030-01-01"})
    assert (answer.status, answer.content_type.split(";")[0]) == (400, "text/plain")
    assert len(account.crm.past_events) == 1


@pytest.mark.parametrize(
    ("since", "until", "left"),
    [
        ("2023-01-02", "2023-01-03", ["2023-01-01T00:00", "2023-01-04T00:00"]),
        ("2023-01-01T10:47", "2023-01-03T00:00", ["2023-01-01T00:00", "2023-01-04T00:00"]),
        ("2023-01-01", "2023-01-04", []),
    ],
)
def test_delete_removes_by_occurrence_time_only(since: str, until: str, left: list[str]) -> None:
    account = Account(delete_range_enabled=True)
    send(account, *[past(f"2023-01-0{day}", eventTypeKey=f"kind{day}") for day in range(1, 5)])
    account.send(event())
    assert account.call("DELETE", "/v1/past_events", {"from": since, "to": until}).status == 200
    assert [each.occurred for each in account.crm.past_events] == left
    assert len(account.crm.events) == 1


@pytest.mark.parametrize(
    "body", [{}, {"from": "2023-01-01"}, {"from": "x", "to": "y"}, {"from": "2023-01-02", "to": "2023-01-01"}]
)
def test_delete_needs_a_range(body: dict[str, str]) -> None:
    assert Account(delete_range_enabled=True).call("DELETE", "/v1/past_events", body).status == 400


def add(account: Account, *orders: Any) -> Any:
    return account.json("POST", "/v1/orders", {"orders": list(orders)})


@pytest.mark.parametrize(("count", "expected"), [(1000, 200), (1001, 400)])
def test_at_most_1000_orders_a_request(count: int, expected: int) -> None:
    orders = [{**ADDED, "externalOrderId": str(number)} for number in range(count)]
    account = Account()
    assert account.post("/v1/orders", {"orders": orders}).status == expected
    assert len(account.crm.orders) == (count if expected == 200 else 0)


@pytest.mark.parametrize("lost", ["externalOrderId", "totalCost", "status", "date", "currency", "email"])
def test_success_lists_the_orders_that_failed_and_adds_the_others(lost: str) -> None:
    account = Account()
    bad = {name: value for name, value in {**ADDED, "externalOrderId": "2"}.items() if name != lost}
    answer = add(account, ADDED, bad)
    assert [each["order"] for each in answer["failedOrders"]] == [bad]
    assert lost in answer["failedOrders"][0]["error"]
    assert list(account.crm.orders) == ["12345679"]


def test_an_order_can_be_made_to_fail() -> None:
    account = Account()
    account.crm.failing = {"12345679"}
    assert len(add(account, ADDED)["failedOrders"]) == 1


@pytest.mark.parametrize(("lost", "fails"), [("externalItemId", 1), ("quantity", 1), ("name", 0), ("url", 0)])
def test_an_added_item_needs_its_id_and_quantity(lost: str, fails: int) -> None:
    item = {"externalItemId": "1", "quantity": 1, "name": "a", "url": "u"}
    del item[lost]
    assert len(add(Account(), {**ADDED, "items": [item]})["failedOrders"]) == fails


def test_add_orders_is_an_upsert_that_gives_the_id_back_and_makes_an_event_of_the_status() -> None:
    account = Account()
    answers = [add(account, ADDED), add(account, {**ADDED, "status": "DELIVERED", "totalCost": 5})]
    assert [each["id"] for each in answers] == ["1", "1"]
    assert (account.crm.orders["12345679"].status, account.crm.orders["12345679"].total) == ("DELIVERED", 5)
    assert [each.type_key for each in account.crm.events] == ["orderINITIALIZED", "orderDELIVERED"]
    assert len(account.crm.triggers) == 2


def test_the_list_of_fields_is_fixed() -> None:
    account = Account()
    add(account, {**ADDED, "rev": 3, "source": "offline"})
    params = account.crm.orders["12345679"].params
    assert ("rev" in params, params["source"]) == (False, "offline")


def test_an_unknown_contact_is_created_and_a_known_one_is_not_changed() -> None:
    account = Account()
    add(account, {**ADDED, "firstName": "Other"})
    add(
        account,
        {
            **ADDED,
            "externalOrderId": "2",
            "email": "bob@mail.example",
            "firstName": "Bob",
            "phone": "380507654321",
        },
    )
    found = account.crm.contact("email", "bob@mail.example")
    assert found is not None
    assert (found.values["firstName"], found.phone) == ("Bob", "380507654321")
    assert account.crm.contacts["C1"].values["firstName"] == "Ann"


def test_an_order_created_by_add_orders_is_updated_by_events() -> None:
    account = Account()
    add(account, ADDED)
    account.send(event("orderDelivered"))
    assert account.crm.orders["12345679"].status == "DELIVERED"
