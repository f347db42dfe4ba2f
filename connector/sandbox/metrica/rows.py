"""The rows of an upload: the fields of each entity, what is required of them, and how a row is read."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from connector.sandbox.metrica.fields import Field, Flaw, Reader, Wrong

TEXT, NUMBER, TIME = Field("text"), Field("number"), Field("datetime")
IDENTIFIERS = {
    "client_ids": Field("client_id", many=True),
    "emails": Field("email", many=True),
    "phones": Field("phone", many=True),
    "emails_md5": Field("md5", many=True),
    "phones_md5": Field("md5", many=True),
}
_TIMES = {"create_date_time": TIME, "update_date_time": TIME}
_MONEY = {"revenue": NUMBER, "cost": NUMBER, "currency": Field("currency"), "goals": Field("goals")}

_ATTRIBUTES = "attribute_values"

Column = tuple[str, Reader]
Name = Literal["contact", "order", "simple_order"]


class Entity(Struct, frozen=True):
    """What can be uploaded. key: the field that names it; required: each; one_of: any of them."""

    name: Name
    key: str
    fields: Mapping[str, Field]
    required: tuple[str, ...]
    one_of: Collection[str] = ()


CONTACT = Entity(
    "contact",
    "uniq_id",
    {
        **dict.fromkeys(("uniq_id", "name", "company_uniq_id", "user_comment"), TEXT),
        "birth_date": Field("date"),
        **_TIMES,
        **IDENTIFIERS,
        "user_ids": Field("text", many=True),
    },
    required=("uniq_id",),
    one_of=(*IDENTIFIERS, "user_ids"),
)
ORDER = Entity(
    "order",
    "id",
    {
        **dict.fromkeys(("id", "client_uniq_id", "client_type", "order_status"), TEXT),
        **_TIMES,
        "finish_date_time": TIME,
        **_MONEY,
        "products": Field("products"),
    },
    required=("id", "client_uniq_id", "client_type", "create_date_time", "order_status"),
)
SIMPLE_ORDER = Entity(
    "simple_order",
    "id",
    {**dict.fromkeys(("id", "client_uniq_id", "order_status"), TEXT), **_TIMES, **IDENTIFIERS, **_MONEY},
    required=("create_date_time",),
    one_of=tuple(IDENTIFIERS),
)


class Row(Struct, frozen=True):
    """A row as it was sent: only what it names; None = null. id: empty for a simple order without one."""

    id: str
    values: Mapping[str, Any]


def from_json(entity: Entity, readers: Mapping[str, Reader], raw: Any, *, strict: bool) -> Row:
    """Read an object. readers: by field. strict: a name that is no field is a flaw. Raises Flaw."""
    if not isinstance(raw, dict):
        raise Flaw("", "must be an object")
    values: dict[str, Any] = {}
    name = ""
    try:
        for name, value in raw.items():
            if name in readers:
                values[name] = None if value is None else readers[name](value)
            elif strict or name == _ATTRIBUTES:
                _refuse(name, value)
    except Wrong as error:
        raise Flaw(name, str(error)) from None
    return _checked(entity, values)


def from_cells(entity: Entity, columns: Sequence[Column | None], cells: Sequence[str], *, nulls: bool) -> Row:
    """Read a CSV row; a column without a field is passed over. nulls: an empty cell is null. Raises Flaw."""
    if len(cells) != len(columns):
        raise Flaw("", f"has {len(cells)} cells, and the header {len(columns)}")
    values: dict[str, Any] = {}
    name = ""
    try:
        for column, cell in zip(columns, cells, strict=True):
            if column is None:
                continue
            name, read = column
            if cell:
                values[name] = read(cell)
            elif nulls:
                values[name] = None
    except Wrong as error:
        raise Flaw(name, str(error)) from None
    return _checked(entity, values)


def _refuse(name: str, value: Any) -> None:
    """The shape of attribute_values is not documented: attributes travel in the columns of a CSV file."""
    if name != _ATTRIBUTES:
        raise Wrong("is no field")
    if value not in (None, []):
        raise Wrong("the shape is not documented; send attributes as columns of a CSV file")


def _checked(entity: Entity, values: dict[str, Any]) -> Row:
    for name in entity.required:
        if values.get(name) in (None, ""):
            raise Flaw(name, "is required")
    if entity.one_of and not any(values.get(name) for name in entity.one_of):
        raise Flaw("", f"one of {', '.join(entity.one_of)} is required")
    if "client_type" in values and values["client_type"] != "CONTACT":
        raise Flaw("client_type", "must be CONTACT")
    return Row(values.get(entity.key) or "", values)
