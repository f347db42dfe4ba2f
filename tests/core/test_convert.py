"""Values become fields exactly, or not at all."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connector.core.change import Value
from connector.core.convert import money, quantity, text, total, tree, word
from connector.core.fit import Unavailable, Unfit
from connector.core.identity import normalise_email
from connector.core.instants import day, instant
from connector.core.model import UNAVAILABLE, UNREPRESENTABLE

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" x ", " x "),
        (5, "5"),
        (True, "true"),
        (False, "false"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (0.1, "0.1"),
        (12345.0, "12345"),
        (1e22, "10000000000000000000000"),
        (date(2025, 1, 2), "2025-01-02"),
        (datetime(2025, 1, 2, 3, tzinfo=UTC), "2025-01-02T03:00:00+00:00"),
        (time(3, 4), "03:04:00"),
        (timedelta(days=1, seconds=1), "P1DT1S"),
        ({"a": [1, Decimal("1.5")]}, '{"a":[1,1.5]}'),
    ],
)
def test_text_is_the_plain_spelling_of_a_value(value: Value, expected: str) -> None:
    assert text(value) == expected


@pytest.mark.parametrize("value", [b"x", float("nan"), Decimal("Infinity"), Decimal("1E+999999"), 10**200])
def test_what_has_no_plain_spelling_is_no_text(value: Value) -> None:
    """A huge exponent would fill the memory with zeros."""
    with pytest.raises(Unfit):
        text(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(" a ", "a"), ("  ", None), (Decimal("5.00"), "5"), (5.0, "5"), (Decimal("5.5"), "5.5"), (7, "7")],
)
def test_a_word_is_stripped_and_a_whole_number_is_its_digits(value: Value, expected: str | None) -> None:
    assert word(value) == expected


@pytest.mark.parametrize("value", [{"a": 1}, [1], b"x"])
def test_records_and_arrays_are_no_words(value: Value) -> None:
    with pytest.raises(Unfit):
        word(value)


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        (Decimal(990), "990.00"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("258.5"), "258.50"),
        (Decimal("1.2500"), "1.25"),
        (Decimal("1.23450"), "1.2345"),
        (Decimal("-0.0"), "0.00"),
        (5, "5.00"),
        (0.1, "0.10"),
        (19.99, "19.99"),
        (" 12.30 ", "12.30"),
        ("1e2", "100.00"),
        (Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
    ],
)
def test_money_is_exact_and_one_value_has_one_spelling(value: Value, spelling: str) -> None:
    assert str(money(value)) == spelling


def test_an_empty_text_is_no_money() -> None:
    assert money(" ") is None


@pytest.mark.parametrize(
    "value",
    ["1,5", "1_000", "NaN", "٣", "0x1", True, b"1", [1], Decimal("sNaN"), Decimal("-Infinity"),
     Decimal("1E+70"),
     Decimal("1E-999999"), float("inf"), 10**90, "1e9999999"],
)  # fmt: skip
def test_what_is_no_number_is_no_money(value: Value) -> None:
    with pytest.raises(Unfit):
        money(value)


@pytest.mark.parametrize("value", [Decimal("-0.01"), -1, "-5", "x", Decimal("NaN")])
def test_a_total_is_money_that_is_not_negative(value: Value) -> None:
    with pytest.raises(Unfit) as caught:
        total(value)
    assert caught.value.cause == "invalid_total"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, "2"),
        (Decimal("2.000"), "2"),
        (2.0, "2"),
        (" 2 ", "2"),
        (Decimal("0.500"), "0.5"),
        (0.3, "0.3"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_a_quantity_is_an_int_where_it_is_whole_and_has_no_binary_noise(value: Value, expected: str) -> None:
    converted = quantity(value)
    assert str(converted) == expected
    assert isinstance(converted, int) == ("." not in expected)


# --- Times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2025, 7, 1, 12, tzinfo=UTC), "2025-07-01T12:00:00+00:00"),
        (datetime(2025, 7, 1, 12, tzinfo=KYIV), "2025-07-01T09:00:00+00:00"),
        ("2025-07-01T12:00:00", "2025-07-01T09:00:00+00:00"),
        ("2025-01-01T12:00:00", "2025-01-01T10:00:00+00:00"),
        ("2025-07-01T12:00:00Z", "2025-07-01T12:00:00+00:00"),
        ("2025-07-01 12:00:00.123456789+03:00", "2025-07-01T09:00:00.123456+00:00"),
        ("2025-07-01", "2025-06-30T21:00:00+00:00"),
        ("20250701T120000Z", "2025-07-01T12:00:00+00:00"),
        ("20250701", "2025-06-30T21:00:00+00:00"),
        (date(2025, 1, 1), "2024-12-31T22:00:00+00:00"),
        ("1900-01-01T00:00:00", "1899-12-31T21:57:56+00:00"),
        ("9999-12-31T23:59:59", "9999-12-31T21:59:59+00:00"),
    ],
)
def test_an_instant_is_in_utc_and_what_has_no_zone_is_read_in_the_topics(value: Value, expected: str) -> None:
    moment = instant(KYIV)(value)
    assert isinstance(moment, datetime)
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2025-10-26T03:30:00", "2025-10-26T00:30:00+00:00"),
        ("2025-03-30T03:30:00", "2025-03-30T01:30:00+00:00"),
    ],
)
def test_a_local_time_that_comes_twice_is_its_first_a_skipped_one_moves_on(local: str, utc: str) -> None:
    moment = instant(KYIV)(local)
    assert isinstance(moment, datetime)
    assert moment.isoformat() == utc


@pytest.mark.parametrize("local", ["9999-12-31T23:59:59", "0001-01-01T00:00:00"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_ends_of_the_calendar_are_no_crash(local: str, zone: str) -> None:
    moment = instant(ZoneInfo(zone))(local)
    assert isinstance(moment, datetime)
    assert moment.tzinfo is not None
    assert day(ZoneInfo(zone))(moment) == date.fromisoformat(local[:10])


@pytest.mark.parametrize(
    "value",
    [1_700_000_000, "1703060500455", "1746122912022493859", 1.5, "yesterday", True, [], b"", time(1)],
)
def test_a_number_has_no_known_unit_and_a_text_no_guessed_format(value: Value) -> None:
    for convert in (instant(KYIV), day(KYIV)):
        with pytest.raises(Unfit):
            convert(value)


@pytest.mark.parametrize(
    "value", [date(1990, 2, 3), "1990-02-03", datetime(1990, 2, 2, 23, tzinfo=UTC), "1990-02-03T23:00:00"]
)
def test_a_day_is_that_of_the_topics_zone(value: Value) -> None:
    assert day(KYIV)(value) == date(1990, 2, 3)


def test_an_empty_text_is_no_time() -> None:
    assert instant(KYIV)(" ") is None
    assert day(KYIV)("") is None


# --- Trees ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("742.90"), 742.9),
        (Decimal(5), 5),
        (Decimal("12345678901234567890.123"), "12345678901234567890.123"),
        ({"a": [None, True, "x", 1]}, {"a": [None, True, "x", 1]}),
        (time(1, 2), "01:02:00"),
    ],
)
def test_a_tree_is_json_and_numbers_keep_their_digits(value: Value, expected: object) -> None:
    assert repr(tree(value)) == repr(expected)


def test_a_placeholder_inside_a_tree_is_not_sent_and_what_no_field_holds_is_told() -> None:
    with pytest.raises(Unavailable):
        tree({"a": [UNAVAILABLE]})
    with pytest.raises(Unfit, match="year outside"):
        tree([UNREPRESENTABLE])


def test_a_bottomless_tree_is_refused() -> None:
    value: Value = 1
    for _ in range(100):
        value = [value]
    with pytest.raises(Unfit, match="deeper"):
        tree(value)


# --- Identity -------------------------------------------------------------------------------------


def test_an_email_has_one_spelling() -> None:
    assert normalise_email(" Olena@Shop.Example\n") == "olena@shop.example"
    assert normalise_email("  ") is None
