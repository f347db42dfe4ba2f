"""merge_mode: what becomes of a row that is there."""

from collections import Counter

import pytest

from tests.sandbox.metrica.site import CONTACT, ORDER, Site, changed, flaw, running

NEW = {"uniq_id": "J3QQ4", "emails": ["third@example.com", "exampl1@example.com"]}


def test_merge_mode_is_required(site: Site) -> None:
    answer = site.post("data/contacts/json", {"contacts": [CONTACT]})
    assert flaw(answer) == (400, "missing_parameter", "merge_mode")


@pytest.mark.parametrize("mode", ["save", "REPLACE", " UPDATE"])
def test_a_merge_mode_is_one_of_three(site: Site, mode: str) -> None:
    assert flaw(site.contacts(CONTACT, mode=mode)) == (400, "invalid_parameter", "merge_mode")


def test_save_replaces_the_row_and_what_is_not_sent_becomes_null(site: Site) -> None:
    site.contacts(NEW, mode="SAVE")
    assert site.contact() == {
        "uniq_id": "J3QQ4",
        "emails": ("third@example.com", "exampl1@example.com"),
        "create_date_time": CONTACT["create_date_time"],
    }


def test_update_changes_only_what_is_sent(site: Site) -> None:
    before = dict(site.contact())
    site.contacts(NEW, mode="UPDATE")
    assert site.contact() == {**before, "emails": ("third@example.com", "exampl1@example.com")}


def test_update_with_null_clears(site: Site) -> None:
    site.contacts({**NEW, "name": None, "phones": None}, mode="UPDATE")
    assert set(CONTACT) - set(site.contact()) == {"name", "phones"}


def test_append_adds_to_lists_and_keeps_the_rest(site: Site) -> None:
    before = dict(site.contact())
    site.contacts({**NEW, "name": "Anna"}, mode="APPEND")
    emails = ("exampl1@example.com", "example2@example.com", "third@example.com")
    assert site.contact() == {**before, "name": "Anna", "emails": emails}


def test_append_adds_products(site: Site) -> None:
    site.orders(ORDER)
    site.orders(changed(ORDER, products={"plum": 1, "pear": 2}), mode="APPEND")
    assert site.counter.orders["704"].values["products"] == {"pear": 2, "apple": 30, "plum": 1}


@pytest.mark.parametrize("mode", ["SAVE", "UPDATE", "APPEND"])
def test_required_fields_go_along_in_every_mode(site: Site, mode: str) -> None:
    partial = changed(ORDER, create_date_time=...)
    assert flaw(site.orders(partial, mode=mode))[2] == "orders[0].create_date_time"


@pytest.mark.parametrize("mode", ["SAVE", "UPDATE", "APPEND"])
def test_the_creation_date_cannot_be_changed(site: Site, mode: str) -> None:
    site.orders(ORDER)
    moved = changed(ORDER, create_date_time="2023-01-01 00:00:00")
    assert site.orders(moved, mode=mode).status_code == 200
    site.contacts(changed(CONTACT, create_date_time="2023-01-01 00:00:00"), mode=mode)
    assert site.counter.orders["704"].values["create_date_time"] == ORDER["create_date_time"]
    assert site.contact()["create_date_time"] == CONTACT["create_date_time"]
    assert site.reasons() == ["create_date_time cannot be changed"] * 2


def test_another_creation_date_may_be_read_as_a_flaw() -> None:
    with running(changed_create_date="refused") as site:
        site.prepare()
        moved = changed(CONTACT, create_date_time="2023-01-01 00:00:00")
        assert flaw(site.contacts(moved))[2] == "contacts[0].create_date_time"


def last_names(seed: int | None) -> Counter[str]:
    """Who won, of three rows with one id in an upload, 30 times."""
    with running(seed=seed) as site:
        won: Counter[str] = Counter()
        for _ in range(30):
            site.contacts(*(changed(CONTACT, name=name) for name in "abc"))
            won[str(site.contact()["name"])] += 1
        assert site.counter.contacts["J3QQ4"].versions == 90
        return won


def test_rows_with_one_id_in_one_upload_are_applied_in_random_order() -> None:
    assert set(last_names(None)) == {"a", "b", "c"}


def test_a_seed_repeats_the_random_order() -> None:
    assert last_names(7) == last_names(7)


@pytest.mark.parametrize("mode", ["SAVE", "UPDATE"])
def test_a_replay_changes_nothing(site: Site, mode: str) -> None:
    site.contacts(NEW, mode=mode)
    site.orders(ORDER, mode=mode)
    before = site.contact(), site.counter.orders["704"].values
    site.contacts(NEW, mode=mode)
    site.orders(ORDER, mode=mode)
    assert (site.contact(), site.counter.orders["704"].values) == before
