"""Order statuses, attributes and products of the counter, over HTTP."""

from typing import Any

import pytest

from tests.sandbox.metrica.site import ORDER, STATUSES, Site, changed, flaw, running

AGE = {"name": "age", "type_name": "numeric", "multivalued": False, "humanized": "Age"}


def test_statuses_are_mapped_and_told(site: Site) -> None:
    delivery = {"id": "on-the:way_1", "humanized": "On the way", "type": "OTHER", "goal_action_ids": ["g1"]}
    assert site.post("schema/order_statuses", {"order_statuses": [delivery]}).json() == {"success": True}
    assert site.get("schema/order_statuses").json() == {
        "order_statuses": [*({**each, "goal_action_ids": []} for each in STATUSES), delivery]
    }


def test_a_status_that_is_posted_again_changes_and_may_be_read_as_replacing_them_all(site: Site) -> None:
    again = [{"id": "new", "humanized": "Fresh", "type": "OTHER"}]
    site.post("schema/order_statuses", {"order_statuses": again})
    site.orders(ORDER)
    assert site.counter.orders["704"].type == "OTHER"
    assert list(site.counter.schema.statuses) == ["new", "success"]
    with running(statuses_posted="replaced") as other:
        other.prepare()
        other.post("schema/order_statuses", {"order_statuses": again})
        assert list(other.counter.schema.statuses) == ["new"]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("id", "on the way", "invalid_parameter"),
        ("id", "x" * 256, "invalid_parameter"),
        ("id", "", "missing_parameter"),
        ("type", "NEW", "invalid_parameter"),
        ("type", ..., "invalid_parameter"),
        ("goal_action_ids", ["g", "g"], "invalid_parameter"),
        ("goal_action_ids", [str(number) for number in range(11)], "invalid_parameter"),
        ("humanized", "x" * 4097, "invalid_parameter"),
    ],
)
def test_a_status_with_a_flaw_maps_none(site: Site, field: str, value: Any, error: str) -> None:
    statuses = [{"id": "first", "type": "PAID"}, changed(STATUSES[0], **{field: value})]
    answer = site.post("schema/order_statuses", {"order_statuses": statuses})
    assert flaw(answer) == (400, error, f"order_statuses[1].{field}")
    assert list(site.counter.schema.statuses) == ["new", "success"]


def test_attributes_are_declared_and_told_with_those_of_the_system(site: Site) -> None:
    assert site.post("schema/attributes", {"attributes": [AGE]}, entity_type="contact").json() == {
        "success": True
    }
    told = site.get("schema/attributes", entity_type="CONTACT").json()
    assert told["custom_attributes"] == [{**AGE, "type_group": "PREDEFINED"}]
    assert {"uniq_id", "emails", "phones_md5"} <= {each["name"] for each in told["system_attributes"]}
    assert site.get("schema/attributes", entity_type="order").json()["custom_attributes"] == []


def test_an_attribute_may_be_declared_again_but_not_as_another_type(site: Site) -> None:
    url = "schema/attributes"
    for attribute in (AGE, {**AGE, "humanized": "Years"}):
        assert site.post(url, {"attributes": [attribute]}, entity_type="CONTACT").status_code == 200
    (kept,) = site.get(url, entity_type="CONTACT").json()["custom_attributes"]
    assert kept["humanized"] == "Years"
    answer = site.post(url, {"attributes": [{**AGE, "type_name": "text"}]}, entity_type="CONTACT")
    assert flaw(answer) == (400, "invalid_parameter", "attributes[0].name")


@pytest.mark.parametrize("type_name", ["numeric", "date", "datetime", "email", "text"])
def test_the_types_of_attributes(site: Site, type_name: str) -> None:
    attribute = {**AGE, "type_name": type_name}
    assert site.post("schema/attributes", {"attributes": [attribute]}, entity_type="ORDER").is_success


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "uniq_id", "invalid_parameter"),
        ("name", "two words", "invalid_parameter"),
        ("type_name", ..., "missing_parameter"),
        ("multivalued", ..., "missing_parameter"),
    ],
)
def test_an_attribute_with_a_flaw_declares_none(site: Site, field: str, value: Any, error: str) -> None:
    attributes = [AGE, changed({**AGE, "name": "other"}, **{field: value})]
    answer = site.post("schema/attributes", {"attributes": attributes}, entity_type="CONTACT")
    assert flaw(answer) == (400, error, f"attributes[1].{field}")
    assert site.counter.schema.attributes["CONTACT"] == {}


@pytest.mark.parametrize(
    ("asked", "error"), [({}, "missing_parameter"), ({"entity_type": "x"}, "invalid_parameter")]
)
def test_attributes_belong_to_an_entity(site: Site, asked: dict[str, str], error: str) -> None:
    assert flaw(site.get("schema/attributes", **asked)) == (400, error, "entity_type")


def test_products_are_uploaded_and_renamed(site: Site) -> None:
    for items in (
        [{"name": "pear", "humanized": "Pear"}, {"name": "plum"}],
        [{"name": "plum", "humanized": "Plum"}],
    ):
        answer = site.post("schema/products", {"attributes": [], "items": items})
        assert answer.json() == {"success": True}
    assert site.counter.schema.products == {"pear": "Pear", "plum": "Plum"}


def test_products_are_160000_at_most_in_a_request(site: Site) -> None:
    items = [{"name": str(number)} for number in range(160_001)]
    assert site.post("schema/products", {"attributes": [], "items": items[1:]}).is_success
    assert flaw(site.post("schema/products", {"attributes": [], "items": items})) == (
        400,
        "invalid_parameter",
        "items",
    )


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({"items": []}, "attributes"),
        ({"attributes": []}, "items"),
        ({"attributes": [], "items": [{}]}, "items[0].name"),
    ],
)
def test_a_list_of_products_has_attributes_and_items(site: Site, body: object, location: str) -> None:
    assert flaw(site.post("schema/products", body)) == (400, "missing_parameter", location)


def test_ids_of_products_may_be_read_as_identifiers() -> None:
    items = [{"name": "pear-1"}, {"name": "Laptop TGDD12"}]
    with running(product_ids="identifiers") as site:
        answer = site.post("schema/products", {"attributes": [], "items": items})
        assert flaw(answer) == (400, "invalid_parameter", "items[1].name")
        assert site.counter.schema.products == {}


def test_an_order_may_have_products_of_no_list(site: Site) -> None:
    site.orders(ORDER)
    assert site.counter.orders["704"].values["products"] == {"pear": 10, "apple": 30}
    assert site.counter.schema.products == {}
