"""A row becomes an order or a contact by the names of its columns and the rules of its topic."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec import UNSET

from connector.core.change import Column, Value
from connector.core.events import Item
from connector.core.mapping import Mapper
from connector.core.model import UNAVAILABLE, UNREPRESENTABLE, Reject
from tests.support.mapping import (
    change,
    contact,
    event,
    mapped,
    order,
    record,
    rejected,
    rules,
    same,
    shape_of,
)

ITEM: dict[str, Value] = {"externalItemId": "7", "name": "Чайник 🫖", "quantity": 2, "cost": Decimal("9.5")}


@pytest.mark.parametrize("name", ["totalCost", "total_cost"])
def test_a_field_is_fed_by_its_name_in_camel_or_snake_case(name: str) -> None:
    assert order({name: Decimal("258.0")}).total_cost == Decimal("258.00")


def test_names_are_compared_as_written() -> None:
    assert order({"TOTAL_COST": Decimal(1)}).total_cost is UNSET


def test_camel_case_wins_where_both_names_exist() -> None:
    assert order({"imageUrl": "x", "storeId": "a", "store_id": "b"}).store_id == "a"


def test_a_configured_column_wins_over_the_names() -> None:
    assert order({"status": "a", "state": "b"}, fields={"status": "state"}).status == "b"


def test_an_empty_path_unmaps_a_field() -> None:
    assert order({"source": b"\x00"}, fields={"source": ""}).source is UNSET


def test_a_path_goes_into_a_record() -> None:
    row: dict[str, Value] = {"customer": {"contacts": {"mail": " a@b.example "}}}
    assert order(row, fields={"email": "customer.contacts.mail"}).email == "a@b.example"


def test_a_path_goes_into_a_json_column() -> None:
    row: dict[str, Value] = {"customer": '{"mail": "a@b.example", "sum": 1.10}'}
    shape = shape_of(row, customer=Column("customer", same, json=True))
    made = order(row, shape, fields={"email": "customer.mail", "totalCost": "customer.sum"})
    assert (made.email, made.total_cost) == ("a@b.example", Decimal("1.10"))


def test_a_column_whose_own_name_has_a_dot_is_that_column() -> None:
    assert order({"a.b": "x", "a": {"b": "y"}}, fields={"source": "a.b"}).source == "x"


@pytest.mark.parametrize(("inside", "expected"), [({}, None), ({"b": None}, None), (None, None)])
def test_what_a_record_or_an_object_does_not_hold_is_null_as_a_null_on_the_way_is(
    inside: Value, expected: object
) -> None:
    assert order({"a": inside}, fields={"source": "a.b"}).source is expected


def test_a_path_through_what_is_no_record_is_a_dead_letter() -> None:
    reject = rejected({"a": 5}, fields={"source": "a.b"})
    assert reject == Reject("invalid_value", "source: column a holds no record, so it has no b")


def test_a_column_that_the_shape_lacks_is_unset_where_only_a_default_name_asks_for_it() -> None:
    assert order({}).status is UNSET


def test_null_is_null_and_unavailable_is_not_sent() -> None:
    made = order({"firstName": None, "lastName": UNAVAILABLE})
    assert (made.first_name, made.last_name) == (None, UNSET)


def test_a_default_replaces_absent_and_null_but_never_unavailable() -> None:
    defaults = {"currency": "UAH", "source": "online", "firstName": "?"}
    made = order({"source": None, "firstName": UNAVAILABLE}, defaults=defaults)
    assert (made.currency, made.source, made.first_name) == ("UAH", "online", UNSET)


def test_a_default_has_its_fields_type() -> None:
    assert order({}, defaults={"totalCost": 5}).total_cost == Decimal("5.00")


def test_a_value_equal_to_the_columns_default_is_null_where_the_configuration_says_so() -> None:
    row: dict[str, Value] = {"phone": "+380000000000", "city": "Київ"}
    columns = {name: Column(name, same, default=value) for name, value in row.items()}
    made = order(row, shape_of(row, **columns), null_defaults=("phone",), params={"city": "city"})
    assert (made.phone, made.params) == (None, {"city": "Київ"})


def test_the_raw_status_stays_beside_the_mapped_one() -> None:
    made = order({"status": " new "}, values={"status": {"new": "INITIALIZED"}})
    assert (made.status, made.raw_status) == ("INITIALIZED", "new")


def test_a_status_without_a_mapping_stays_as_it_is() -> None:
    made = order({"status": "odd"}, values={"status": {"new": "INITIALIZED"}})
    assert (made.status, made.raw_status) == ("odd", "odd")


def test_a_boolean_column_can_be_a_status() -> None:
    made = order({"done": True}, fields={"status": "done"}, values={"status": {"true": "DELIVERED"}})
    assert (made.status, made.raw_status) == ("DELIVERED", "true")


def test_a_default_status_is_not_mapped_again() -> None:
    made = order({"status": None}, values={"status": {"A": "B"}}, defaults={"status": "A"})
    assert (made.status, made.raw_status) == ("A", "A")


def test_values_map_any_text_and_any_parameter() -> None:
    values = {"paymentMethod": {"1": "card"}, "channel": {"w": "web"}}
    made = order({"paymentMethod": 1, "ch": "w"}, values=values, params={"channel": "ch"})
    assert (made.payment_method, made.params) == ("card", {"channel": "web"})


def test_parameters_keep_their_types_and_their_depth() -> None:
    tree: Value = {"a": [{"b": {"c": Decimal("1.50")}}], "n": None}
    row: dict[str, Value] = {"t": tree, "n": Decimal(3), "d": date(2025, 1, 2), "u": UNAVAILABLE}
    params = {"t": "t", "n": "n", "d": "d", "u": "u"}
    assert order(row, params=params).params == {
        "t": {"a": [{"b": {"c": 1.5}}], "n": None}, "n": 3, "d": "2025-01-02",
    }  # fmt: skip


def test_identifiers_are_stripped_and_an_empty_one_is_null() -> None:
    made = order({"email": " ", "phone": " +380 50 123 45 67 ", "externalCustomerId": ""})
    assert (made.email, made.phone, made.external_customer_id) == (None, "380501234567", None)


def test_the_key_is_the_order_id_as_text_whatever_the_records_key() -> None:
    """A Kafka key that differs from the order's id is harmless: the row decides."""
    found = event(change({"external_order_id": 12345, "id": 1}, key={"id": 1}))
    assert (found.key, found.body.external_order_id) == ("12345", "12345")  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [None, "", "  ", UNAVAILABLE])
def test_an_order_without_id_is_a_dead_letter(value: Value) -> None:
    result = mapped(change({"external_order_id": value}))
    assert isinstance(result, Reject)
    assert result.cause == "missing_key"
    assert "externalOrderId" in result.detail


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"externalCustomerId": " c1 ", "email": "a@b.example"}, "c1"),
        ({"externalCustomerId": None, "email": " A@B.Example "}, "email:a@b.example"),
        ({"externalCustomerId": "", "email": None, "phone": "+380 (50) 123-45-67"}, "phone:380501234567"),
    ],
)
def test_a_contact_without_id_is_known_by_email_then_phone(row: dict[str, Value], key: str) -> None:
    assert event(change(row), rules("contact")).key == key


@pytest.mark.parametrize(
    "row",
    [
        {"externalCustomerId": None, "phone": " "},
        {"externalCustomerId": None},
        {"externalCustomerId": UNAVAILABLE, "email": "a@b.example"},
    ],
)
def test_a_contact_that_nothing_identifies_is_a_dead_letter(row: dict[str, Value]) -> None:
    result = mapped(change(row), rules("contact"))
    assert isinstance(result, Reject)
    assert result.cause == "missing_key"


def test_a_contacts_parameters_are_its_custom_fields() -> None:
    made = contact(
        {"externalCustomerId": "c", "bonus": 5, "birth_date": "1990-02-03"}, params={"77": "bonus"}
    )
    assert (made.fields, made.birth_date) == ({"77": 5}, date(1990, 2, 3))


# --- Items ----------------------------------------------------------------------------------------


def test_items_come_from_an_array_of_records() -> None:
    made = order({"items": [ITEM, {**ITEM, "quantity": Decimal("0.500")}]})
    first = Item("7", "Чайник 🫖", quantity=2, cost=Decimal("9.50"))
    second = Item("7", "Чайник 🫖", quantity=Decimal("0.5"), cost=Decimal("9.50"))
    assert made.items == (first, second)


@pytest.mark.parametrize(
    "text",
    ['[{"external_item_id": 7, "cost": 9.50}]', '["{\\"externalItemId\\": \\"7\\", \\"cost\\": 9.5}"]'],
)
def test_items_come_from_json_text_and_from_arrays_of_it(text: str) -> None:
    """The second form is jsonb[]."""
    row: dict[str, Value] = {"items": text}
    expected = (Item("7", cost=Decimal("9.50")),)
    assert order(row).items == expected
    assert order(row, shape_of(row, items=Column("items", same, json=True))).items == expected


def test_of_duplicate_json_keys_the_last_one_counts() -> None:
    assert order({"items": '[{"name": "a", "name": "b"}]'}).items == (Item(name="b"),)


def test_items_may_lie_four_records_deep() -> None:
    row: dict[str, Value] = {"cart": {"a": {"b": {"c": [{"p": {"t": {"n": "x"}}}]}}}}
    assert order(row, fields={"items": "cart.a.b.c", "items.name": "p.t.n"}).items == (Item(name="x"),)


@pytest.mark.parametrize("value", [[[[[ITEM]]]], ["text"], [5], [None], {"a": 1}, "{}", "not json", "", 5])
def test_what_is_no_list_of_records_is_a_dead_letter(value: Value) -> None:
    assert rejected({"items": value}).cause == "invalid_value"


def test_the_detail_names_the_item_and_its_field_but_no_value() -> None:
    reject = rejected({"items": [ITEM, {**ITEM, "cost": "secret"}]})
    assert reject.detail == (
        "items: column items has an item (number 2) that holds a text that is not a number (in cost)"
    )


def test_an_extra_that_no_field_can_hold_is_named_too() -> None:
    reject = rejected({"items": [{**ITEM, "c": b"x"}]}, fields={"items.color": "c"})
    assert reject.detail.endswith("(in color)")


@pytest.mark.parametrize("null", [None, "null"])
def test_null_items_are_null(null: Value) -> None:
    assert order({"items": null}).items is None


@pytest.mark.parametrize(
    "value",
    [
        UNAVAILABLE,
        [UNAVAILABLE],
        [ITEM, {**ITEM, "name": UNAVAILABLE}],
        '[{"name": "__debezium_unavailable_value"}]',
        '"__debezium_unavailable_value"',
    ],
)
def test_a_placeholder_in_any_part_of_items_keeps_them_all_back(value: Value) -> None:
    assert order({"items": value}, defaults={"items.name": "?"}).items is UNSET


def test_item_fields_are_mapped_defaulted_and_kept_as_extra() -> None:
    fields = {"items.externalItemId": "sku", "items.name": "title.uk", "items.color": "attrs.color"}
    defaults = {"items.imageUrl": "https://shop.example/none.png", "items.quantity": 1}
    values = {"items.category": {"1": "tea"}}
    row: Value = [
        {"sku": 5, "title": {"uk": "Чай"}, "attrs": {"color": "red"}, "category": 1, "image_url": None}
    ]
    made = order({"items": row}, fields=fields, defaults=defaults, values=values)
    assert made.items == (
        Item(
            "5", "Чай", "tea", 1, image_url="https://shop.example/none.png", extra={"color": "red"}
        ),
    )  # fmt: skip


def test_items_of_one_order_may_have_different_keys() -> None:
    made = order({"items": '[{"name": "a"}, {"cost": 1, "name": null}]'})
    assert made.items == (Item(name="a"), Item(name=None, cost=Decimal("1.00")))


# --- Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"fields": {"totalCost": "sum.a"}}, {"params": {"city": "sum"}}])
def test_a_schema_without_a_mapped_column_makes_every_record_a_dead_letter(
    settings: dict[str, object],
) -> None:
    reject = rejected({"items": None}, **settings)
    assert reject.cause == "mapping"
    assert "crm.public.orders" in reject.detail
    assert next(iter(settings)) in reject.detail
    assert "no column sum" in reject.detail


def test_a_schema_without_the_key_makes_every_record_a_dead_letter() -> None:
    result = mapped(change({"id": 1}))
    assert isinstance(result, Reject)
    assert result.cause == "mapping"
    assert "no column externalOrderId or external_order_id" in result.detail


@pytest.mark.parametrize(
    "value",
    [Decimal(-1), "-0.01", float("nan"), Decimal("Infinity"), "NAN", UNREPRESENTABLE, Decimal("1e999999")],
)
def test_negative_totals_and_such_that_are_no_numbers_are_dead_letters(value: Value) -> None:
    reject = rejected({"total_cost": value})
    assert reject.cause == "invalid_total"
    assert reject.detail.startswith("totalCost: column total_cost ")


def test_what_no_field_can_hold_is_a_dead_letter_that_names_the_column() -> None:
    reject = rejected({"order_date": UNREPRESENTABLE}, fields={"date": "order_date"})
    assert reject.cause == "unrepresentable"
    assert reject.detail.startswith("date: column order_date ")


@pytest.mark.parametrize("year", [1900, 9999])
def test_dates_far_away_are_events(year: int) -> None:
    made = order({"date": datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)}, time_zone="Europe/Kyiv")
    assert made.date == datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_bytes_are_no_text() -> None:
    assert rejected({"first_name": b"x"}).cause == "invalid_value"


@pytest.mark.parametrize("value", ["\ud83d", ["\ud83d"]])
def test_half_a_surrogate_pair_is_a_dead_letter(value: Value) -> None:
    assert rejected({"first_name": value}).cause == "invalid_value"


def test_cyrillic_and_emoji_pass_untouched() -> None:
    made = order({"firstName": "Олена 👩‍💻", "statusDescription": " п'ять "})
    assert (made.first_name, made.status_description) == ("Олена 👩‍💻", " п'ять ")


# --- What a dead letter says of its entity --------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"external_order_id": "7", "total_cost": "no money"}, "7"),
        ({"external_order_id": "7"}, "7"),
        ({"external_order_id": None, "total_cost": "1"}, None),
        ({"external_order_id": "\ud800", "total_cost": "1"}, None),
        ({"total_cost": "1"}, None),
    ],
)
def test_what_cannot_be_mapped_still_tells_its_key(row: dict[str, Value], key: str | None) -> None:
    """A value that does not fit, a schema that lacks a column: the entity is known all the same."""
    mapper = Mapper(rules(params={"needed": "absent"}))
    refused = change(row)
    assert isinstance(mapper.map(refused, record(), "tid"), Reject)
    assert mapper.key_of(refused) == key


def test_a_contact_without_its_own_id_tells_the_key_that_stands_in() -> None:
    refused = change({"external_customer_id": None, "email": "A@b.example", "birth_date": "soon"})
    mapper = Mapper(rules("contact"))
    assert isinstance(mapper.map(refused, record(), "tid"), Reject)
    assert mapper.key_of(refused) == "email:a@b.example"
