"""`past-events`: what was sent as history, and its deletion."""

import json
from contextlib import suppress
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from connector.cli.options import AsJson, ConfigFile, agreed, settings_of
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.wiring.past_events import Removable, Removed, Span

EXAMPLE = "Example: crm-connector past-events delete -c connector.yaml --from 2019-06-01 --to 2019-06-30"
_TIME = "a day of the account, or a time with zone, to the minute"

app = typer.Typer(
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def past_events() -> None:
    """Delete what was sent as past events."""


@app.command("delete", epilog=EXAMPLE)
def delete(
    config: ConfigFile,
    since: Annotated[str, typer.Option("--from", metavar="X", help=f"The first minute: {_TIME}.")],
    until: Annotated[str, typer.Option("--to", metavar="Y", help="The last minute, in the same forms.")],
    destination: Annotated[
        str | None, typer.Option("--destination", metavar="D", help="The account, where there are several.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count by the ledger what would go; delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> int:
    """Delete the past events that occurred between two times, both included.

    The CRM deletes by that time alone, whoever sent them. Then the ledger lets the same versions be sent
    again: read their topics once more. The vendor's support has to enable deletion for the organisation.
    """
    settings = settings_of(config)
    from connector.wiring import past_events as work  # noqa: PLC0415 - `--help` waits for nothing

    name, account = work.account(settings, destination)
    zone = ZoneInfo(account.time_zone)
    span = work.Span(*_ends(since, until, zone), zone)
    found = work.survey(settings, name, span)
    if not as_json:
        typer.echo("\n".join(_lines(name, span, found)))
    if not dry_run and not yes and not _confirmed(name):
        typer.echo("nothing was deleted", err=True)
        return 1
    done = None if dry_run else work.delete(settings, name, span)
    if as_json:
        typer.echo(json.dumps(_told(name, span, found, done), indent=2))
    elif done:
        typer.echo(f"deleted; {done.heads + done.doubts:,} may be sent again: read their topics once more")
    return 1 if done and _warned(name, done) else 0


def _confirmed(name: str) -> bool:
    question = f"Delete all past events of that time from {name}?"
    return agreed(question, "past-events delete: asks before it deletes")


# --- Times ----------------------------------------------------------------------------------------


def _ends(since: str, until: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The minutes of the account's wall clock. Raises ConfigError with every mistake."""
    problems: list[str] = []
    first = _wall("--from", since, zone, time(0, 0), problems)
    last = _wall("--to", until, zone, time(23, 59), problems)
    if not problems and first > last:
        problems.append("--to: is before --from; swap them")
    if problems:
        raise ConfigError(*problems)
    return first, last


def _wall(option: str, text: str, zone: ZoneInfo, of_day: time, problems: list[str]) -> datetime:
    """A time of the account's wall clock; a day is its first or last minute."""
    from connector.settings.types import time_ms  # noqa: PLC0415 - `--help` waits for nothing

    with suppress(ValueError):
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), of_day)  # noqa: DTZ007 - of a wall
    try:
        time_ms(text)
    except ValueError as error:
        problems.append(f"{option}: {error}, or a day, such as 2025-01-31")
        return datetime.min  # noqa: DTZ901 - of no meaning
    try:
        wall = datetime.fromisoformat(text).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        problems.append(f"{option}: is no time of the account's calendar; name a day, such as 2025-01-31")
        return datetime.min  # noqa: DTZ901 - as above
    if wall.second or wall.microsecond:
        problems.append(f"{option}: has seconds; past events are kept by the minute, name a whole one")
    return wall


# --- What is told ---------------------------------------------------------------------------------


def _warned(name: str, done: "Removed") -> bool:
    """Whether it has to be done once more."""
    if done.changed:
        what = "what was sent meanwhile may be gone or not"
        typer.echo(f"{name}: {what} ({done.changed}); stop the connector and run it again", err=True)
    return bool(done.changed)


def _lines(name: str, span: "Span", found: "Removable") -> list[str]:
    counts = f"{_count(found.orders, 'order')} and {_count(found.events, 'custom event')}"
    lines = [
        f"{name}: {counts} of {_minute(span.since)} to {_minute(span.until)}, {span.zone}, by the ledger"
    ]
    if found.doubtful:
        lines.append(f"  {found.doubtful:,} more may have been sent")
    if found.undated:
        lines.append(f"  {found.undated:,} more, of any time, were sent by a version that did not keep it")
    return [*lines, "  whatever else the account has of that time goes too"]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _minute(wall: datetime) -> str:
    return wall.isoformat(timespec="minutes")


def _told(name: str, span: "Span", found: "Removable", done: "Removed | None") -> dict[str, object]:
    return {
        "destination": name,
        "from": _minute(span.since),
        "to": _minute(span.until),
        "time_zone": str(span.zone),
        "orders": found.orders,
        "custom_events": found.events,
        "in_doubt": found.doubtful,
        "being_sent": found.flying,
        "undated": found.undated,
        "deleted": done is not None,
        "may_be_sent_again": done.heads + done.doubts if done else 0,
        "sent_meanwhile": done.changed if done else 0,
    }
