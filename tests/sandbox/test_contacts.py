"""Contacts and their imports, a test for each sentence of the API page."""

from typing import Any

import pytest

from tests.sandbox.calls import ANN, Account, event

EMAIL = {"type": "email", "value": "ann@mail.example"}


def bulk(*contacts: Any, **fields: Any) -> dict[str, Any]:
    return {"contacts": list(contacts), "dedupeOn": "externalCustomerId", **fields}


def status(account: Account, session: str) -> Any:
    return account.json("GET", f"/v1/importstatus/{session}")["status"]


@pytest.mark.parametrize(("count", "expected"), [(0, 400), (1, 200), (3000, 200), (3001, 400)])
def test_a_bulk_request_has_1_to_3000_contacts(count: int, expected: int) -> None:
    contacts = [{"externalCustomerId": str(number)} for number in range(count)]
    account = Account(ann=False)
    assert account.post("/v1/contacts", bulk(*contacts)).status == expected
    assert len(account.crm.contacts) == (count if expected == 200 else 0)


@pytest.mark.parametrize("field", ["name", None, 3])
def test_dedupe_on_is_one_of_the_documented(field: object) -> None:
    assert Account().post("/v1/contacts", bulk(ANN, dedupeOn=field)).status == 400


def test_groups_are_accepted() -> None:
    body = bulk(ANN, groupNames=["a"], groupNamesExclude=["b"], restoreDeleted=False)
    assert Account().post("/v1/contacts", body).status == 200


def test_the_import_is_asynchronous_and_the_contact_exists_once_it_is_finished() -> None:
    account = Account(ann=False, import_seconds=10)
    session = account.json("POST", "/v1/contacts", bulk(ANN))["asyncSessionId"]
    seen = []
    for _ in range(3):
        account.send(event())
        seen.append((status(account, session), len(account.crm.contacts), len(account.crm.orders)))
        account.clock.advance(5)
    assert seen == [("STARTED", 0, 0), ("IMPORTING", 0, 0), ("FINISHED", 1, 1)]
    assert account.reasons() == ["unknown contact"] * 2


def test_a_finished_import_says_which_contact_is_which() -> None:
    account = Account(ann=False)
    session = account.json("POST", "/v1/contacts", bulk(ANN))["asyncSessionId"]
    answer = account.json("GET", f"/v1/importstatus/{session}")
    assert answer["mapping"] == [{"dedupeValue": "C1", "contactId": 1}]


def test_an_import_can_end_in_error_with_a_description_and_without_contacts() -> None:
    account = Account(ann=False)
    account.crm.broken_imports = 1
    sessions = [account.json("POST", "/v1/contacts", bulk(ANN))["asyncSessionId"] for _ in range(2)]
    assert [status(account, each) for each in sessions] == ["ERROR", "FINISHED"]
    assert "description" in account.json("GET", f"/v1/importstatus/{sessions[0]}")


def test_an_unknown_session_is_not_found() -> None:
    assert Account().call("GET", "/v1/importstatus/none").status == 404


def test_failed_contacts_are_told_apart_and_the_others_go_on() -> None:
    account = Account(ann=False)
    account.crm.failing = {"C3"}
    bad = [
        {"firstName": "Nobody"},
        {"channels": [{"type": "email", "value": "not an address"}]},
        {"channels": [{"type": "telegram", "value": "x"}]},
        {"channels": [EMAIL, EMAIL, EMAIL]},
        {"externalCustomerId": "C3"},
    ]
    answer = account.json("POST", "/v1/contacts", bulk(*bad, ANN))
    assert [{k: v for k, v in each.items() if k != "error"} for each in answer["failedContacts"]] == bad
    assert all(each["error"] for each in answer["failedContacts"])
    assert list(account.crm.contacts) == ["C1"]


def test_a_single_failed_contact_may_come_as_an_object() -> None:
    account = Account(failed_as_object=True)
    assert isinstance(account.json("POST", "/v1/contacts", bulk({}, ANN))["failedContacts"], dict)
    assert isinstance(account.json("POST", "/v1/contacts", bulk({}, {}))["failedContacts"], list)


def test_without_contact_fields_every_field_is_updated_and_an_unsent_one_becomes_null() -> None:
    account = Account()
    account.post("/v1/contacts", bulk({"externalCustomerId": "C1", "channels": [EMAIL]}))
    values = account.crm.contacts["C1"].values
    assert {name for name, value in values.items() if value} == {"externalCustomerId", "email"}
    assert account.crm.contact("sms", "380501234567") is None


def test_with_contact_fields_exactly_these_are_updated() -> None:
    account = Account()
    sent = {"externalCustomerId": "C1", "firstName": "Anna", "address": {"town": "Lviv"}}
    account.post("/v1/contacts", bulk(sent, contactFields=["firstName", "lastName"]))
    values = account.crm.contacts["C1"].values
    assert (values["firstName"], values["lastName"], values["town"]) == ("Anna", None, "Kyiv")
    assert account.crm.contacts["C1"].email == "ann@mail.example"


def test_an_unknown_contact_field_is_refused() -> None:
    assert Account().post("/v1/contacts", bulk(ANN, contactFields=["name"])).status == 400


def test_custom_fields_are_updated_where_custom_fields_ids_lists_them() -> None:
    account = Account()
    sent = {"externalCustomerId": "C1", "fields": [{"id": 7, "value": "red"}, {"id": 8, "value": "x"}]}
    account.post("/v1/contacts", bulk(sent, contactFields=[], customFieldsIDs=[8, 9]))
    assert account.crm.contacts["C1"].custom == {"7": "gold", "8": "x", "9": None}


def test_external_customer_id_is_searched_first_and_dedupe_on_second() -> None:
    account = Account()
    account.post("/v1/contact", {"channels": [{"type": "email", "value": "bob@mail.example"}]})
    fields = {"contactFields": ["firstName"], "dedupeOn": "email"}
    sent = {
        "externalCustomerId": "C1",
        "firstName": "X",
        "channels": [{"type": "email", "value": "bob@mail.example"}],
    }
    account.post("/v1/contacts", bulk(sent, **fields))
    assert account.crm.contacts["C1"].values["firstName"] == "X"
    account.post("/v1/contacts", bulk({**sent, "externalCustomerId": "C2"}, **fields))
    assert account.crm.contacts["C2"].id == 2
    assert len(account.crm.all_contacts) == 2


@pytest.mark.parametrize(
    ("dedupe_on", "contact"),
    [
        ("email", {"channels": [{"type": "email", "value": "ANN@mail.example"}]}),
        ("sms", {"channels": [{"type": "sms", "value": "380501234567"}]}),
        ("email_or_sms", {"channels": [{"type": "sms", "value": "380501234567"}]}),
        ("id", {"id": 1, "channels": [{"type": "sms", "value": "380500000000"}]}),
        ("fieldId", {"fields": [{"id": 7, "value": "gold"}], "channels": [EMAIL]}),
    ],
)
def test_dedupe_on_finds_the_contact_to_update(dedupe_on: str, contact: dict[str, Any]) -> None:
    account = Account()
    body = bulk({**contact, "firstName": "X"}, dedupeOn=dedupe_on, fieldId=7, contactFields=["firstName"])
    account.post("/v1/contacts", body)
    assert [each.values["firstName"] for each in account.crm.all_contacts] == ["X"]


def test_of_two_holders_of_an_address_the_one_of_another_external_id_is_left_alone() -> None:
    account = Account()
    account.post("/v1/contacts", bulk({"externalCustomerId": "C2", "channels": [EMAIL]}))
    account.post("/v1/contacts", bulk({"externalCustomerId": "C3", "channels": [EMAIL]}, dedupeOn="email"))
    assert set(account.crm.contacts) == {"C1", "C2", "C3"}
    found = account.crm.contact("email", "ann@mail.example")
    assert found is not None
    assert found.external_id == "C3"


@pytest.mark.parametrize(("keep", "email"), [(True, "ann@mail.example"), (False, "new@mail.example")])
def test_the_field_of_dedupe_on_is_never_updated_unless_set_otherwise(keep: bool, email: str) -> None:
    account = Account(keep_dedupe_field=keep)
    sent = {"externalCustomerId": "C1", "channels": [{"type": "email", "value": "new@mail.example"}]}
    account.post("/v1/contacts", bulk(sent, dedupeOn="email", contactFields=["email"]))
    assert account.crm.contacts["C1"].email == email


def test_a_new_contact_makes_the_event_that_the_request_names() -> None:
    account = Account()
    body = bulk(ANN, {"externalCustomerId": "C2", "channels": [{"type": "sms", "value": "380507654321"}]})
    account.post("/v1/contacts", {**body, "eventKeyForNewContacts": "newContact"})
    assert [(each.type_key, each.params) for each in account.crm.events] == [
        ("newContact", {"contactId": 2, "EmailAddress": "", "SMS": "380507654321"})
    ]


def test_contact_adds_or_updates_one_at_once_and_leaves_what_is_not_sent() -> None:
    account = Account()
    assert account.json("POST", "/v1/contact", {"externalCustomerId": "C1", "firstName": "Anna"}) == {"id": 1}
    assert account.crm.contacts["C1"].values["lastName"] == "Petrenko"
    assert account.json("POST", "/v1/contact", {"externalCustomerId": "C2"}) == {"id": 2}


def test_a_deleted_contact_is_skipped_unless_restored_and_an_erased_one_is_forgotten() -> None:
    account = Account()
    account.call("DELETE", "/v1/contact", query=b"externalCustomerId=C1&erase=false")
    account.post("/v1/contacts", bulk(ANN))
    assert account.crm.contacts == {}
    account.post("/v1/contacts", bulk({"externalCustomerId": "C1"}, restoreDeleted=True, contactFields=[]))
    assert account.crm.contacts["C1"].values["firstName"] == "Ann"
    account.call("DELETE", "/v1/contact", query=b"externalCustomerId=C1&erase=true")
    assert account.crm.contacts == {}
    account.post("/v1/contacts", bulk({"externalCustomerId": "C1"}))
    assert account.crm.contacts["C1"].id == 2
    assert account.crm.contact("email", "ann@mail.example") is None


@pytest.mark.parametrize("expected", [200, 404])
def test_deleting_an_unknown_contact_answers_what_is_set(expected: int) -> None:
    account = Account(missing_contact_status=expected)
    assert account.call("DELETE", "/v1/contact", query=b"externalCustomerId=C9").status == expected
    assert account.call("DELETE", "/v1/contact").status == 400


def test_unsubscribed_add_and_delete() -> None:
    account = Account()
    for end, expected in (("add", True), ("delete", False)):
        answer = account.post(f"/v1/emails/unsubscribed/{end}", {"emails": ["Ann@mail.example"]})
        assert (answer.status, account.crm.contacts["C1"].unsubscribed) == (200, expected)


# --- What the documents leave open ----------------------------------------------------------------

BOB = {"externalCustomerId": "C2", "firstName": "Bob", "channels": [EMAIL]}


def ids(account: Account) -> list[str]:
    return sorted(str(contact.external_id) for contact in account.crm.all_contacts)


def test_a_contact_found_under_another_external_id_is_taken_over_or_passed_over() -> None:
    for takes_over, expected in ((True, ["C2"]), (False, ["C1", "C2"])):
        account = Account(takes_over=takes_over)
        account.post("/v1/contacts", bulk(BOB, dedupeOn="email", contactFields=["externalCustomerId"]))
        assert ids(account) == expected


def test_a_contact_without_an_external_id_gets_the_one_that_comes_with_its_address() -> None:
    for takes_over in (True, False):
        account = Account(ann=False, takes_over=takes_over)
        account.post("/v1/contacts", bulk({"channels": [EMAIL]}, dedupeOn="email"))
        account.post("/v1/contacts", bulk(BOB, dedupeOn="email", contactFields=["firstName"]))
        assert ids(account) == ["C2"]


def test_an_address_of_two_contacts_is_kept_moved_or_refused() -> None:
    expected = {
        "kept": ["ann@mail.example", "ann@mail.example"],
        "moved": [None, "ann@mail.example"],
        "refused": ["ann@mail.example"],
    }
    for rule, emails in expected.items():
        account = Account(shared_channel=rule)
        session = account.json("POST", "/v1/contacts", bulk(BOB))["asyncSessionId"]
        assert [contact.email for contact in account.crm.all_contacts] == emails
        answer = account.json("GET", f"/v1/importstatus/{session}")
        assert bool(answer.get("failedContacts")) is (rule == "refused")
        assert account.crm.contact("email", "ann@mail.example") is not None


def test_a_new_contact_has_all_that_was_sent_or_what_is_listed() -> None:
    for rule, name in (("all", "Bob"), ("listed", None)):
        account = Account(ann=False, new_contact_fields=rule)
        account.post("/v1/contacts", bulk(BOB, contactFields=["email"]))
        contact = account.crm.contacts["C2"]
        assert (contact.email, contact.values.get("firstName")) == ("ann@mail.example", name)
