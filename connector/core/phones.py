"""A phone in its one spelling: the digits of E.164, without the plus, as Yespo's documents write it.

What says its country itself (+380 50 …, 00380 …, 380 50 …) needs no region; a national number (050 …) is read
as one of the configured region, and refused without one: no country is guessed. Lengths decide, not the
prefixes of operators, which change more often than libraries are raised (phonenumbers: "possible", not
"valid"; validity only chooses between two readings).

A parse costs 30 µs, twice what mapping a whole order costs: digits that are E.164 already, nearly all in
practice, are only looked at, and what was parsed is remembered by value.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from connector.core.fit import Unfit

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_REMEMBERED: Final = 8192
_LONGEST: Final = 15
_ABROAD: Final = "00"


class Phones:
    """Text → digits, None where there is nothing; raises Unfit for what cannot be a phone."""

    def __init__(self, region: str | None = None) -> None:
        """region: two letters (ISO 3166), of phones without a country code."""
        self._region = region
        self._parsed = lru_cache(_REMEMBERED)(self._parse)
        self._own: tuple[str, frozenset[int]] | None = None

    def __call__(self, text: str) -> str | None:
        """The one spelling of a phone."""
        if text[:1] == "+":
            digits = text[1:]
            if digits.isdecimal() and digits.isascii() and _is_plain(digits):
                return digits
        elif text.isdecimal() and text.isascii() and self._is_complete(text):
            return text
        return self._parsed(text.strip()) if text.strip() else None

    def _is_complete(self, digits: str) -> bool:
        """Whether digits without a plus begin with their country's code and nothing else could be meant."""
        if self._region is None:
            return _is_plain(digits)
        if self._own is None:
            self._own = _own(self._region)
        code, sizes = self._own
        return len(digits) in sizes and digits.startswith(code) and digits[len(code)] != "0"

    def _parse(self, text: str) -> str:
        from phonenumbers import is_valid_number  # noqa: PLC0415 - who has no phones does not pay for it

        found = [] if any(map(str.isalpha, text)) else list(self._readings(text))
        number = next(filter(is_valid_number, found), None) or next(filter(_is_possible, found), None)
        if number is not None:
            return f"{number.country_code}{_national(number)}"
        digits = _digits(text)
        if (text[:1] == "+" or self._region is None) and text.isascii() and _is_plain(digits, any_first=True):
            return digits  # as it is written, though a zero after the country's code is odd
        where = f"no phone of {self._region}, nor one" if self._region else "no phone"
        advice = "" if self._region else "; for national numbers set phone_region"
        raise Unfit(f"holds {where} with its country's code{advice}")

    def _readings(self, text: str) -> Iterator["PhoneNumber"]:
        """As a number of the region, where it does not say its country; then as an international one."""
        from phonenumbers import NumberParseException, parse  # noqa: PLC0415 - as above

        tries = [(text, self._region)] if self._region and text[:1] != "+" else []
        for written, region in [*tries, (f"+{_digits(text).removeprefix(_ABROAD)}", None)]:
            try:
                number = parse(written, region)
            except NumberParseException:
                continue
            if len(str(number.country_code)) + len(_national(number)) <= _LONGEST:
                yield number


@cache
def phones(region: str | None) -> Phones:
    """The reader of a region's phones, one for all of its topics."""
    return Phones(region)


def is_region(region: str) -> bool:
    """Whether there are phones of such a region."""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 - as above

    return region in SUPPORTED_REGIONS


def _is_plain(digits: str, *, any_first: bool = False) -> bool:
    """Whether these are E.164 digits: a country's code and as many more as its numbers have.

    A number that begins with zero is better parsed: most countries dial one before national numbers.
    """
    place, sizes = _country(digits[:3])
    return len(digits) in sizes and (any_first or digits[place] != "0")


@cache
def _country(prefix: str) -> tuple[int, frozenset[int]]:
    """Of the first digits: where the national number begins, and how many digits there are in all."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415 - as above

    codes = (prefix[:size] for size in (1, 2, 3))
    code = next((code for code in codes if code and int(code) in COUNTRY_CODE_TO_REGION_CODE), "")
    return len(code), _sizes(code) if code else frozenset()


@cache
def _sizes(code: str) -> frozenset[int]:
    """How many digits the numbers of a country have, its code included."""
    from phonenumbers import PhoneNumber  # noqa: PLC0415 - as above

    numbers = {
        size: PhoneNumber(country_code=int(code), national_number=10 ** (size - len(code) - 1))
        for size in range(len(code) + 1, _LONGEST + 1)
    }
    return frozenset(size for size, number in numbers.items() if _is_possible(number))


def _own(region: str) -> tuple[str, frozenset[int]]:
    """A region's code, and the sizes that a number with it has and none without it."""
    from phonenumbers import country_code_for_region  # noqa: PLC0415 - as above

    code = str(country_code_for_region(region))
    national = {size - len(code) for size in _sizes(code)}
    return code, frozenset(size for size in _sizes(code) if size not in national | {n + 1 for n in national})


def _is_possible(number: "PhoneNumber") -> bool:
    """Long enough to be called from abroad, and not too long."""
    from phonenumbers import ValidationResult, is_possible_number_with_reason  # noqa: PLC0415 - as above

    return is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _national(number: "PhoneNumber") -> str:
    from phonenumbers import national_significant_number  # noqa: PLC0415 - as above

    return national_significant_number(number)


def _digits(text: str) -> str:
    from phonenumbers import normalize_digits_only  # noqa: PLC0415 - as above

    return normalize_digits_only(text)
