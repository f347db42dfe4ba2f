"""Values of JSON rows."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

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


def json_reader(field: Field) -> Reader:
    """What reads a value of a JSON row that is not null; it raises Wrong."""
    if field.kind in _COMPOUND:
        return _COMPOUND[field.kind]
    one: Scalar = _SCALARS.get(field.kind, _text)
    if not field.many:
        return partial(one, field)

    def many(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong("must be a list")
        return tuple(one(field, each) for each in value)

    return many


def _number(field: Field, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise Wrong(must(field))
    return Decimal(value)


def _time(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not TIMES[field.kind].fullmatch(value):
        raise Wrong(must(field))
    return time(field, value)


def _client_id(field: Field, value: Any) -> str:
    return _text(field, str(value) if isinstance(value, int) else value)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(must(field))
    return text(field, value)


def _products(value: Any) -> Mapping[str, int | Decimal]:
    if not isinstance(value, dict):
        raise Wrong("must be an object of quantities by product")
    return {named(name): quantity(amount) for name, amount in value.items()}


def _goals(value: Any) -> Mapping[str, Decimal | None]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Wrong("must be a list of objects with goal_action_id and price")
    return {named(each.get("goal_action_id")): _price(each.get("price")) for each in value}


def _price(value: Any) -> Decimal | None:
    return None if value is None else _number(Field("number"), value)


_SCALARS: dict[str, Scalar] = {
    "number": _number,
    "date": _time,
    "datetime": _time,
    "client_id": _client_id,
}
_COMPOUND: dict[str, Reader] = {"products": _products, "goals": _goals}
