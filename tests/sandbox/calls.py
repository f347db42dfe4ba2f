"""The account under test without a socket, and bodies as the vendor's examples have them."""

import base64
from typing import Any

import msgspec

from connector.sandbox.answers import Answer
from connector.sandbox.clock import MovableClock
from connector.sandbox.crm import Crm
from connector.sandbox.options import Options
from connector.sandbox.yespo import Call, Yespo

ITEM = {
    "externalItemId": "200600",
    "name": "Super Device",
    "category": "devices",
    "quantity": 1,
    "cost": 990,
    "url": "http://shop.example/item/200600",
    "imageUrl": "http://shop.example/item/200600/image.png",
    "description": "High quality",
}
ORDER = {
    "email": "ann@mail.example",
    "externalOrderId": "12345679",
    "totalCost": "990.0",
    "status": "INITIALIZED",
    "date": "2020-05-14T10:11:00",
    "currency": "UAH",
    "items": [ITEM],
}
ANN = {
    "externalCustomerId": "C1",
    "firstName": "Ann",
    "lastName": "Petrenko",
    "channels": [
        {"type": "email", "value": "ann@mail.example"},
        {"type": "sms", "value": "380501234567"},
    ],
    "address": {"town": "Kyiv", "postcode": "01001"},
    "fields": [{"id": 7, "value": "gold"}],
}
NOON = 1_700_000_000.0


def basic(key: str, user: str = "") -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{key}".encode())


def pairs(params: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in params.items()]


def event(kind: str = "orderCreated", **params: Any) -> dict[str, Any]:
    """An order event of Ann's order; a parameter set to ... is left out."""
    merged = {name: value for name, value in {**ORDER, **params}.items() if value is not ...}
    return {"eventTypeKey": kind, "keyValue": "380501234567", "params": pairs(merged)}


class Account:
    """Yespo before one account, with Ann in it unless told otherwise; its clock stands still."""

    def __init__(self, *, ann: bool = True, **options: Any) -> None:
        self.clock = MovableClock(NOON)
        self.crm = Crm(Options(**{"import_seconds": 0, "conflict_seconds": 0, **options}), self.clock)
        self.yespo = Yespo(self.crm)
        if ann:
            assert self.post("/v1/contact", ANN).status == 200

    def call(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        key: bytes | None = None,
        kind: bytes = b"application/json",
        query: bytes = b"",
    ) -> Answer:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        secret = basic(self.crm.options.api_key) if key is None else key
        headers = [(b"authorization", secret), (b"content-type", kind)]
        return self.yespo.handle(Call(method, path, query, headers, raw))[1]

    def post(self, path: str, body: Any) -> Answer:
        return self.call("POST", path, body)

    def json(self, method: str, path: str, body: Any = b"") -> Any:
        answer = self.call(method, path, body)
        assert answer.status == 200, answer.body
        return msgspec.json.decode(answer.body)

    def send(self, body: Any) -> int:
        return self.post("/v2/event", body).status

    def reasons(self) -> list[str]:
        return [each.reason for each in self.crm.ignored]
