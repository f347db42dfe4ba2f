"""A shop whose orders and contacts go to the sandbox Metrica, by a user's configuration."""

from collections.abc import Mapping
from typing import Any

from connector.settings import Settings
from tests.support.pipeline import Pipeline

ORDER = {
    "external_order_id": "string", "status": ["null", "string"], "total_cost": ["null", "string"],
    "currency": ["null", "string"], "date": ["null", "string"], "external_customer_id": ["null", "string"],
    "email": ["null", "string"], "purchase_price": ["null", "string"], "items": ["null", "string"],
    "ym_id": ["null", "string"], "tags": ["null", "string"],
}  # fmt: skip
CONTACT = {
    "external_customer_id": "string", "email": ["null", "string"], "phone": ["null", "string"],
    "first_name": ["null", "string"], "birth_date": ["null", "string"], "ym_ids": ["null", "string"],
    "shoe_size": ["null", "string"], "created": ["null", "string"],
}  # fmt: skip
STATUSES = {"new": "IN_PROGRESS", "success": "PAID", "annulled": "CANCELLED", "junk": "SPAM"}
COLUMNS = {
    "contact": {"client_ids": "ym_ids", "create_date_time": "created"},
    "order": {"cost": "purchase_price", "client_ids": "ym_id"},
}
ITEMS = '[{"externalItemId": "pear", "name": "Pear", "quantity": 10, "cost": 1}]'


class Shop:
    """Two tables and a counter. order, contact: more columns, each with the field of Metrica that it is."""

    def __init__(
        self, line: Pipeline, *, order: Mapping[str, str] = {}, contact: Mapping[str, str] = {}
    ) -> None:
        self.line, self.counter = line, line.counter
        self._more = {"order": order, "contact": contact}
        self.orders = line.table("orders", **ORDER, **{name: ["null", "string"] for name in order})
        self.contacts = line.table("contacts", **CONTACT, **{name: ["null", "string"] for name in contact})
        mapped = [{"id": word, "type": kind} for word, kind in STATUSES.items()]
        self.counter.schema.map_statuses({"order_statuses": mapped})

    def settings(self, *, on_delete: str = "ignore", **metrica: Any) -> Settings:
        topics = [
            {"name": self.orders.topic, "entity": "order", "on_delete": on_delete, "totals": "off"},
            {"name": self.contacts.topic, "entity": "contact"},
        ]
        more = {name: {field: column for column, field in own.items()} for name, own in self._more.items()}
        columns = {name: own | more[name] for name, own in COLUMNS.items()}
        options = {"statuses": STATUSES, "columns": columns, **metrica}
        return self.line.settings(topics, metrica=options)

    def run(self, *, replay: bool = False, **options: Any) -> dict[str, int]:
        return self.line.run(self.settings(**options), replay=replay, only="metrica")

    def order(self, number: str, op: str = "c", *, lsn: int | None = None, **columns: Any) -> None:
        row = dict.fromkeys([*ORDER, *self._more["order"]]) | {
            "id": number, "external_order_id": number, "status": "new", "total_cost": "5000",
            "currency": "RUB", "date": "2022-09-21T06:48:23Z", "external_customer_id": "J3QQ4",
            "email": "Mail@Yandex.ru",
        }  # fmt: skip
        self.orders.write(op, row | columns, lsn=lsn)

    def contact(
        self, number: str = "J3QQ4", op: str = "c", *, lsn: int | None = None, **columns: Any
    ) -> None:
        row = dict.fromkeys([*CONTACT, *self._more["contact"]]) | {
            "id": number, "external_customer_id": number, "email": "Mail@Yandex.ru", "phone": "+79995551111",
        }  # fmt: skip
        self.contacts.write(op, row | columns, lsn=lsn)

    def kept(self, order: str) -> dict[str, Any]:
        return dict(self.counter.orders[order].values)

    def client(self, contact: str = "J3QQ4") -> dict[str, Any]:
        return dict(self.counter.contacts[contact].values)

    def uploads(self) -> list[str]:
        return [upload.entity for upload in self.counter.uploads if upload.flaw is None]

    def formats(self) -> set[str]:
        return {upload.uploading.uploading_format for upload in self.counter.uploads}
