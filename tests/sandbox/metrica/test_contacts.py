"""Contacts as JSON: a test for each sentence of the API page, over HTTP."""

import hashlib
from typing import Any

import pytest

from tests.sandbox.metrica.site import CONTACT, Site, changed, flaw, running

MAIL_MD5, PHONE_MD5 = "3c56ff8fef0f6c65b36b2d25720fe276", "f09f2c3d48f31e2a802944ade2e5aec5"


def test_an_upload_is_answered_with_its_verdict_and_the_number_of_its_elements(site: Site) -> None:
    answer = site.contacts(CONTACT, changed(CONTACT, uniq_id="ZYX4"))
    uploading = answer.json()["uploading"]
    assert answer.status_code == 200
    assert (uploading["api_validation_status"], uploading["elements_count"]) == ("PASSED", 2)
    assert (uploading["entity_type"], uploading["uploading_format"]) == ("SYSTEM", "JSON")
    assert (uploading["uploading_source"], bool(uploading["uploading_id"])) == ("API", True)
    assert sorted(site.counter.contacts) == ["J3QQ4", "ZYX4"]


def test_a_contact_is_kept_as_it_was_sent(site: Site) -> None:
    site.contacts(changed(CONTACT, birth_date="1990-02-28", user_ids=["u1"], client_ids=[12]), mode="SAVE")
    assert site.contact() == {
        **CONTACT,
        "birth_date": "1990-02-28",
        "user_ids": ("u1",),
        "client_ids": ("12",),
        "emails": tuple(CONTACT["emails"]),
        "phones": tuple(CONTACT["phones"]),
    }


def test_the_check_values_of_the_page_are_md5_of_the_normalised_value(site: Site) -> None:
    assert hashlib.md5(b"mail@yandex.ru", usedforsecurity=False).hexdigest() == MAIL_MD5
    assert hashlib.md5(b"79995551111", usedforsecurity=False).hexdigest() == PHONE_MD5
    only = {"uniq_id": "md5", "emails_md5": [MAIL_MD5], "phones_md5": [PHONE_MD5]}
    assert site.contacts(only).json()["uploading"]["api_validation_status"] == "PASSED"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("emails", ["Mail@yandex.ru"]),
        ("emails", ["mail"]),
        ("emails", ["почта@yandex.ru"]),
        ("emails", "mail@yandex.ru"),
        ("phones", ["+79995551111"]),
        ("phones", ["7 999 555 11 11"]),
        ("phones", ["٧٩٩٩٥٥٥١١١١"]),
        ("phones", [79995551111]),
        ("emails_md5", [MAIL_MD5.upper()]),
        ("phones_md5", ["79995551111"]),
        ("client_ids", ["GA1.2.3"]),
        ("birth_date", "28.02.1990"),
        ("birth_date", "1990-02-30"),
        ("create_date_time", "2020-04-17T16:12:21"),
        ("create_date_time", "2020-04-17"),
        ("update_date_time", 1587129141),
        ("name", 5),
        ("uniq_id", ""),
        ("uniq_id", None),
        ("uniq_id", ...),
        ("attribute_values", [{"age": 5}]),
        ("age", 5),
    ],
)
def test_a_flaw_is_a_400_that_names_the_row_and_the_field_and_nothing_is_applied(
    site: Site, field: str, value: Any
) -> None:
    answer = site.contacts(changed(CONTACT, uniq_id="new"), changed(CONTACT, **{field: value}))
    assert flaw(answer) == (400, "invalid_parameter", f"contacts[1].{field}")
    assert list(site.counter.contacts) == ["J3QQ4"]


def test_at_least_one_identifier_goes_along(site: Site) -> None:
    assert flaw(site.contacts({"uniq_id": "x", "name": "X"})) == (400, "invalid_parameter", "contacts[0]")
    for field in ("client_ids", "user_ids"):
        assert site.contacts({"uniq_id": field, field: ["1"]}).status_code == 200


def test_an_upload_has_at_least_one_row(site: Site) -> None:
    assert flaw(site.contacts()) == (400, "invalid_parameter", "contacts")
    assert flaw(site.post("data/contacts/json", [], merge_mode="SAVE")) == (
        400,
        "invalid_parameter",
        "contacts",
    )


def test_dates_before_1970_are_not_supported_unless_a_birthday_is_read_otherwise(site: Site) -> None:
    old = changed(CONTACT, birth_date="1969-12-31")
    assert flaw(site.contacts(old)) == (400, "invalid_parameter", "contacts[0].birth_date")
    created = changed(CONTACT, create_date_time="1969-12-31 23:59:59")
    with running(before_1970="kept") as other:
        assert other.contacts(old).status_code == 200
        assert flaw(other.contacts(created))[2] == "contacts[0].create_date_time"


def test_what_is_no_field_may_be_read_as_passed_over() -> None:
    with running(undeclared="ignored") as site:
        assert site.contacts(changed(CONTACT, age=5)).status_code == 200
        assert "age" not in site.contact()


def test_a_flaw_of_json_may_be_read_as_failed() -> None:
    with running(invalid_row="FAILED") as site:
        answer = site.contacts(CONTACT, changed(CONTACT, emails=["A@b.ua"]))
        uploading = answer.json()["uploading"]
        assert (uploading["api_validation_status"], uploading["elements_count"]) == ("FAILED", 2)
        assert site.counter.contacts == {}
