"""Which changes of a stretch are replayed: by their entity's key, by columns of their row. Pure."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from msgspec import UNSET, Struct

from connector.core.change import Change, Value
from connector.core.events import Event
from connector.core.fit import Unfit
from connector.core.model import Missing, Skip
from connector.core.paths import locate, reader

NOT_SELECTED = Skip("not_selected")
NULL = "null"


class Where(Struct, frozen=True):
    """A column, by its path as in `topics[].fields`, and the value that it has to have; `null`: none."""

    path: str
    value: str


class Selection(Struct, frozen=True):
    """All of `where`, and one of `keys` (none given: any)."""

    keys: frozenset[str] = frozenset()
    where: tuple[Where, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return bool(self.keys or self.where)


def parse_where(text: str) -> Where:
    """`field=value`. Raises ValueError with the remedy."""
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ValueError("is not field=value; write it as --where status=paid, or status=null for none")
    return Where(path.strip(), value)


def holds(change: Change, where: Sequence[Where]) -> bool:
    """Whether a row has these values; a column that it has not, or that was not read, has none of any."""
    return all(_has(change, one) for one in where)


def chosen(event: Event, keys: frozenset[str], find_key: Callable[[str], str | None]) -> bool:
    """Whether it is of one of these entities. find_key: row key → key, for deletes without one (RULES 8)."""
    if not keys:
        return True
    return (event.key or find_key(event.row_key or "")) in keys


def _has(change: Change, where: Where) -> bool:
    found = locate(where.path, change.shape.columns)
    if found is None or found[0] not in change.row:
        return False
    name, segments = found
    read = reader(change.shape.columns[name], segments, default_is_null=False)
    try:
        value = read(change.row[name])
    except Unfit:
        return False
    return False if value is UNSET or isinstance(value, Missing) else _is(value, where.value)


def _is(value: Value, text: str) -> bool:
    """A text as it stands, a number by its value, a time by the moment that it is."""
    if value is None or isinstance(value, bool):
        return text == (NULL if value is None else str(value).lower())
    if isinstance(value, int | float | Decimal):
        return _is_number(value, text)
    if isinstance(value, datetime):
        return _is_moment(value, text)
    if isinstance(value, date | time):
        return text == value.isoformat()
    return isinstance(value, str) and text == value


def _is_number(value: float | Decimal, text: str) -> bool:
    try:
        return Decimal(text) == Decimal(str(value))
    except InvalidOperation:
        return False


def _is_moment(value: datetime, text: str) -> bool:
    try:
        other = datetime.fromisoformat(text)
    except ValueError:
        return False
    return (other.tzinfo is None) == (value.tzinfo is None) and other == value
