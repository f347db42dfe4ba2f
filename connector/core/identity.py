"""E-mail and phone as identity: the same spelling for the same address, wherever two are compared."""

import re
from typing import Final

_NOT_DIGITS: Final = re.compile(r"[^0-9]+")
_MIN_DIGITS: Final = 7


def normalise_email(text: str) -> str | None:
    """Stripped, in lower case (Yespo compares e-mails without case); None if nothing is left."""
    return text.strip().lower() or None


def normalise_phone(text: str) -> str | None:
    """Digits only, without the international prefix + or 00; None with fewer than 7 of them."""
    digits = _NOT_DIGITS.sub("", text).removeprefix("00")
    return digits if len(digits) >= _MIN_DIGITS else None
