"""Typed, frozen, destination-neutral events (msgspec structs), and what they are made of.

A field that is UNSET was not mapped or not available: it is not sent. None is the source's null.
Names follow the vendor-neutral business terms; `rename="camel"` gives the names of the configuration.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import final

from msgspec import UNSET, Struct, UnsetType

from connector.core.model import Entity, Json, Kind, Op, Position, Version

Text = str | UnsetType | None
Money = Decimal | UnsetType | None


class Item(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """One line of an order. `extra` keeps what has no name here."""

    external_item_id: Text = UNSET
    name: Text = UNSET
    category: Text = UNSET
    quantity: Decimal | int | UnsetType | None = UNSET
    cost: Money = UNSET
    url: Text = UNSET
    image_url: Text = UNSET
    description: Text = UNSET
    extra: dict[str, Json] | UnsetType = UNSET


@final
class Order(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The state of an order. `date` is aware; `raw_status` is the source's word beside the mapped one.

    occurred: when it happened, for history; without it, that is `date`.
    """

    external_order_id: str
    status: Text = UNSET
    raw_status: Text = UNSET
    date: datetime | UnsetType | None = UNSET
    occurred: datetime | UnsetType | None = UNSET
    total_cost: Money = UNSET
    currency: Text = UNSET
    external_customer_id: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    items: tuple[Item, ...] | UnsetType | None = UNSET
    shipping: Money = UNSET
    discount: Money = UNSET
    taxes: Money = UNSET
    restore_url: Text = UNSET
    status_description: Text = UNSET
    store_id: Text = UNSET
    delivery_method: Text = UNSET
    payment_method: Text = UNSET
    delivery_address: Text = UNSET
    source: Text = UNSET
    additional_info: Json | UnsetType = UNSET
    params: dict[str, Json] | UnsetType = UNSET


@final
class Contact(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """The state of a contact. `fields` are the account's custom fields by id."""

    external_customer_id: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    region: Text = UNSET
    town: Text = UNSET
    address: Text = UNSET
    postcode: Text = UNSET
    language_code: Text = UNSET
    time_zone: Text = UNSET
    birth_date: date | UnsetType | None = UNSET
    fields: dict[str, Json] | UnsetType = UNSET


@final
class Fact(Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """A custom event: what happened once, under a type of the account's own. `occurred` is aware."""

    event_id: Text = UNSET
    event_type: Text = UNSET
    occurred: datetime | UnsetType | None = UNSET
    external_customer_id: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    params: dict[str, Json] | UnsetType = UNSET


Body = Order | Contact | Fact


@final
class Event(Struct, frozen=True, gc=False):
    """One change of one entity, or one fact, ready to be claimed.

    key: the business key (externalOrderId, externalCustomerId), of a fact see `facts`. digest: 16 bytes over
    the whole content; core_digest: the same without status and date (b"" where either has no meaning).
    version: None for a fact, and for a contact made from an order's own fields. position: None for an event
    that no record asked for (the latter). size: bytes of the record.
    row_key: "<clock>/<table>/<primary key>", kept in the ledger when deletes are not ignored (RULES 8).
    """

    entity: Entity
    kind: Kind
    key: str
    body: Body
    digest: bytes
    core_digest: bytes
    version: Version | None
    position: Position | None
    op: Op = Op.UPDATE
    snapshot: bool = False
    size: int = 0
    row_key: str | None = None
    source_ms: int = -1


class Requirement(Struct, frozen=True, gc=False):
    """The contact that must be accepted before an order, or a fact, is sent (RULES 5).

    key: the contact's key. alias: the normalised locator value that the destination will use, as
    "email:…" or "phone:…" (None: it uses the key itself). The ledger stores only a keyed hash of an alias.
    fresh: also a known one is to be accepted once more before this order. by_id: it is the key by which the
    destination will look, and the alias tells no more than whose address the order comes with.
    Of a contact's own change, the key is "": it asks who has its address.
    """

    key: str
    alias: str | None
    fresh: bool = False
    by_id: bool = False
