"""Contacts and orders as JSON: what Metrica's pages say of their fields, sentence by sentence."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from connector.core.claims import Grant
from connector.core.events import Event, Item, Requirement
from connector.core.heads import Kept
from connector.core.model import Kind, Op
from connector.core.talk import Accepted, Refused, Sending
from tests.dialects.metrica_samples import (
    contact_event,
    metrica,
    order_event,
    orders,
    passed,
)
from tests.support.script import play, script

METRICA = metrica()
SIMPLE = metrica(orders_via="simple_orders")


def row(event: Event, **options: Any) -> dict[str, Any]:
    """The one row of an upload."""
    one = metrica(**options)
    assert one.check(event) is None
    played = play(one.converse(one.lot(event), [Sending(event)]), script(passed(1)))
    [found] = next(iter(played.body().values()))
    return dict(found)


# --- Contacts


def test_a_contact_has_its_id_name_dates_in_the_counters_zone_and_normalised_identifiers() -> None:
    assert row(contact_event()) == {
        "uniq_id": "J3QQ4",
        "name": "Иван Петров",
        "birth_date": "1990-01-31",
        "update_date_time": "2022-10-15 10:48:34",
        "emails": ["mail@yandex.ru"],
        "phones": ["79995551111"],
    }


def test_identifiers_may_go_as_md5_only_and_have_the_documented_check_values() -> None:
    found = row(contact_event(), identifiers="md5")
    assert found["emails_md5"] == ["3c56ff8fef0f6c65b36b2d25720fe276"]
    assert found["phones_md5"] == ["f09f2c3d48f31e2a802944ade2e5aec5"]
    assert "emails" not in found
    assert "phones" not in found


def test_client_ids_user_ids_and_the_create_date_come_from_columns_of_their_own() -> None:
    fields = {"client_ids": "161, 162", "user_ids": ["u1", 2], "create_date_time": "2022-01-01T00:00:00"}
    found = row(contact_event(fields=fields), topic_zones={"contacts": "Europe/Kyiv"})
    assert found["client_ids"] == ["161", "162"]
    assert found["user_ids"] == ["u1", "2"]
    assert found["create_date_time"] == "2022-01-01 01:00:00"


def test_what_is_not_available_is_not_sent_and_what_is_null_is_cleared() -> None:
    found = row(contact_event(phone=None, birth_date=UNSET, first_name=None, last_name=None))
    assert found["phones"] == []
    assert found["name"] is None
    assert "birth_date" not in found


def test_who_was_born_before_1970_keeps_the_rest() -> None:
    assert "birth_date" not in row(contact_event(birth_date=date(1969, 12, 31)))


def test_a_contact_without_an_id_is_known_by_a_hash_that_is_no_address() -> None:
    found = row(contact_event(external_customer_id=None, email="mail@yandex.ru"))
    assert found["uniq_id"].startswith("guest-")
    assert "@" not in found["uniq_id"]


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (contact_event(email=None, phone=None), "ClientID"),
        (contact_event(Kind.CONTACT_DELETED), "erases no contact"),
        (contact_event(fields={"create_date_time": "soon"}), "create_date_time"),
        (contact_event(fields={"client_ids": "GA1.2"}), "client_ids"),
        (contact_event(email="пошта@пошта.укр"), "Latin"),
        (contact_event(external_customer_id="x" * 256), "255"),
    ],
)
def test_a_contact_that_metrica_would_refuse_or_ignore_is_told_before(event: Event, word: str) -> None:
    assert word in (METRICA.check(event) or "")


# --- Orders


def test_an_order_has_what_the_vendors_example_has() -> None:
    assert row(order_event()) == {
        "id": "704",
        "client_uniq_id": "J3QQ4",
        "client_type": "CONTACT",
        "order_status": "new",
        "create_date_time": "2022-09-21 09:48:23",
        "update_date_time": "2022-10-15 10:48:34",
        "cost": "4000.00",
        "revenue": "5000",
        "currency": "RUB",
        "products": {"pear": "10", "apple": "30"},
    }


def test_the_upload_names_its_counter_and_updates_by_default() -> None:
    played = play(METRICA.converse(METRICA.lot(orders(1)[0].event), orders(2)), script(passed(2)))
    assert [r.path for r in played.requests] == ["/cdp/api/v1/counter/7/data/orders/json?merge_mode=UPDATE"]
    assert played.requests[0].headers == {"content-type": "application/json"}
    assert played.outcomes == [Accepted(), Accepted()]


def test_products_of_one_id_are_counted_together() -> None:
    pears = (
        Item(external_item_id="pear", quantity=1),
        Item(external_item_id="pear", quantity=Decimal("0.5")),
    )
    assert row(order_event(items=pears))["products"] == {"pear": "1.5"}


def test_the_crms_own_status_is_mapped_and_its_id_is_sent() -> None:
    assert row(order_event(status="IN_PROGRESS", raw_status="В работе"))["order_status"] == "working"


def test_goals_have_their_prices() -> None:
    goals = [{"goal_action_id": "paid", "price": "200"}, {"goal_action_id": "visited"}]
    assert row(order_event(params={"goals": "paid:200,visited"}))["goals"] == goals


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (order_event(raw_status="lost"), "add `lost: TYPE` to destinations.metrica.statuses"),
        (order_event(raw_status="mail@yandex.ru"), "(withheld)"),
        (order_event(raw_status=None, status=None), "status missing"),
        (order_event(date=None), "date missing"),
        (order_event(date=datetime(1969, 12, 31, tzinfo=UTC)), "since 1970"),
        (order_event(params={"goals": "paid:much"}), "goals: a price"),
        (order_event(params={"goals": "paid:NaN"}), "goals: a price"),
        (order_event(params={"goals": ":200"}), "goals: a goal has no name"),
        (order_event(external_customer_id=None, email=None), "no client"),
        (order_event(currency="рубль"), "currency"),
        (order_event(items=(Item(name="Pear", quantity=1),)), "externalItemId"),
        (order_event(params={"cost": "much"}), "cost"),
        (order_event(params={"finish_date_time": "soon"}), "finish_date_time"),
    ],
)
def test_an_order_that_metrica_would_refuse_or_ignore_is_told_before(event: Event, word: str) -> None:
    assert word in (METRICA.check(event) or "")


# --- The contact first


def test_an_order_goes_after_the_contact_that_it_names() -> None:
    assert METRICA.requires(order_event()) == Requirement("J3QQ4", None)
    guest = order_event(external_customer_id=None)
    assert METRICA.requires(guest) == Requirement("email:mail@yandex.ru", None)
    assert METRICA.requires(contact_event()) is None
    assert SIMPLE.requires(order_event()) is None


def test_an_unknown_contact_is_made_from_the_orders_fields_under_the_id_that_the_order_names() -> None:
    for event in (order_event(params={"client_ids": "161"}), order_event(external_customer_id=None)):
        made = METRICA.ensure(event, shared=False)
        assert made is not None
        assert made.version is None
        assert METRICA.check(made) is None
        assert row(made)["emails"] == ["mail@yandex.ru"]
        assert row(made)["uniq_id"] == row(event)["client_uniq_id"]


def test_what_metrica_takes_of_nobody_is_left_out_of_a_contact_that_is_made() -> None:
    params = {"client_ids": "GA1.2", "user_ids": ["u1"]}
    odd: dict[str, Any] = {"email": "почта@mail.example", "params": params}
    made = METRICA.ensure(order_event(**odd, phone="79995551111"), shared=False)
    assert made is not None
    assert row(made) == {"uniq_id": "J3QQ4", "phones": ["79995551111"], "user_ids": ["u1"]}
    assert METRICA.ensure(order_event(email="почта@mail.example"), shared=False) is None


def test_a_contact_of_whom_the_order_tells_nothing_to_be_found_by_is_waited_for() -> None:
    assert METRICA.ensure(order_event(email=None), shared=False) is None
    assert metrica(ensure="never").ensure(order_event(), shared=False) is None


# --- What the ledger knows


def test_an_update_never_sends_another_create_date() -> None:
    first = Kept("1.00", "2020-01-01T00:00:00+00:00")
    moved = order_event(date=datetime(2023, 1, 1, tzinfo=UTC))
    assert (
        row(METRICA.refine(moved, Grant(known=True, kept=first)))["create_date_time"] == "2020-01-01 03:00:00"
    )
    assert METRICA.refine(moved, Grant()) is moved
    assert METRICA.lot(moved).keeps


def test_an_update_without_its_date_takes_the_ledgers_and_costs_itself_where_that_has_none() -> None:
    event = order_event(date=UNSET)
    assert METRICA.check(event) is None
    known = METRICA.refine(event, Grant(known=True, kept=Kept("", "2020-01-01T00:00:00+00:00")))
    assert row(known)["create_date_time"] == "2020-01-01 03:00:00"
    unknown = METRICA.refine(event, Grant())
    played = play(METRICA.converse(METRICA.lot(event), [Sending(unknown), *orders(1)]), script(passed(1)))
    assert isinstance(played.outcomes[0], Refused)
    assert played.outcomes[1] == Accepted()


def test_a_deleted_order_is_uploaded_once_more_as_cancelled() -> None:
    gone = order_event(
        Op.DELETE, status="CANCELLED", raw_status=UNSET, date=UNSET, total_cost=UNSET, items=UNSET,
        currency=UNSET, params=UNSET, external_customer_id=UNSET, email=UNSET,
    )  # fmt: skip
    assert METRICA.check(gone) is None
    kept = Kept("", "2020-01-01T00:00:00+00:00")
    found = row(METRICA.refine(gone, Grant(known=True, contact_key="J3QQ4", kept=kept)))
    assert found["order_status"] == "annulled"
    assert found["client_uniq_id"] == "J3QQ4"
    unknown = METRICA.refine(gone, Grant())
    played = play(METRICA.converse(METRICA.lot(gone), [Sending(unknown)]), script())
    assert isinstance(played.outcomes[0], Refused)
    assert "CANCELLED" in (metrica(statuses={}).check(gone) or "")


def test_only_the_last_version_of_what_waits_is_uploaded_unless_lists_are_appended_to() -> None:
    assert METRICA.lot(order_event()).newest
    appending = metrica(merge_mode="APPEND").lot(order_event())
    assert not appending.newest
    assert appending.in_doubt == "hold"
    assert METRICA.lot(order_event()).in_doubt == "resend"
