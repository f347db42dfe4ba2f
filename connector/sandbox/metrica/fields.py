"""The kinds of values: how each is written in JSON and in a CSV cell, and what it is once read.

Read: text as it is, numbers as Decimal, dates as YYYY-MM-DD, times as YYYY-MM-DD HH:MM:SS, lists as tuples,
products as a map of quantities, goals as a map of prices (None without one).
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

_SHAPES = {
    "email": re.compile(r"[!-?\[-~]+@[!-?\[-~]+\.[!-?\[-~]+"),
    "phone": re.compile(r"\d{7,15}"),
    "md5": re.compile(r"[0-9a-f]{32}"),
    "client_id": re.compile(r"\d{1,20}"),
    "currency": re.compile(r"[A-Z]{3}"),
}
_SAYS = {
    "email": "an e-mail address in lower case",
    "phone": "a phone number of digits alone, with the country code",
    "md5": "an md5 hash in lower case",
    "client_id": "a ClientID of digits",
    "currency": "a currency of three letters",
    "number": "a number",
    "date": "a date",
    "datetime": "a date and time",
    "text": "a text",
}
_JSON_TIMES = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
}
_CSV_TIME = re.compile(r"(?:(\d{4})-(\d\d)-(\d\d)|(\d\d)\.(\d\d)\.(\d{4}|\d\d))(?: (\d\d:\d\d)(:\d\d)?)?")
_FIRST_YEAR = 1970
_YEAR = len("1970")


class Wrong(ValueError):
    """A value that cannot be read as its field's kind."""


class Flaw(Exception):
    """A row that cannot be taken, and why. location: the field."""

    def __init__(self, location: str, message: str) -> None:
        super().__init__(message)
        self.location = location

    def at(self, place: str) -> "Flaw":
        """The same, of a row."""
        return Flaw(f"{place}.{self.location}" if self.location else place, str(self))


class Field(Struct, frozen=True):
    """kind: text | number | date | datetime | email | phone | md5 | client_id | currency | products | goals.

    many: a list of them. since: dates before this year are not supported.
    """

    kind: str
    many: bool = False
    since: int = _FIRST_YEAR


def read_json(field: Field, value: Any) -> Any:
    """A value of a JSON row; null stays None. Raises Wrong."""
    if value is None:
        return None
    if compound := _JSON_COMPOUND.get(field.kind):
        return compound(value)
    if not field.many:
        return _json_scalar(field, value)
    if not isinstance(value, list):
        raise Wrong("must be a list")
    return tuple(_json_scalar(field, each) for each in value)


def read_cell(field: Field, text: str) -> Any:
    """A CSV cell that is not empty; a list has commas between its elements. Raises Wrong."""
    if compound := _CELL_COMPOUND.get(field.kind):
        return compound(text)
    if field.many:
        return tuple(_cell_scalar(field, each.strip()) for each in text.split(","))
    return _cell_scalar(field, text)


def _json_scalar(field: Field, value: Any) -> Any:
    if field.kind == "number":
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise Wrong(_must(field))
        return Decimal(value)
    if field.kind == "client_id" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Wrong(_must(field))
    if shape := _JSON_TIMES.get(field.kind):
        if not shape.fullmatch(value):
            raise Wrong(_must(field))
        return _time(field, value)
    return _text(field, value)


def _cell_scalar(field: Field, text: str) -> Any:
    if field.kind == "number":
        return _number(text)
    return _cell_time(field, text) if field.kind in _JSON_TIMES else _text(field, text)


def _cell_time(field: Field, text: str) -> str:
    """A bare date is the beginning of its day; a year of two digits is of this century."""
    if not (found := _CSV_TIME.fullmatch(text)):
        raise Wrong(_must(field))
    year, month, day, day2, month2, year2, clock, seconds = found.groups(default="")
    if clock and field.kind == "date":
        raise Wrong(_must(field))
    if not year:
        year, month, day = year2 if len(year2) == _YEAR else f"20{year2}", month2, day2
    return _time(field, f"{year}-{month}-{day} {clock or '00:00'}{seconds or ':00'}")


def _text(field: Field, text: str) -> str:
    shape = _SHAPES.get(field.kind)
    if shape and not shape.fullmatch(text):
        raise Wrong(_must(field))
    return text


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Wrong(f"must be {_SAYS['number']}") from None
    if not number.is_finite():
        raise Wrong(f"must be {_SAYS['number']}")
    return number


def _time(field: Field, text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong(_must(field)) from None
    if time.year < field.since:
        raise Wrong("dates before 1970 are not supported")
    return time.strftime("%Y-%m-%d" if field.kind == "date" else "%Y-%m-%d %H:%M:%S")


def _must(field: Field) -> str:
    return f"must be {_SAYS[field.kind]}"


# --- Products and goals ---------------------------------------------------------------------------


def _json_products(value: Any) -> Mapping[str, Decimal]:
    if not isinstance(value, dict):
        raise Wrong("must be an object of quantities by product")
    return {_named(name): _quantity(amount) for name, amount in value.items()}


def _json_goals(value: Any) -> Mapping[str, Decimal | None]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Wrong("must be a list of objects with goal_action_id and price")
    price = Field("number")
    return {_named(each.get("goal_action_id")): read_json(price, each.get("price")) for each in value}


def _cell_products(text: str) -> Mapping[str, Decimal]:
    """`pear:10,apple:30`: first the product, after it its quantity."""
    pairs = [each.strip().rpartition(":") for each in text.split(",")]
    return {_named(name): _quantity(_number(amount)) for name, _, amount in pairs}


def _cell_goals(text: str) -> Mapping[str, Decimal | None]:
    """`paid:200,visited`: a goal, and its price where it has one."""
    pairs = [each.strip().partition(":") for each in text.split(",")]
    return {_named(name): _number(price) if colon else None for name, colon, price in pairs}


def _named(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise Wrong("has an element without a name")
    return name


def _quantity(amount: Any) -> Decimal:
    if isinstance(amount, bool) or not isinstance(amount, (int, Decimal)) or amount < 0:
        raise Wrong("has a quantity that is not a number")
    return Decimal(amount)


_JSON_COMPOUND: dict[str, Callable[[Any], Any]] = {"products": _json_products, "goals": _json_goals}
_CELL_COMPOUND: dict[str, Callable[[str], Any]] = {"products": _cell_products, "goals": _cell_goals}
