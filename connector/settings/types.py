"""The kinds of values that a configuration has, each with the remedy in its error."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, StringConstraints

from connector.core import extent
from connector.errors import ConfigError

_POSTGRES: Final = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^/?@]*)@)?[^/?@]*(?:/[^?@]*)?"
    r"(?:\?(?P<query>(?:[^=&@]+=[^&]*(?:&[^=&@]+=[^&]*)*)?))?",
    re.DOTALL,
)


class Model(BaseModel):
    """A frozen part of the configuration that knows all of its options."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Secret:
    """A secret given as itself or as the file that holds it; the file is read at every `get`."""

    def __init__(self, place: str, value: SecretStr | None, file: Path | None, *, bare: bool = False) -> None:
        """place: where the configuration has it, for errors. bare: it goes into a header as it is."""
        self._place, self._value, self._file, self._bare = place, value, file, bare

    @property
    def given(self) -> bool:
        """Whether there is one at all."""
        return self._value is not None or self._file is not None

    def get(self) -> str:
        """The secret without surrounding white space. Raises ConfigError: unreadable, empty, or no secret."""
        if self._file is not None:
            place = f"{self._place}_file"
            return self._one_line(f"{place}: {self._file}", read_secret(place, self._file))
        if self._value is not None and (text := self._value.get_secret_value().strip()):
            return self._one_line(f"{self._place}:", text)
        raise ConfigError(f"{self._place}: is empty; give it here or in {self._place}_file")

    def _one_line(self, place: str, text: str) -> str:
        """No header takes another: it would be a defect of whoever sends it, again and again."""
        if not text.isprintable():
            raise ConfigError(
                f"{place} has several lines or control characters; leave the secret alone there"
            )
        if self._bare and not text.isascii():
            raise ConfigError(f"{place} has other letters than a token; put the token there")
        return text


def read_secret(place: str, file: Path) -> str:
    """What the file of a secret holds. Raises ConfigError, never with any of the content."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise ConfigError(f"{place}: {file} cannot be read ({reason}); put the secret there") from None
    if not text:
        raise ConfigError(f"{place}: {file} is empty; put the secret there")
    return text


def at_most_one(name: str, value: SecretStr | None, file: Path | None) -> None:
    """A secret comes as itself or from a file. Raises ValueError with the remedy."""
    if value is not None and file is not None:
        raise ValueError(f"has both {name} and {name}_file; keep one of them")


def exactly_one(name: str, value: SecretStr | None, file: Path | None) -> None:
    """The same, and there is one. Raises ValueError with the remedy."""
    at_most_one(name, value, file)
    if value is None and file is None:
        raise ValueError(f"has no {name}; add {name}_file: /path/to/the/file")


time_ms = extent.time_ms


def parse_start(text: str) -> str:
    """`earliest`, `latest` or a time, as it is. Raises ValueError with the remedy."""
    if text in {"earliest", "latest"}:
        return text
    try:
        time_ms(text)
    except ValueError as error:
        raise ValueError(f"{error}, or earliest, or latest") from None
    return text


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValueError("is not a known time zone; write an IANA name, such as Europe/Kyiv") from None
    return text


def _web_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("is not a web address; write it as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds credentials; give them in the options made for them")
    return text.rstrip("/")


def postgres_parts(text: str) -> tuple[str, str]:
    """User and password, and the query, of a PostgreSQL address, as libpq parts it. Raises ValueError.

    A password with an @, / or ? would be taken for host, port or database, which messages name.
    """
    found = _POSTGRES.fullmatch(text)
    if found is None:
        raise ValueError("has a special character in user or password; write it as %XX: %40 for @, %2F for /")
    return found["user"] or "", found["query"] or ""


def _ledger_url(text: str) -> str:
    if re.match(r"postgres(ql)?://.", text):
        postgres_parts(text)
        return text
    if re.fullmatch(r"sqlite:((//)?/[^/?#]|[^/?#])[^?#]*", text):
        return text
    raise ValueError(
        "is not a ledger address; write sqlite:///absolute/path.db or postgresql://host/database"
    )


def _joined(value: object) -> object:
    return ",".join(str(one) for one in value) if isinstance(value, list | tuple) else value


def _word(value: object) -> object:
    """YAML reads 1 and true as numbers and booleans; as a source's or target's value they are words."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _words(value: object) -> object:
    return {key: _word(one) for key, one in value.items()} if isinstance(value, dict) else value


def _scalar(value: object) -> object:
    if isinstance(value, str | int | float | bool):
        return value
    raise ValueError("must be a text, a number, true or false; write one of these")


def alternatives(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
TopicName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
LaneName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,64}$")]
Servers = Annotated[Text, BeforeValidator(_joined)]
Start = Annotated[str, AfterValidator(parse_start)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
LedgerUrl = Annotated[str, AfterValidator(_ledger_url)]
Scalar = Annotated[str | int | float | bool, BeforeValidator(_scalar)]
Words = Annotated[dict[str, str], BeforeValidator(_words)]
