"""From a column's Value to the type of a field: exactly, or Unfit; never a guess.

Converters take what is neither null nor Missing (`settle` deals with those). Choices made here:

- A text field takes every value that has one plain spelling: numbers without exponent and binary noise,
  "true" and "false", ISO 8601 for times; a record or array becomes JSON text. Bytes have no spelling.
- A word (identifier, e-mail, phone, status, currency) is stripped (char(n) is padded); an empty one is null;
  an integral number is its digits alone (an id must not depend on decimal.handling.mode).
- Money has two decimals, more only where the value has more: one spelling for one value, so that
  1.0 and 1.00 are the same content.
"""

import math
import re
from datetime import date, time, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Underflow
from typing import Final

import msgspec

from connector.core.change import Value
from connector.core.fit import Unavailable, Unfit
from connector.core.model import UNAVAILABLE, UNREPRESENTABLE, Json, Missing

_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal("0.00")
_EXACT: Final = Context(prec=64, Emin=-60, Emax=60, traps=[Inexact, InvalidOperation, Overflow, Underflow])
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,6})?")
_MAX_DIGITS: Final = 100
_MAX_DEPTH: Final = 32


# --- Text -----------------------------------------------------------------------------------------


def text(value: Value) -> str:
    """The plain spelling of any value but bytes."""
    if isinstance(value, str) and not isinstance(value, Missing):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _plain(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | dict):
        return _json_text(value)
    return str(tree(value))


def word(value: Value) -> str | None:
    """Text without surrounding blanks, None if nothing is left; records and arrays are no words."""
    if type(value) is str:
        return value.strip() or None
    if isinstance(value, list | dict):
        raise Unfit("holds a record or an array, not a text: name a path into it")
    if isinstance(value, Decimal) and _finite(value) == value.to_integral_value():
        return str(int(value))
    return text(value).strip() or None


def _json_text(value: list[Value] | dict[str, Value]) -> str:
    try:
        return msgspec.json.encode(tree(value)).decode()
    except UnicodeEncodeError:
        raise Unfit("holds a text that is not valid Unicode") from None


def _plain(number: float | Decimal) -> str:
    """Digits without exponent; an integral float has no ".0" (decimals in double mode are floats)."""
    if isinstance(number, int):
        return str(_bounded(number))
    exact = _finite(number)
    if isinstance(number, float) and exact == exact.to_integral_value():
        return str(int(exact))
    return format(exact, "f")


def _bounded(number: int) -> int:
    if number.bit_length() > 3 * _MAX_DIGITS:
        raise Unfit(f"holds a number of more than {_MAX_DIGITS} digits")
    return number


def _finite(number: float | Decimal) -> Decimal:
    """As Decimal (a float through its shortest repr), bounded: a huge exponent would fill the memory."""
    if not math.isfinite(number) if isinstance(number, float) else not number.is_finite():
        raise Unfit("holds NaN or infinity")
    exact = Decimal(repr(number)) if isinstance(number, float) else number
    if abs(exact.adjusted()) > _MAX_DIGITS or len(exact.as_tuple().digits) > _MAX_DIGITS:
        raise Unfit(f"holds a number of more than {_MAX_DIGITS} digits")
    return exact


# --- Numbers --------------------------------------------------------------------------------------


def money(value: Value) -> Decimal | None:
    """Exactly, with two decimals or as many as it has; an empty text is null."""
    exact = value if type(value) is Decimal else _number(value)
    if not exact:
        return None if exact is None else _ZERO
    try:
        cents = exact.quantize(_CENT, None, _EXACT)
    except Inexact:
        return _normal(exact)
    except InvalidOperation:
        raise Unfit("holds a number too large for money, NaN or infinity") from None
    return cents if cents.is_finite() else _normal(exact)


def total(value: Value) -> Decimal | None:
    """Money that is not negative."""
    try:
        amount = money(value)
    except Unfit as unfit:
        raise Unfit(unfit.what, "invalid_total") from None
    if amount is not None and amount.is_signed():
        raise Unfit("holds a negative total", "invalid_total")
    return amount


def quantity(value: Value) -> int | Decimal | None:
    """An int where it is integral, else the shortest exact Decimal."""
    if type(value) is int:
        return _bounded(value)
    exact = _number(value)
    if exact is None:
        return None
    exact = _normal(exact)
    return int(exact) if exact == exact.to_integral_value() else exact


def _number(value: Value) -> Decimal | None:
    if isinstance(value, bool):
        raise Unfit("holds a boolean, not a number")
    if isinstance(value, int):
        return Decimal(_bounded(value))
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str):
        return _number_in(value.strip())
    raise Unfit("holds no number")


def _number_in(digits: str) -> Decimal | None:
    if not digits:
        return None
    if _NUMBER.fullmatch(digits) is None:
        raise Unfit("holds a text that is not a number")
    return Decimal(digits)


def _normal(exact: Decimal) -> Decimal:
    try:
        normal = exact.normalize(_EXACT)
    except ArithmeticError:
        raise Unfit("holds a number of too many digits") from None
    if not normal.is_finite():
        raise Unfit("holds NaN or infinity")
    return normal


# --- Trees ----------------------------------------------------------------------------------------


def tree(value: Value, depth: int = 0) -> Json:
    """As JSON. A Decimal is a number where a double has the same digits, else its text."""
    if value is None or isinstance(value, bool) or type(value) is str:
        return value
    if isinstance(value, int):
        return _bounded(value)
    if isinstance(value, float | Decimal):
        return _json_number(_finite(value))
    if isinstance(value, list | dict):
        return _branch(value, depth)
    return _leaf(value)


def _branch(value: list[Value] | dict[str, Value], depth: int) -> Json:
    if depth == _MAX_DEPTH:
        raise Unfit(f"is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, list):
        return [tree(part, depth + 1) for part in value]
    return {name: tree(part, depth + 1) for name, part in value.items()}


def _leaf(value: Value) -> str:
    if value is UNAVAILABLE:
        raise Unavailable
    if value is UNREPRESENTABLE:
        raise Unfit("holds NaN, infinity or a year outside 1..9999", "unrepresentable")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(msgspec.to_builtins(value))
    raise Unfit("holds bytes: no field has a spelling for them")


def _json_number(exact: Decimal) -> Json:
    if exact == exact.to_integral_value() and exact.as_tuple().exponent == 0:
        return int(exact)
    near = float(exact)
    return near if Decimal(repr(near)) == exact else format(exact, "f")
