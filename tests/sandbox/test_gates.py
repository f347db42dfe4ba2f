"""Base, authentication, formats and limits of the API page, a test for each sentence."""

import msgspec
import pytest

from tests.sandbox.calls import ANN, Account, basic, event


@pytest.mark.parametrize("user", ["", "anyone", "crm"])
def test_basic_with_any_user_name_and_the_api_key_as_password(user: str) -> None:
    account = Account(api_key="k:1")
    assert account.call("GET", "/v1/account/info", key=basic("k:1", user)).status == 200


@pytest.mark.parametrize("key", [b"", b"Basic", b"Basic !!!", basic("other"), b"Bearer other", b"Digest x"])
def test_401_is_a_bad_key(key: bytes) -> None:
    answer = Account().call("GET", "/v1/account/info", key=key)
    assert answer.status == 401


def test_a_changed_key_opens_and_the_one_before_does_not() -> None:
    account = Account(api_key="old")
    account.yespo.change_key("new")

    found = [account.call("GET", "/v1/account/info", key=basic(key)).status for key in ("old", "new")]
    assert found == [401, 200]


def test_bearer_works_only_for_generate_event_past_events_and_remove_events() -> None:
    account = Account(bearer_token="token", delete_range_enabled=True)
    body = {"from": "2020-01-01", "to": "2020-01-02"}
    calls = [
        ("POST", "/v2/event", event()),
        ("POST", "/v1/past_events", {"events": []}),
        ("DELETE", "/v1/past_events", body),
        ("POST", "/v1/orders", {"orders": []}),
        ("POST", "/v1/contact", ANN),
        ("POST", "/v1/contacts", {"contacts": [ANN], "dedupeOn": "email"}),
        ("GET", "/v1/account/info", b""),
    ]
    found = [account.call(method, path, sent, key=b"Bearer token").status for method, path, sent in calls]
    assert found == [200, 200, 200, 401, 401, 401, 401]


def test_account_info_has_user_organisation_and_id() -> None:
    assert Account().json("GET", "/v1/account/info") == {
        "userEmail": "owner@shop.example",
        "organisationName": "Sandbox",
        "orgId": 1,
    }


def test_an_error_is_plain_text_or_json_with_a_message() -> None:
    account = Account()
    text = account.post("/v2/event", {"eventTypeKey": "a<b", "keyValue": "x"})
    assert (text.status, text.content_type.split(";")[0]) == (400, "text/plain")
    answer = account.post("/v1/orders", {})
    assert (answer.status, list(msgspec.json.decode(answer.body))) == (400, ["message"])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[1]", b'"x"', b"null"])
@pytest.mark.parametrize(
    "path", ["/v2/event", "/v1/past_events", "/v1/orders", "/v1/contacts", "/v1/contact"]
)
def test_what_cannot_be_read_is_a_400(path: str, body: bytes) -> None:
    assert Account().call("POST", path, body).status == 400


@pytest.mark.parametrize("address", ["Kyiv", 3, ["a"]])
def test_a_value_of_the_wrong_type_is_a_400_and_changes_nothing(address: object) -> None:
    account = Account(ann=False)
    assert account.post("/v1/contact", {**ANN, "address": address}).status == 400
    assert account.crm.all_contacts == []


def test_404_405_and_415() -> None:
    account = Account()
    assert account.call("POST", "/v1/nothing", {}).status == 404
    assert account.call("GET", "/v2/event").status == 405
    assert account.call("POST", "/v2/event", event(), kind=b"text/xml").status == 415


def test_429_above_200_requests_per_second() -> None:
    account = Account(ann=False)
    assert [account.call("GET", "/v1/account/info").status for _ in range(201)].count(429) == 1
    account.clock.advance(1)
    assert account.call("GET", "/v1/account/info").status == 200


def test_a_refused_request_does_not_count_for_the_rate() -> None:
    account = Account(ann=False, rate_per_second=2)
    account.clock.advance(0.5)
    assert [account.call("GET", "/v1/account/info").status for _ in range(4)] == [200, 200, 429, 429]
    account.clock.advance(1)
    assert account.call("GET", "/v1/account/info").status == 200


def test_409_is_the_same_body_within_60_seconds() -> None:
    account = Account(conflict_seconds=60)
    found = [account.send(event()), account.send(event())]
    account.clock.advance(59.9)
    found.append(account.send(event()))
    account.clock.advance(0.1)
    found.append(account.send(event()))
    assert found == [200, 409, 409, 200]
    assert len(account.crm.events) == 2


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/contact", {**ANN, "firstName": "Anna"}, 409),
        ("/v1/contacts", {"contacts": [ANN], "dedupeOn": "email"}, 409),
        ("/v1/orders", {"orders": []}, 409),
        ("/v1/past_events", {"events": []}, 200),
    ],
)
def test_duplicated_request_on_contact_contacts_and_orders(path: str, body: object, expected: int) -> None:
    account = Account(conflict_seconds=60)
    assert [account.post(path, body).status for _ in range(2)] == [200, expected]


def test_a_refused_body_is_no_repeat() -> None:
    account = Account(conflict_seconds=60)
    assert [account.send({"eventTypeKey": ""}) for _ in range(2)] == [400, 400]


def test_an_event_is_at_most_20_kilobytes_and_the_limit_can_be_lifted() -> None:
    large = event(note="x" * 20_480)
    assert Account().send(large) == 400
    assert Account(event_bytes=0).send(large) == 200


def test_413_above_a_limit_that_is_off_by_default() -> None:
    body = {"events": [{**event(), "occurred": "2020-01-01"}] * 100}
    assert Account().post("/v1/past_events", body).status == 200
    assert Account(body_bytes=1000).post("/v1/past_events", body).status == 413
