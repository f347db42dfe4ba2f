"""How an operator names dead letters, and how they are told."""

import re
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.wiring.dead_letters import Choice

Destinations = Annotated[
    list[str] | None, typer.Option("--destination", metavar="D", help="Of this destination; may be repeated.")
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", metavar="T", help="Of this topic; may be repeated.")
]
Causes = Annotated[
    list[str] | None, typer.Option("--cause", metavar="CAUSE", help="Of this cause; may be repeated.")
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="ID", help="Of this order or contact (its external id); may be repeated."),
]
Since = Annotated[
    str | None,
    typer.Option("--from", metavar="X", help="Of records not older: a time with zone, or -90m, -12h, -7d."),
]
Until = Annotated[str | None, typer.Option("--to", metavar="Y", help="Of records older than this.")]
Ids = Annotated[
    list[str] | None, typer.Option("--id", metavar="LETTER", help="This letter; may be repeated.")
]
_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400}


def choice(
    ids: list[str] | None,
    destinations: list[str] | None,
    topics: list[str] | None,
    causes: list[str] | None,
    keys: list[str] | None,
    *,
    since: str | None,
    until: str | None,
) -> "Choice":
    """Raises ConfigError with every mistake."""
    from connector.wiring.dead_letters import Choice  # noqa: PLC0415 - `--help` waits for nothing

    problems: list[str] = []
    first, end = _moment("--from", since, problems), _moment("--to", until, problems)
    if first is not None and end is not None and end < first:
        problems.append("--to: is before --from; swap them")
    if problems:
        raise ConfigError(*problems)
    return Choice(
        ids=frozenset(ids or ()),
        destinations=frozenset(destinations or ()),
        topics=frozenset(topics or ()),
        causes=frozenset(causes or ()),
        keys=frozenset(keys or ()),
        since_ms=first,
        until_ms=end,
    )


def _moment(option: str, text: str | None, problems: list[str]) -> int | None:
    """Milliseconds since the epoch."""
    from connector.settings.types import time_ms  # noqa: PLC0415 - as above

    if text is None:
        return None
    if ago := re.fullmatch(r"-(\d{1,6})([mhd])", text):
        return int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1000)
    try:
        return time_ms(text)
    except ValueError as error:
        problems.append(f"{option}: {error}, or -90m, -12h, -7d")
        return None


def since_ms(text: str | None) -> int | None:
    """Milliseconds since the epoch. Raises ConfigError."""
    problems: list[str] = []
    found = _moment("--from", text, problems)
    if problems:
        raise ConfigError(*problems)
    return found
