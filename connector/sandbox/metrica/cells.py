"""Cells of CSV rows."""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from connector.sandbox.metrica.fields import (
    TIMES,
    Field,
    Reader,
    Scalar,
    Wrong,
    must,
    named,
    quantity,
    text,
    time,
)

_CSV_TIME = re.compile(r"(?:(\d{4})-(\d\d)-(\d\d)|(\d\d)\.(\d\d)\.(\d{4}|\d\d))(?: (\d\d:\d\d)(:\d\d)?)?")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_AMOUNT = Field("number")
_YEAR = len("1970")


def cell_reader(field: Field) -> Reader:
    """What reads a CSV cell that is not empty; a list has commas between its elements. It raises Wrong."""
    if field.kind in _COMPOUND:
        return _COMPOUND[field.kind]
    one: Scalar = _SCALARS.get(field.kind, text)
    if not field.many:
        return partial(one, field)
    return lambda cell: tuple(one(field, each.strip()) for each in cell.split(","))


def _time(field: Field, cell: str) -> str:
    """A bare date is the beginning of its day; a year of two digits is of this century."""
    if TIMES[field.kind].fullmatch(cell):
        return time(field, cell)
    if not (found := _CSV_TIME.fullmatch(cell)):
        raise Wrong(must(field))
    year, month, day, day2, month2, year2, clock, seconds = found.groups(default="")
    if not year:
        year, month, day = year2 if len(year2) == _YEAR else f"20{year2}", month2, day2
    date = f"{year}-{month}-{day}"
    if field.kind == "datetime":
        return time(field, f"{date} {clock or '00:00'}{seconds or ':00'}")
    if clock:
        raise Wrong(must(field))
    return time(field, date)


def _number(field: Field, cell: str) -> Decimal:
    if not _NUMBER.fullmatch(cell):
        raise Wrong(must(field))
    return Decimal(cell)


def _products(cell: str) -> Mapping[str, int | Decimal]:
    """`pear:10,apple:30`: first the product, after it its quantity."""
    pairs = [each.strip().rpartition(":") for each in cell.split(",")]
    return {named(name): quantity(_number(_AMOUNT, amount)) for name, _, amount in pairs}


def _goals(cell: str) -> Mapping[str, Decimal | None]:
    """`paid:200,visited`: a goal, and its price where it has one."""
    pairs = [each.strip().partition(":") for each in cell.split(",")]
    return {named(name): _number(_AMOUNT, price) if colon else None for name, colon, price in pairs}


_SCALARS: dict[str, Scalar] = {"number": _number, "date": _time, "datetime": _time}
_COMPOUND: dict[str, Reader] = {"products": _products, "goals": _goals}
