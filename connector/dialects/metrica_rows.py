"""Contacts and orders as rows of Metrica: what JSON and CSV share.

Beyond Metrica's own fields that an event has a name for, columns can be named for others (`columns`) and for
custom attributes: both come in the event's parameters.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import UNSET

from connector.core.convert import money
from connector.core.events import Contact, Event, Item, Order
from connector.core.fit import Unfit
from connector.core.model import DELETE, Json
from connector.dialects.metrica_options import MetricaOptions, Status
from connector.dialects.metrica_values import (
    FIRST_YEAR,
    Cell,
    Row,
    changed,
    client_ids,
    client_key,
    encode,
    goals,
    identifiers,
    listed,
    moment,
    uniq_id,
    word,
)

CONTACT_COLUMNS: Final = ("client_ids", "user_ids", "create_date_time")
ORDER_COLUMNS: Final = ("cost", "finish_date_time", "goals", "client_ids", "user_ids")
"""Fields of Metrica that no field of an event is: `destinations.<name>.columns` names their columns. Those of
the client stand in an order for the contact that is made from it."""
_LISTS: Final[Mapping[str, Callable[[Json], Cell]]] = {
    "client_ids": client_ids, "user_ids": listed, "goals": goals,
}  # fmt: skip
_TIMES: Final = frozenset({"create_date_time", "finish_date_time"})
_OF_CLIENT: Final = ("client_ids", "user_ids")


class Rows:
    """Makes rows for one counter. What cannot be a row raises ValueError, in words without values."""

    def __init__(self, options: MetricaOptions) -> None:
        """Raises zoneinfo.ZoneInfoNotFoundError for an unknown time zone (settings check it before)."""
        self._options = options
        self._zone = ZoneInfo(options.time_zone)
        self._sources = {topic: ZoneInfo(zone) for topic, zone in options.topic_zones.items()}
        self._hashed = options.identifiers == "md5"
        self._cancelled = next((s for s in options.statuses.values() if s.type == "CANCELLED"), None)

    def contact(self, event: Event) -> Row:
        """A contact; names are not told where neither part was mapped."""
        contact = event.body
        if not isinstance(contact, Contact):
            raise TypeError(f"{event.kind} is no event of a contact")
        row: Row = {"uniq_id": uniq_id(event.key)}
        if contact.first_name is not UNSET or contact.last_name is not UNSET:
            parts = [text for part in (contact.first_name, contact.last_name) if (text := word(part))]
            row["name"] = " ".join(parts) or None
        if (born := contact.birth_date) is None:
            row["birth_date"] = None
        elif born is not UNSET and born.year >= FIRST_YEAR:  # who was born before keeps the rest
            row["birth_date"] = born.isoformat()
        if updated := changed(event.source_ms, self._zone):
            row["update_date_time"] = updated
        fields = contact.fields or {}
        row |= self._own(CONTACT_COLUMNS, fields, event)
        row |= identifiers(contact, hashed=self._hashed)
        return row | _attributes(self._options.contact_attributes, fields)

    def order(self, event: Event) -> Row:
        """An order, or a simple order. Its create date must be known by now."""
        order = order_in(event)
        if event.op is DELETE:
            raise ValueError("deleted before Metrica ever had it: there is nothing to cancel")
        simple = self._options.orders_via == "simple_orders"
        row: Row = {"id": order.external_order_id}
        if simple:
            row |= identifiers(order, hashed=self._hashed)
            row |= self._own(("client_ids",), order.params or {}, event)
        elif key := client_key(order):
            row |= {"client_uniq_id": uniq_id(key), "client_type": "CONTACT"}
        else:
            raise ValueError("externalCustomerId, email and phone missing: no client can be named")
        status = self.status(event)
        row["order_status"] = status.type if simple else status.id
        if not isinstance(order.date, datetime):
            raise ValueError(  # noqa: TRY004 - of the row, no defect
                "date missing, and the ledger knows no create date of this order"
            )
        row["create_date_time"] = _time("date", order.date, self._zone)
        if not simple and (updated := changed(event.source_ms, self._zone)):
            row["update_date_time"] = updated
        return row | self._content(event, order, simple=simple)

    def status(self, event: Event) -> Status:
        """By the CRM's own word (RULES 6); of a deleted order, the first that means cancelled."""
        order, place = order_in(event), f"destinations.{self._options.name}.statuses"
        if event.op is DELETE or (order.status == "CANCELLED" and order.raw_status is UNSET):
            if self._cancelled is None:
                raise ValueError(f"no status means CANCELLED; add one to {place}, such as deleted: CANCELLED")
            return self._cancelled
        raw = word(order.raw_status) or word(order.status)
        if raw is None:
            raise ValueError("status missing: Metrica requires it")
        found = self._options.statuses.get(raw)
        if found is None:
            raise ValueError(f"the status {_shown(raw)} is not mapped; add `{_shown(raw)}: TYPE` to {place}")
        return found

    def _content(self, event: Event, order: Order, *, simple: bool) -> Row:
        row: Row = {}
        if order.total_cost is not UNSET:
            row["revenue"] = order.total_cost
        if order.currency is not UNSET:
            row["currency"] = _currency(order.currency)
        params = order.params or {}
        row |= self._own(
            ("cost", "goals") if simple else ("cost", "finish_date_time", "goals"), params, event
        )
        if simple:
            return row
        if order.items is not UNSET:
            row["products"] = products(order.items or ())
        return row | _attributes(self._options.order_attributes, params)

    def _own(self, names: tuple[str, ...], given: Mapping[str, Json], event: Event) -> Row:
        at = event.position
        source = self._sources.get(at.topic, UTC) if at else UTC
        return {name: _field(name, given[name], self._zone, source) for name in names if name in given}


def order_in(event: Event) -> Order:
    """The body of an order's event."""
    if not isinstance(event.body, Order):
        raise TypeError(f"{event.kind} is no event of an order")
    return event.body


def products(items: tuple[Item, ...]) -> dict[str, int | Decimal]:
    """Product id → how many of it. Raises ValueError: an item without id or quantity."""
    found: dict[str, int | Decimal] = {}
    for item in items:
        name, quantity = word(item.external_item_id), item.quantity
        if name is None or not isinstance(quantity, int | Decimal):
            raise ValueError("items: externalItemId or quantity missing; Metrica counts products by both")
        found[name] = found.get(name, 0) + quantity
    return found


def client_fields(order: Order) -> dict[str, Json]:
    """What an order tells of its client besides e-mail and phone, as far as Metrica takes it."""
    params = order.params or {}
    return {name: params[name] for name in _OF_CLIENT if name in params and _is_list(name, params[name])}


def _is_list(name: str, value: Json) -> bool:
    try:
        return bool(_LISTS[name](value))
    except ValueError:
        return False


def _field(name: str, value: Json, zone: tzinfo, source: tzinfo) -> Cell:
    if name in _LISTS:
        return _LISTS[name](value)
    if value is None or value == "":
        return None
    if name in _TIMES:
        return _time(name, str(value), zone, source)
    try:
        return money(value)  # type: ignore[arg-type]  # a JSON value is one of a column's
    except Unfit as unfit:
        raise ValueError(f"{name}: the column {unfit.what}") from None


def _time(name: str, value: datetime | str, zone: tzinfo, source: tzinfo = UTC) -> str:
    try:
        return moment(value, zone, source)
    except (ValueError, OverflowError):
        raise ValueError(f"{name}: is no time since {FIRST_YEAR}, and Metrica takes no other") from None


def _attributes(names: tuple[str, ...], given: Mapping[str, Json]) -> Row:
    return {name: _attribute(given[name]) for name in names if name in given}


def _attribute(value: Json) -> Cell:
    if isinstance(value, list):
        return listed(value)
    return value if isinstance(value, str | int | float | None) else encode(value).decode()


def _currency(value: str | None) -> str | None:
    if value is None or (len(value) == 3 and value.isascii() and value.isalpha()):  # noqa: PLR2004 - ISO 4217
        return value and value.upper()
    raise ValueError("currency: is no code of three letters")


def _shown(status: str) -> str:
    """A status is a word of the CRM's; what looks like anybody's data is not shown."""
    plain = len(status) <= 64 and "@" not in status and sum(map(str.isdigit, status)) < 6  # noqa: PLR2004 - a word
    return status if plain else "(withheld)"
