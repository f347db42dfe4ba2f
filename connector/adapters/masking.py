"""E-mails, phones and secrets taken out of whatever is logged (promise 9).

A person's name has no form that could be recognised: no caller logs one.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

MASK: Final = "***"
_EMAIL: Final = re.compile(
    r"[^\s@<>\"'(),;:=\[\]{}]+(?:@|%40)[^\s@<>\"'(),;:=\[\]{}/]+\.[^\s@<>\"'(),;:=\[\]{}/]+"
)
_PHONE: Final = re.compile(r"(?<![\w.-])\+?\(?\d(?:[\s().-]{0,2}\d){8,14}(?![\w-])")
_IPV4: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DATE: Final = re.compile(r"\d{4}-[01]\d-[0-3]\d ")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?<=\b(?:Basic|OAuth) )\S+|(?<=\bBearer )\S+")
_SECRET_NAME: Final = re.compile(r"passw|secret|token|api_?key|authorization|credential", re.IGNORECASE)
_PERSON_NAME: Final = re.compile(r"e?mail|phone|first_?name|last_?name", re.IGNORECASE)
_TECHNICAL: Final = re.compile(r"offset|lsn|_ms$|bytes|records|events|seconds|count|lag|time")
_LONG: Final = 1_000_000_000
"""Whole numbers from ten digits on can be phones."""


class Masker:
    """Masks texts and whatever holds them. `secrets` are masked wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """secrets: at least four characters long each, shorter ones would mask ordinary words."""
        self._known: frozenset[str] = frozenset()
        self._secrets: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """These too; those before stay secret, which may be written in what is logged late."""
        self._known |= {secret for secret in secrets if len(secret) > 3}  # noqa: PLR2004 - as said above
        known = sorted(self._known, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def value(self, value: object, name: str = "") -> object:
        """The value as it may be logged under `name`."""
        if value is None or isinstance(value, bool | float):
            return value
        if _SECRET_NAME.search(name) or _PERSON_NAME.search(name):
            return MASK
        if isinstance(value, int):
            return MASK if abs(value) >= _LONG and not _TECHNICAL.search(name) else value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(one, name) for one in value]
        return self.text(value if isinstance(value, str) else str(value))

    def text(self, text: str) -> str:
        """The text without what must not be seen."""
        if self._secrets:
            text = self._secrets.sub(MASK, text)
        text = _CREDENTIALS.sub(MASK, text)
        text = _EMAIL.sub(MASK, text)
        return _PHONE.sub(_mask_unless_known, text)


def _mask_unless_known(found: re.Match[str]) -> str:
    return found[0] if _IPV4.fullmatch(found[0]) or _DATE.match(found[0]) else MASK
