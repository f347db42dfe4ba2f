"""What Yespo would ignore under a 2xx, or refuse, is found before it is sent: each documented sentence."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.model import Kind, Op
from connector.dialects.yespo_check import STATUSES, event_key_fault
from connector.dialects.yespo_events import EVENT_KEYS
from tests.dialects.yespo_samples import ITEM, YESPO, contact_event, order_event

LOCATORS = ("external_customer_id", "email", "phone")


def without(*names: str, value: object = UNSET) -> dict[str, object]:
    return dict.fromkeys(names, value)


def reason(**changes: Any) -> str:
    found = YESPO.check(order_event(**changes))
    assert found is not None
    return found


def test_a_whole_order_passes() -> None:
    assert YESPO.check(order_event()) is None


@pytest.mark.parametrize("absent", [UNSET, None, ""])
@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("external_order_id", "externalOrderId"),
        ("total_cost", "totalCost"),
        ("status", "status"),
        ("date", "date"),
    ],
)
def test_a_missing_required_field_is_named(field: str, name: str, absent: object) -> None:
    assert reason(**{field: absent}).startswith(f"{name} missing")


@pytest.mark.parametrize("blank", [" ", "null"])
def test_a_blank_order_id_is_missing(blank: str) -> None:
    assert reason(external_order_id=blank).startswith("externalOrderId missing")


def test_all_missing_fields_are_named_at_once() -> None:
    assert reason(total_cost=None, date=UNSET).startswith("totalCost, date missing")


@pytest.mark.parametrize("locator", LOCATORS)
def test_any_one_of_three_locators_is_enough(locator: str) -> None:
    others = [name for name in LOCATORS if name != locator]
    assert YESPO.check(order_event(**without(*others))) is None


@pytest.mark.parametrize("absent", [UNSET, None, "", "  "])
def test_without_a_locator_no_contact_can_be_found(absent: object) -> None:
    assert reason(**without(*LOCATORS, value=absent)).startswith(
        "externalCustomerId, email and phone missing"
    )


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_the_five_statuses_pass(status: str) -> None:
    assert YESPO.check(order_event(status=status)) is None


@pytest.mark.parametrize("status", ["delivered", "RETURNED", "SECRET-WORD"])
def test_another_status_is_refused_with_the_remedy_and_without_its_word(status: str) -> None:
    found = reason(status=status)
    assert "map it under values.status" in found
    assert status not in found


@pytest.mark.parametrize("total", ["NaN", "sNaN", "Infinity", "-Infinity", "-0.01", "1E+30", "1E-30"])
def test_a_total_that_is_no_sum_of_money_is_refused(total: str) -> None:
    assert reason(total_cost=Decimal(total)) == "totalCost is not a number of zero or more"


@pytest.mark.parametrize("total", ["0", "0.00", "-0", "0E-30", "1E+3", "99999999999999999999.99"])
def test_zero_and_large_totals_pass(total: str) -> None:
    assert YESPO.check(order_event(total_cost=Decimal(total))) is None


@pytest.mark.parametrize("field", ["shipping", "discount", "taxes"])
def test_other_money_must_be_a_number(field: str) -> None:
    assert reason(**{field: Decimal("NaN")}) == "shipping, discount or taxes is not a number"
    assert YESPO.check(order_event(**{field: Decimal("-1.50")})) is None


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("external_item_id", "externalItemId"),
        ("name", "name"),
        ("quantity", "quantity"),
        ("cost", "cost"),
        ("url", "url"),
        ("image_url", "imageUrl"),
    ],
)
def test_an_item_needs_six_fields(field: str, name: str) -> None:
    texts = ["", " ", "null"] if isinstance(getattr(ITEM, field), str) else []
    for absent in (UNSET, None, *texts):
        broken = replace(ITEM, **{field: absent})
        assert reason(items=(ITEM, broken)).startswith(f"items[1]: {name} missing")


def test_items_are_optional_and_so_are_their_other_fields() -> None:
    for items in (UNSET, None, (), (replace(ITEM, category=UNSET, description=None),)):
        assert YESPO.check(order_event(items=items)) is None


def test_an_items_numbers_are_numbers() -> None:
    for broken in (replace(ITEM, cost=Decimal("NaN")), replace(ITEM, quantity=Decimal("Infinity"))):
        assert reason(items=(broken,)) == "items[0]: cost or quantity is not a number"


def test_dates_of_1900_and_9999_have_a_form_but_not_past_the_last_year() -> None:
    for year in (1900, 9999):
        assert YESPO.check(order_event(date=datetime(year, 1, 1, tzinfo=UTC))) is None
    assert reason(date=datetime(9999, 12, 31, 23, 0, tzinfo=UTC)).startswith("date has no form")


@pytest.mark.parametrize("field", ["external_order_id", "external_customer_id", "email"])
def test_an_identifier_has_at_most_300_characters(field: str) -> None:
    longest = "x" * 290 + "@shop.test"
    assert YESPO.check(order_event(**{field: longest})) is None
    assert "longer than 300 characters" in reason(**{field: "x" * 301})


@pytest.mark.parametrize("email", ["n/a", "john", "john.example.com"])
def test_a_value_that_cannot_be_an_email_is_refused_not_sent(email: str) -> None:
    assert reason(email=email) == "email cannot be an e-mail address: it has no @"


@pytest.mark.parametrize(
    ("params", "beginning"),
    [
        ({"x" * 101: 1}, "params: a parameter's name must have"),
        ({"": 1}, "params: a parameter's name must have"),
        ({"city": "a", "City": "b"}, "params: two parameters have one name"),
        ({"totalcost": 1}, "params: two parameters have one name"),
        ({"EMAIL": "x"}, "params: two parameters have one name"),
        ({"ContactId": 5}, "params: a parameter's name would make"),
    ],
)
def test_names_of_parameters_are_unique_short_and_do_not_hijack_the_locator(
    params: dict[str, object], beginning: str
) -> None:
    assert reason(params=params).startswith(beginning)


def test_a_parameter_that_yespo_looks_at_later_than_the_locator_does_no_harm() -> None:
    assert YESPO.check(order_event(params={"UserEmail": "x", "x" * 100: 1})) is None
    only_id = without("email", "phone")
    assert "another contact" in reason(params={"UserEmail": "x"}, **only_id)
    assert "another contact" in reason(params={"UserEmail": "x"}, email=None)


def test_cyrillic_emoji_and_deep_nesting_pass() -> None:
    deep = {"a": {"b": {"c": {"d": 1}}}}
    event = order_event(params={"місто": "Київ 🛒", "deep": deep}, external_order_id="Замовлення-1")
    assert YESPO.check(event) is None


@pytest.mark.parametrize("character", "<;’\\/|\"`'^?!,>")
def test_an_event_key_has_no_forbidden_character(character: str) -> None:
    assert event_key_fault(f"order{character}Created") == "eventTypeKey has a forbidden character"


def test_an_event_key_has_1_to_100_characters_and_ours_are_fine() -> None:
    assert event_key_fault("x" * 100) is None
    assert event_key_fault("x" * 101) is not None
    assert event_key_fault("") is not None
    assert [event_key_fault(key) for key in EVENT_KEYS.values()] == [None] * 4


BARE = without("total_cost", "status", "date", "items", *LOCATORS)


def test_a_delete_needs_its_key_alone_since_the_ledger_may_know_the_rest() -> None:
    assert YESPO.check(order_event(Kind.ORDER_CANCELLED, Op.DELETE, **BARE)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"external_order_id": "o" * 301},
        {"external_order_id": " "},
        {"total_cost": Decimal("NaN")},
        {"date": datetime.max.replace(tzinfo=UTC)},
        {"email": "e" * 301},
    ],
)
def test_what_a_deletes_row_tells_has_to_be_fit_to_be_sent(wrong: dict[str, Any]) -> None:
    assert YESPO.check(order_event(Kind.ORDER_CANCELLED, Op.DELETE, **BARE | wrong)) is not None


def test_a_contact_can_be_unsubscribed_by_its_e_mail_alone() -> None:
    def unsubscribed(**fields: Any) -> str | None:
        return YESPO.check(contact_event(Kind.CONTACT_UNSUBSCRIBED, **fields))

    assert unsubscribed(email="a@b.c") is None
    assert "REPLICA IDENTITY FULL" in (unsubscribed(external_customer_id="c1") or "")
    assert unsubscribed(email="e" * 301) is not None


def test_a_contact_needs_one_way_to_be_found() -> None:
    for name, value in (("external_customer_id", "c1"), ("email", "a@b.c"), ("phone", "380501234567")):
        assert YESPO.check(contact_event(**{name: value})) is None
    assert YESPO.check(contact_event(first_name="N", email=None)) is not None
    assert YESPO.check(contact_event(external_customer_id="c1", email="none")) is not None
    assert YESPO.check(contact_event(external_customer_id="c" * 301)) is not None


def test_a_deleted_contact_needs_its_key_alone() -> None:
    assert YESPO.check(contact_event(Kind.CONTACT_DELETED)) is None
    assert YESPO.check(contact_event(Kind.CONTACT_DELETED, external_customer_id="c" * 301)) is not None


def test_the_word_null_names_nobody() -> None:
    nulls = without("external_customer_id", "email", value="null")
    assert "no contact can be found" in reason(phone=None, **nulls)
