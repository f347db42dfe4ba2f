"""Live events, a test for each sentence of the API page."""

from typing import Any

import pytest

from connector.sandbox.events import read_event
from connector.sandbox.options import Options
from tests.sandbox.calls import ITEM, Account, event, pairs


def custom(params: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"eventTypeKey": "subscribed", "params": pairs(params), **fields}


ANNS = {"email": "ann@mail.example"}


def test_success_is_a_2xx_without_a_useful_body() -> None:
    answer = Account().post("/v2/event", event())
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("key", ["", None, "x" * 101, *(f"a{mark}b" for mark in "<;’\\/|\"`'^?!,>")])
def test_event_type_key_is_required_at_most_100_characters_none_forbidden(key: str | None) -> None:
    account = Account()
    assert account.send(custom(ANNS, eventTypeKey=key)) == 400
    assert account.send(custom(ANNS, eventTypeKey="x" * 100)) == 200


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"pushToken": "p", "phone": "1", "email": "e", "externalCustomerId": "c", "contactId": 5}, "5"),
        ({"pushToken": "p", "phone": "1", "email": "e", "externalCustomerId": "c"}, "c"),
        ({"pushToken": "p", "phone": "1", "email": "e"}, "e"),
        ({"pushToken": "p", "phone": "1"}, "1"),
        ({"email": "e", "externalCustomerId": "null"}, "e"),
    ],
)
def test_key_value_is_taken_from_params_in_the_documented_order(params: dict[str, Any], key: str) -> None:
    assert read_event(custom(params), Options()).key_value == key


def test_with_none_of_them_the_event_is_not_accepted() -> None:
    account = Account()
    assert account.send(custom({"name": "x"})) == 400
    assert account.send(custom({})) == 400
    assert account.send(custom({}, keyValue="ann@mail.example")) == 200


def test_key_value_may_be_bound_to_the_characters_of_event_type_key() -> None:
    """The documents say it of eventTypeKey only."""
    for strict, status in ((False, 200), (True, 400)):
        assert Account(key_value_strict=strict).send(custom({}, keyValue="o'hara@mail.example")) == status


def test_a_contact_is_found_by_the_parameters_or_by_key_value_first() -> None:
    for by, reasons in (("params", ["unknown contact"]), ("key_value", [])):
        account = Account(contact_by=by)
        account.send(event(email="nobody@mail.example"))
        assert account.reasons() == reasons


def test_an_identifier_has_at_most_300_characters() -> None:
    account = Account()
    assert account.send(custom({}, keyValue="x" * 301)) == 400
    assert account.send(custom({"externalCustomerId": "x" * 301})) == 400
    assert account.send(custom({}, keyValue="x" * 300)) == 200


@pytest.mark.parametrize(
    "params",
    [
        [{"name": "email"}],
        [{"value": "x"}],
        [{"name": "", "value": "x"}],
        [{"name": "a", "value": 1}, {"name": "a", "value": 2}],
        [{"name": "x" * 101, "value": 1}],
        "text",
        [3],
    ],
)
def test_each_parameter_needs_a_unique_name_of_100_characters_and_a_value(params: object) -> None:
    answer = Account().post("/v2/event", {"eventTypeKey": "a", "keyValue": "C1", "params": params})
    assert (answer.status, answer.content_type.split(";")[0]) == (400, "text/plain")


def test_v3_has_params_as_an_object_and_v1_requires_key_value() -> None:
    account = Account()
    assert account.post("/v3/event", {"eventTypeKey": "a", "params": ANNS}).status == 200
    assert account.crm.events[0].params == ANNS
    assert account.post("/v3/event", {"eventTypeKey": "a", "params": pairs(ANNS)}).status == 400
    assert account.post("/v1/event", custom(ANNS)).status == 400
    assert account.post("/v1/event", custom(ANNS, keyValue="k")).status == 200


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"EMAIL": "ANN@Mail.example"}, True),
        ({"ContactEmail": "ann@mail.example"}, True),
        ({"Contact_Key": "C1"}, True),
        ({"contactKey": "c1"}, False),
        ({"SMS": "380501234567"}, True),
        ({"phone": "+380501234567"}, False),
        ({"contactid": 1}, True),
        ({"pushToken": "t"}, False),
        ({"externalCustomerId": "C1"}, True),
        ({"externalCustomerId": "C1", "email": "new@mail.example"}, False),
        ({"phone": "1234567", "Email": "ann@mail.example"}, True),
        ({"email": " ", "phone": "380501234567"}, True),
    ],
)
def test_a_contact_is_located_by_the_first_parameter_found(params: dict[str, Any], found: bool) -> None:
    account = Account()
    assert account.send(custom(params, keyValue="k")) == 200
    assert (len(account.crm.events), account.reasons()) == ((1, []) if found else (0, ["unknown contact"]))


def test_the_account_can_name_its_own_locator() -> None:
    account = Account(custom_locators={"loyaltyNo": "externalCustomerId"})
    account.send(custom({"loyaltyNo": "C1", "email": "new@mail.example"}))
    assert [each.contact_id for each in account.crm.events] == [1]


def test_nesting_is_parsed_to_the_second_level_deeper_stays_an_escaped_string() -> None:
    account = Account()
    account.send(event(items=[{**ITEM, "tags": ["a", {"b": 1}]}]))
    assert account.crm.orders["12345679"].items[0]["tags"] == '["a",{"b":1}]'


def test_a_value_may_be_an_array_or_its_escaped_json_string() -> None:
    account = Account()
    account.send(
        event(items='[{"externalItemId":"1","name":"a","quantity":2,"cost":3,"url":"u","imageUrl":"i"}]')
    )
    order = account.crm.orders["12345679"]
    assert (order.items[0]["quantity"], order.items_total) == (2, 6)


def test_with_validate_parameters_on_a_mismatch_is_a_400_in_plain_text() -> None:
    account = Account(validated={"orderCreated": {"totalCost": "number", "items": "array", "date": "date"}})
    assert account.send(event()) == 200
    for params in ({"totalCost": "much"}, {"items": "none"}, {"date": "today"}, {"date": ...}):
        answer = account.post("/v2/event", event(**params))
        assert (answer.status, answer.body.startswith(b"Event parameters")) == (400, True)


@pytest.mark.parametrize("kind", ["orderCreated", "orderUpdated"])
def test_created_and_updated_create_an_unknown_order_with_its_status_and_all_parameters(kind: str) -> None:
    account = Account()
    account.send(event(kind, status="IN_PROGRESS", rev=3))
    order = account.crm.orders["12345679"]
    assert (order.status, order.params["rev"], order.contact_id) == ("IN_PROGRESS", 3, 1)


@pytest.mark.parametrize("kind", ["orderCreated", "orderUpdated"])
def test_a_resend_is_an_upsert_but_writes_an_event_and_may_start_a_workflow(kind: str) -> None:
    account = Account()
    account.send(event())
    account.send(event(kind, totalCost=880, currency=...))
    order = account.crm.orders["12345679"]
    assert (len(account.crm.orders), order.total, order.params["currency"]) == (1, 880, "UAH")
    assert [each.type_key for each in account.crm.history("12345679")] == ["orderCreated", kind]
    assert [each.external_order_id for each in account.crm.triggers] == ["12345679"] * 2


@pytest.mark.parametrize(
    ("kind", "status"), [("orderDelivered", "DELIVERED"), ("orderCancelled", "CANCELLED")]
)
def test_delivered_and_cancelled_change_the_status_alone_and_ignore_an_unknown_order(
    kind: str, status: str
) -> None:
    account = Account()
    assert account.send(event(kind)) == 200
    assert (account.crm.orders, account.crm.events, account.reasons()) == ({}, [], ["unknown order"])
    account.send(event())
    account.send(event(kind, totalCost=1))
    order = account.crm.orders["12345679"]
    assert (order.status, order.total) == (status, 990)


@pytest.mark.parametrize("kind", ["orderCreated", "orderUpdated", "orderDelivered", "orderCancelled"])
@pytest.mark.parametrize("name", ["externalOrderId", "totalCost", "status", "date", "email"])
def test_a_required_field_missing_is_silently_ignored_under_a_2xx(kind: str, name: str) -> None:
    account = Account()
    account.send(event())
    sent = event(kind, **{name: ...}, ContactKey="C1")
    assert account.send(sent) == 200
    assert len(account.crm.events) == 1
    assert name in account.reasons()[0]


@pytest.mark.parametrize(
    "params",
    [
        {"status": "NEW"},
        {"totalCost": "NaN"},
        {"totalCost": "much"},
        {"date": "2020-05-14"},
        {"date": "2020-05-14T10:11"},
        {"date": "2020-13-14T10:11:00"},
        {"items": "text"},
        {"items": ["a"]},
        {"items": [{**ITEM, "quantity": "two"}]},
    ],
)
def test_an_order_that_breaks_the_rules_is_ignored_with_a_reason(params: dict[str, Any]) -> None:
    account = Account()
    assert account.send(event(**params)) == 200
    assert (account.crm.orders, len(account.reasons())) == ({}, 1)


@pytest.mark.parametrize("lost", ["externalItemId", "name", "quantity", "cost", "url", "imageUrl"])
def test_when_items_are_sent_each_requires_its_six_fields(lost: str) -> None:
    account = Account()
    item = {name: value for name, value in ITEM.items() if name != lost}
    assert account.send(event(items=[ITEM, item])) == 200
    assert (account.crm.orders, account.reasons()) == ({}, [f"items[1]: missing {lost}"])


@pytest.mark.parametrize("items", [..., [], None])
def test_items_are_optional(items: object) -> None:
    account = Account()
    account.send(event(items=items))
    assert account.crm.orders["12345679"].items == []


def test_the_contact_must_exist_already() -> None:
    account = Account(ann=False)
    assert account.send(event()) == 200
    assert (account.crm.orders, account.reasons()) == ({}, ["unknown contact"])


def test_rfm_and_revenue_use_delivered_orders_only() -> None:
    account = Account()
    for number, status in enumerate(["DELIVERED", "INITIALIZED", "CANCELLED", "DELIVERED"]):
        account.send(event(externalOrderId=str(number), status=status, date=f"2020-05-1{number}T10:11:00"))
    row = account.crm.revenue()[1]
    assert (row.orders, row.total, row.recent) == (2, 1980, "2020-05-13T10:11:00")
