"""Mistakes of a mapping are found in the configuration, and against a schema, without any record."""

# ruff: noqa: E501  # a table reads best with one mistake a line

from typing import Any, Literal

import pytest

from connector.core.targets import problems, required
from tests.support.mapping import rules


@pytest.mark.parametrize(
    ("entity", "settings", "line"),
    [
        ("order", {"fields": {"totlCost": "x"}}, "fields.totlCost: no such field of an order; did you mean totalCost?"),
        ("order", {"fields": {"zzz": "x"}}, "fields.zzz: no such field of an order; extra parameters go into params"),
        ("order", {"fields": {"rawStatus": "x"}}, "fields.rawStatus: no such field of an order; did you mean status?"),
        ("contact", {"values": {"frstName": {}}}, "values.frstName: no such field of a contact; did you mean firstName?"),
        ("contact", {"fields": {"items.name": "x"}}, "fields.items.name: no such field of a contact; extra parameters go into params"),
        ("order", {"defaults": {"curency": 1}}, "defaults.curency: no such field of an order; did you mean currency?"),
        ("order", {"params": {"TOTALCOST": "x"}}, "params.TOTALCOST: the name is taken by totalCost; choose another"),
        ("order", {"params": {"city": "x", "City": "y"}}, "params.City: the name is taken by city; choose another"),
        ("order", {"time_zone": "Europe/Kyev"}, "time_zone: no time zone Europe/Kyev; use an IANA name such as Europe/Kyiv"),
        ("order", {"time_zone": "../etc/passwd"}, "time_zone: no time zone ../etc/passwd; use an IANA name such as Europe/Kyiv"),
        ("order", {"defaults": {"totalCost": "a lot"}}, "defaults.totalCost: the value does not have the field's type"),
        ("order", {"defaults": {"items.cost": "a lot"}}, "defaults.items.cost: the value does not have the field's type"),
        ("order", {"defaults": {"email": "a@b.example"}}, "defaults.email: one value cannot stand for everybody's; remove it"),
        ("order", {"on_delete": "erase"}, "on_delete: erase has no meaning for entity order; use cancel"),
        ("contact", {"on_delete": "cancel"}, "on_delete: cancel has no meaning for entity contact; use unsubscribe or erase"),
        ("event", {"on_delete": "cancel"}, "on_delete: cancel has no meaning for entity event; use ignore or dead-letter"),
        ("event", {"version": "rev"}, "version: an event happens once and has none; remove the line"),
        ("event", {"params": {"Email": "x"}}, "params.Email: the name is taken by email; choose another"),
        ("event", {"fields": {"totalCost": "x"}}, "fields.totalCost: no such field of an event; extra parameters go into params"),
        ("event", {"defaults": {"eventId": "x"}}, "defaults.eventId: one value cannot stand for everybody's; remove it"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_place_and_remedy(
    entity: Literal["order", "contact", "event"], settings: dict[str, Any], line: str
) -> None:
    assert problems(rules(entity, **settings)) == [line]


def test_all_mistakes_are_told_together() -> None:
    assert len(problems(rules(fields={"a": "x"}, params={"status": "y"}, time_zone="Nowhere"))) == 3


def test_a_right_mapping_has_no_problems() -> None:
    settings = rules(
        fields={"totalCost": "a.b", "items.name": "title", "items.color": "c"},
        values={"status": {}, "city": {}, "items.color": {}},
        defaults={"items.imageUrl": "https://shop.example/none.png", "city": "Київ", "totalCost": 0},
        params={"city": "x"},
        time_zone="Europe/Kyiv",
        on_delete="cancel",
    )
    assert problems(settings) == []


def test_a_schema_is_compared_with_a_mapping_without_records() -> None:
    settings = rules(
        fields={"totalCost": "sum.a", "items.name": "t", "source": ""}, params={"city": "town"}, version="rev"
    )
    assert required(settings, {"id"}) == [
        "fields.totalCost: the schema has no column sum",
        "params.city: the schema has no column town",
        "version: the schema has no column rev",
        "fields.externalOrderId: the schema has no column externalOrderId or external_order_id; name the column",
        "fields.items.name: the schema has no column items; name it in fields.items",
    ]
    assert required(settings, {"external_order_id", "sum", "town", "rev", "items"}) == []


def test_an_event_needs_a_type_and_no_id() -> None:
    lacking = "fields.eventType: the schema has no column eventType or event_type; set event_type, or name its column"
    assert required(rules("event"), {"id"}) == [lacking]
    assert required(rules("event", fields={"eventType": ""}, defaults={"eventType": "x"}), {"id"}) == []
    assert required(rules("event"), {"event_type"}) == []
    assert problems(rules("event", params={"eventId": "id", "status": "s"}, fields={"occurred": "at"})) == []


def test_a_configured_key_is_reported_once() -> None:
    assert required(rules(fields={"externalOrderId": "no"}), {"id"}) == [
        "fields.externalOrderId: the schema has no column no"
    ]
