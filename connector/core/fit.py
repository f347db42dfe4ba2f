"""What a conversion may answer: a field's value, null, absent, unavailable, or that it does not fit."""

from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from msgspec import UNSET, UnsetType

from connector.core.change import Value
from connector.core.model import Missing

Found = Value | UnsetType
"""A column's value, or UNSET where the record has no such column or part (absent)."""
Convert = Callable[[Value], object]
Settled = Callable[[Found], object]
NO_DEFAULT: Final = UNSET


class Unfit(Exception):
    """A value that its field cannot hold: `what` completes "column x …", without the value."""

    def __init__(self, what: str, cause: str = "invalid_value") -> None:
        """Keep both: they become a Reject."""
        super().__init__(what)
        self.what = what
        self.cause = cause


class Never:
    """A type that no value has: nothing is taken without conversion."""


class Unavailable(Exception):
    """A placeholder somewhere inside a value: the whole of it is not sent."""


def settle(
    convert: Convert, default: object = NO_DEFAULT, cause: str = "unrepresentable", *, whole: bool = False
) -> Settled:
    """Wrap a converter: absent and null take the default, unavailable is UNSET (never the default).

    whole: unavailable is not UNSET but raises Unavailable, so that what it is a part of is not sent either.
    """

    def settled(value: Found) -> object:
        if value is None or value is UNSET:
            return value if default is NO_DEFAULT else default
        try:
            result = convert(value) if type(value) is not Missing else _missing(value, cause)
        except Unavailable:
            if whole:
                raise
            return UNSET
        return default if result is None and default is not NO_DEFAULT else result

    return settled


def _missing(value: Missing, cause: str) -> NoReturn:
    if value is Missing.UNAVAILABLE:
        raise Unavailable
    raise Unfit("holds NaN, infinity or a year outside 1..9999", cause)


def mapped(convert: Convert, words: dict[str, str]) -> Convert:
    """Put configured words in the place of the source's; an unlisted one stays."""

    def run(value: Value) -> object:
        result = convert(value)
        return words.get(result, result) if isinstance(result, str) else result

    return run


class Quick(NamedTuple):
    """A short cut: what is exactly of type `fast` is the field itself, or `call` makes it (None: no call).

    What `call` answers is taken if it is true; anything else goes the long way, through `settle`.
    """

    fast: type
    call: Convert | None = None


NOT_QUICK: Final = Quick(Never)
