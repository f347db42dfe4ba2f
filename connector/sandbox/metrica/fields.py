"""The kinds of values: how each is written in JSON and in a CSV cell, and what it is once read.

Read: text as it is, numbers as Decimal, dates as YYYY-MM-DD, times as YYYY-MM-DD HH:MM:SS, lists as tuples,
products as a map of quantities, goals as a map of prices (None without one).
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

_SHAPES = {
    "email": re.compile(r"[!-?\[-~]+@[!-?\[-~]+\.[!-?\[-~]+"),
    "phone": re.compile(r"[0-9]{7,15}"),
    "md5": re.compile(r"[0-9a-f]{32}"),
    "client_id": re.compile(r"[0-9]{1,20}"),
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
TIMES = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
}
_FIRST_YEAR = 1970


class Wrong(ValueError):
    """A value that cannot be read as its field's kind."""


class Flaw(Exception):
    """A row that cannot be taken, and why. location: the field."""

    def __init__(self, location: str, message: str) -> None:
        super().__init__(message)
        self.location = location

    def at(self, place: str) -> "Flaw":
        """The same, of a row."""
        return type(self)(f"{place}.{self.location}" if self.location else place, str(self))


class OnDemand(Flaw):
    """A flaw that was asked for: its upload is FAILED, whatever else a flaw makes of one."""


class Field(Struct, frozen=True):
    """kind: text | number | date | datetime | email | phone | md5 | client_id | currency | products | goals.

    many: a list of them. since: dates before this year are not supported.
    """

    kind: str
    many: bool = False
    since: int = _FIRST_YEAR


Reader = Callable[[Any], Any]
Scalar = Callable[[Field, Any], Any]


def text(field: Field, value: str) -> str:
    """A text of the field's shape. Raises Wrong."""
    shape = _SHAPES.get(field.kind)
    if shape and not shape.fullmatch(value):
        raise Wrong(must(field))
    return value


def time(field: Field, value: str) -> str:
    """A date, or date and time, that there is. Raises Wrong."""
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        raise Wrong(must(field)) from None
    if read.year < field.since:
        raise Wrong("dates before 1970 are not supported")
    return value


def named(name: Any) -> str:
    """Of a product, or a goal. Raises Wrong."""
    if not isinstance(name, str) or not name:
        raise Wrong("has an element without a name")
    return name


def quantity(amount: Any) -> int | Decimal:
    """Of a product. Raises Wrong."""
    if isinstance(amount, bool) or not isinstance(amount, (int, Decimal)) or amount < 0:
        raise Wrong("has a quantity that is not a number")
    return int(amount) if amount == int(amount) else amount


def must(field: Field) -> str:
    """What a value that is wrong should be."""
    return f"must be {_SAYS[field.kind]}"
