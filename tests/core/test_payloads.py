"""Bodies of requests, field by field: compared, and shown without what tells something of a person."""

from decimal import Decimal

import pytest

from connector.adapters.masking_payload import PayloadMasker
from connector.core.payloads import Difference, differences, fields
from connector.dialects.metrica_csv import multipart

PARAMS = b'[{"name":"totalCost","value":"12.50"},{"name":"city","value":"X"}]'
EVENT = b'{"eventTypeKey":"orderCreated","params":' + PARAMS + b"}"
CSV, _ = multipart("orders", [{"id": "1", "client_uniq_id": "C1", "revenue": Decimal("12.5")}], "COMMA")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (EVENT, {"eventTypeKey": "orderCreated", "params.totalCost": "12.50", "params.city": "X"}),
        (b'{"events":[{"a":1,"b":[true,null]}]}', {"a": 1, "b[0]": True, "b[1]": None}),
        (b'{"items":"[{\\"cost\\":5}]"}', {"items[0].cost": 5}),
        (b'{"note":"[not JSON"}', {"note": "[not JSON"}),
        (CSV, {"id": "1", "client_uniq_id": "C1", "revenue": "12.5"}),
        (b"\xff", {"": "1 bytes"}),
    ],
)
def test_a_body_is_told_by_field(body: bytes, told: dict[str, object]) -> None:
    assert fields(body) == told


def test_two_bodies_differ_in_what_changed_came_or_went() -> None:
    assert differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 9, "d": 4}) == [
        Difference("b", 2, 9), Difference("c", 3, None), Difference("d", None, 4),
    ]  # fmt: skip


def test_what_is_not_known_to_be_harmless_is_masked() -> None:
    mask = PayloadMasker(reveal=False)
    assert mask.body(EVENT) == {
        "eventTypeKey": "orderCreated",
        "params": [{"name": "totalCost", "value": "12.50"}, {"name": "city", "value": "***"}],
    }
    assert mask.body(CSV) == [{"id": "1", "client_uniq_id": "***", "revenue": "12.5"}]
    assert mask.body(b'{"externalOrderId":"a@mail.example","phone":380501234567}') == {
        "externalOrderId": "***", "phone": "***",
    }  # fmt: skip
    assert mask.path("/v1/contact?email=a%40mail.example") == "/v1/contact?email=***"
    assert mask.field("items[0].cost", "5.00") == "5.00"


def test_what_is_asked_for_is_shown() -> None:
    mask = PayloadMasker(reveal=True)
    assert mask.body(b'{"email":"a@mail.example"}') == {"email": "a@mail.example"}
    assert (mask.key("a@mail.example"), mask.field("email", "x")) == ("a@mail.example", "x")
