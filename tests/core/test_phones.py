"""Phones: one spelling, by the numbers' own lengths; what cannot be one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    parse,
)

from connector.core.change import Change
from connector.core.events import Event
from connector.core.fit import Unfit
from connector.core.mapping import Mapper
from connector.core.model import Op, Reject
from connector.core.phones import Phones, is_region
from connector.core.rules import TopicRules
from tests.support.mapping import change, event, mapped, rules


@pytest.mark.parametrize(
    ("region", "text", "digits"),
    [
        (None, "+380501234567", "380501234567"),
        (None, "380501234567", "380501234567"),
        (None, " +380 (50) 123-45-67 ", "380501234567"),
        (None, "00380 50 123 45 67", "380501234567"),
        (None, "+38\N{NON-BREAKING HYPHEN}050\N{NO-BREAK SPACE}123 45 67", "380501234567"),
        (None, "+49 (0)30 123456", "4930123456"),
        (None, "+39 06 6982 0001", "390669820001"),
        (None, "+380000000000", "380000000000"),
        ("UA", "0501234567", "380501234567"),
        ("UA", "050 123-45-67", "380501234567"),
        ("UA", "501234567", "380501234567"),
        ("UA", "+380 050 123 45 67", "380501234567"),
        ("UA", "48501234567", "48501234567"),
        ("UA", "٠٥٠١٢٣٤٥٦٧", "380501234567"),
        ("US", "2025550123", "12025550123"),
        ("US", "1 202 555 0123", "12025550123"),
        ("US", "0044 20 7946 0958", "442079460958"),
        ("RU", "8 (916) 123-45-67", "79161234567"),
        ("DE", "030 123456", "4930123456"),
    ],
)
def test_a_phone_has_one_spelling(region: str | None, text: str, digits: str) -> None:
    assert Phones(region)(text) == digits


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_nothing_is_no_phone_and_no_mistake(text: str) -> None:
    assert Phones()(text) is None


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (None, "12345"),
        (None, "n/a"),
        (None, "+"),
        (None, "0501234567"),
        (None, "+38050123456789012"),
        (None, "+999 12345678"),
        ("UA", "12345"),
        ("UA", "1234567"),
        ("UA", "050 CALL ME"),
        ("UA", "050-123-45-67 x9"),
        ("UA", "0501234567, 0671234567"),
        ("UA", "0501234567/0671234567"),
        ("UA", "½" * 9),
        ("UA", "0" * 200),
    ],
)
def test_a_value_that_cannot_be_a_phone_is_refused(region: str | None, text: str) -> None:
    with pytest.raises(Unfit, match="no phone"):
        Phones(region)(text)


_codes = st.sampled_from(sorted(COUNTRY_CODE_TO_REGION_CODE))


@given(_codes, st.from_regex("[1-9][0-9]{3,12}", fullmatch=True), st.sampled_from([None, "UA", "US", "DE"]))
def test_digits_that_are_not_parsed_are_what_a_parse_would_make_of_them(
    code: int, national: str, region: str | None
) -> None:
    """Where a parse keeps the number: some countries' own prefixes are no zero, and it takes those off."""
    written = f"+{code}{national}"
    number = parse(written)
    if is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE or len(written) > 16:
        return
    if format_number(number, PhoneNumberFormat.E164) == written:
        assert Phones(region)(written) == written[1:]
    else:
        assert Phones(region)(written) in (written[1:], format_number(number, PhoneNumberFormat.E164)[1:])


@given(st.text(max_size=20) | st.text("0123456789+-() ", max_size=20), st.sampled_from([None, "UA", "US"]))
def test_whatever_is_read_is_read_again_as_itself(text: str, region: str | None) -> None:
    try:
        digits = Phones(region)(text)
    except Unfit:
        return
    assert digits is None or Phones(region)(f"+{digits}") == digits


def test_there_are_regions_and_others() -> None:
    assert (is_region("UA"), is_region("UK")) == (True, False)


# --- In a mapping ---------------------------------------------------------------------------------


def test_a_phone_that_cannot_be_one_costs_its_record_and_its_value_is_not_told() -> None:
    result = mapped(change({"external_order_id": "o", "phone": "12345"}))
    assert isinstance(result, Reject)
    assert result.cause == "invalid_value"
    assert result.detail.startswith("phone: column phone holds no phone")
    assert "12345" not in result.detail


@pytest.mark.parametrize("phone", ["050 123 45 67", 380501234567, "00380501234567"])
def test_a_national_number_is_of_the_region_and_a_number_is_a_text(phone: str | int) -> None:
    found = event(change({"external_order_id": "o", "phone": phone}), rules("order", phone_region="UA"))
    assert found.body.phone == "380501234567"


def test_words_of_the_source_for_no_phone_are_configured() -> None:
    settings = rules("order", values={"phone": {"-": "", "none": ""}}, phone_region="UA")
    for word in ("-", "none"):
        assert event(change({"external_order_id": "o", "phone": word}), settings).body.phone is None
    assert event(change({"external_order_id": "o", "phone": "050 123-45-67"}), settings).body.phone


def test_a_deleted_contact_is_known_by_its_id_whatever_its_phone_is() -> None:
    gone = change({"external_customer_id": "c1", "phone": "none"}, Op.DELETE, key={"id": 1})
    found = mapped(gone, rules("contact", on_delete="erase"))
    assert isinstance(found, Event)
    assert found.key == "c1"


def test_the_dead_letter_of_a_contact_with_no_phone_is_found_by_its_key() -> None:
    bad: Change = change({"external_customer_id": "c1", "phone": "none"})
    assert Mapper(TopicRules("t", "contact")).key_of(bad) == "c1"
