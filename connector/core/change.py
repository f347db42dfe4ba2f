"""A decoded change: the row as its writer wrote it, and how to read its columns.

Columns are converted only when somebody asks (map asks for the mapped ones), by a reader made once per
writer schema: the row stays raw, the shape is shared by all records of that schema.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, final

from msgspec import Struct

from connector.core.events import Body
from connector.core.model import Missing, Op, Origin

Value = (
    None | bool | int | float | str | bytes | Decimal | date | datetime | time | timedelta
    | list["Value"] | dict[str, "Value"] | Missing
)  # fmt: skip
"""What a column can hold. An aware datetime is an instant; a naive one is a column without zone."""


class Form(Struct, frozen=True):
    """What is known of a column's raw values beforehand: allows short cuts, changes no meaning.

    plain: a raw value of exactly this type is its own Value (a text unless it is the placeholder).
    scale: raw bytes are the digits of a decimal. unit: a raw int counts so much since the epoch, an instant.
    items: an array of records, which have these columns. A raw None is null in every form.
    """

    plain: type | None = None
    scale: int | None = None
    unit: timedelta | None = None
    items: Mapping[str, "Column"] | None = None


UNKNOWN: Final = Form()


class Column(Struct, frozen=True):
    """One column of a writer schema.

    read: raw Avro value → Value, exactly (never raises: UNREPRESENTABLE where no value fits).
    default: the column's own default as a Value (Debezium turns NULL into it), UNAVAILABLE = has none.
    json: the text is JSON (io.debezium.data.Json): map may look inside.
    """

    name: str
    read: Callable[[object], Value]
    nullable: bool = True
    default: Value = Missing.UNAVAILABLE
    json: bool = False
    form: Form = UNKNOWN


class Shape(Struct, frozen=True, eq=False):
    """The columns of one writer schema, one object per (topic, schema id): map caches by identity."""

    columns: Mapping[str, Column]


@final
class Change(Struct, frozen=True, gc=False):
    """One change of one row.

    row: raw values by column name; of a delete only what may be used (the key columns, or the whole row
    under REPLICA IDENTITY FULL), so that no phantom value can be mapped. key: the primary key, converted
    (None: the table has none). body: what the topic's mapping makes of the row, where it was read straight
    into that (`fused`): then the row is empty, and the key None unless the mapping uses it.
    """

    op: Op
    row: Mapping[str, object]
    shape: Shape
    origin: Origin
    key: Mapping[str, Value] | None = None
    body: Body | None = None

    def values(self) -> dict[str, Value]:
        """Every column, converted: for tests and for people."""
        columns = self.shape.columns
        return {name: columns[name].read(raw) for name, raw in self.row.items()}
