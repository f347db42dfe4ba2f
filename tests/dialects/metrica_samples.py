"""Orders and contacts as map makes them, and a Metrica to ask."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes
from email.message import Message
from typing import Any

from msgspec.structs import replace

from connector.core.events import Contact, Event, Item, Order
from connector.core.model import Kind, Op, Position
from connector.core.talk import Request, Response, Sending
from connector.dialects.metrica import Metrica
from connector.dialects.metrica_options import MetricaOptions, Status
from tests.support.script import status

STATUSES = {
    "new": Status("new", "IN_PROGRESS"),
    "В работе": Status("working", "IN_PROGRESS", "В работе"),
    "success": Status("success", "PAID"),
    "annulled": Status("annulled", "CANCELLED"),
}
ORDER = Order(
    "704",
    status="INITIALIZED",
    raw_status="new",
    date=datetime(2022, 9, 21, 6, 48, 23, tzinfo=UTC),
    total_cost=Decimal(5000),
    currency="RUB",
    external_customer_id="J3QQ4",
    email="Mail@Yandex.ru",
    items=(
        Item(external_item_id="pear", name="Pear", quantity=10),
        Item(external_item_id="apple", name="Apple", quantity=30),
    ),
    params={"cost": 4000},
)
CONTACT = Contact(
    external_customer_id="J3QQ4",
    email=" Mail@Yandex.ru ",
    phone="79995551111",
    first_name="Иван",
    last_name="Петров",
    birth_date=date(1990, 1, 31),
)
CHANGED = int(datetime(2022, 10, 15, 7, 48, 34, tzinfo=UTC).timestamp() * 1000)


def metrica(**options: Any) -> Metrica:
    """A counter in Moscow, products left alone unless asked for."""
    given = {
        "statuses": STATUSES,
        "time_zone": "Europe/Moscow",
        "products": "off",
        "upload": "json",
    } | options
    return Metrica(MetricaOptions(counter_id=7, **given))


def order_event(op: Op = Op.UPDATE, /, *, snapshot: bool = False, **changes: Any) -> Event:
    """An order's event; changes are fields of the order."""
    body = replace(ORDER, **changes)
    at = Position("orders", 0, 1)
    return Event(
        "order", Kind.ORDER_UPDATED, body.external_order_id, body, b"d", b"c", None, at, op,
        snapshot=snapshot, source_ms=CHANGED,
    )  # fmt: skip


def contact_event(kind: Kind = Kind.CONTACT_UPSERTED, /, **changes: Any) -> Event:
    """A contact's event."""
    body = replace(CONTACT, **changes)
    key = str(body.external_customer_id or f"email:{body.email}")
    return Event("contact", kind, key, body, b"d", b"", None, Position("contacts", 0, 1), source_ms=CHANGED)


def orders(count: int, **changes: Any) -> list[Sending]:
    """Orders with ids of their own."""
    return [Sending(order_event(external_order_id=f"o{n}", **changes)) for n in range(count)]


def passed(count: int) -> Response:
    """The answer to an upload that was taken."""
    return verdict("PASSED", count)


def verdict(word: str, count: int | None) -> Response:
    """The answer to an upload."""
    return status(200, {"uploading": {"api_validation_status": word, "elements_count": count}})


def refused(code: int, error_type: str, headers: dict[str, str] | None = None) -> Response:
    """An answer with one error."""
    errors = [{"error_type": error_type, "message": "mail@yandex.ru", "location": ""}]
    return status(code, {"errors": errors, "code": code, "message": "mail@yandex.ru"}, headers)


def table(request: Request, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of an uploaded file, read as a server reads them."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + (request.body or b"")).get_payload()
    assert isinstance(parts, list)
    [part] = parts
    assert isinstance(part, Message)
    assert part.get_param("name", header="content-disposition") == "file"
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))
