"""Values of parameters: numbers, and arrays or objects that may come as their escaped JSON."""

import math
from typing import Any

import msgspec

LEVELS = 2


def is_number(value: object) -> bool:
    """A finite number, or its text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def nested(value: Any) -> Any:
    """The value, parsed where it is the JSON text of an array or an object."""
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return value


def two_levels(value: Any) -> Any:
    """As the CRM can use it: parsed to the second level inclusive, anything deeper is an escaped string."""
    return _level(nested(value), LEVELS)


def _level(value: Any, left: int) -> Any:
    if not isinstance(value, (list, dict)):
        return value
    if not left:
        return msgspec.json.encode(value).decode()
    if isinstance(value, list):
        return [_level(element, left - 1) for element in value]
    return {name: _level(element, left - 1) for name, element in value.items()}
