"""`dead-letters`: what cost itself, looked at and repaired."""

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import letters
from connector.cli.letters import Causes, Destinations, Ids, Keys, Since, Topics, Until
from connector.cli.letters_view import as_text, dropped_lines, left, letter_lines, redriven_lines, table
from connector.cli.options import (
    SHARE,
    AsJson,
    ConfigFile,
    Share,
    agreed,
    checked_share,
    only_asking,
    settings_of,
)
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.wiring.dead_letters import Group
    from connector.wiring.redrive import Progress

EXAMPLE = "Example: crm-connector dead-letters list -c connector.yaml"
_LIST_EXAMPLE = "Example: crm-connector dead-letters list -c connector.yaml --from -7d"
_REDRIVE_EXAMPLE = "Example: crm-connector dead-letters redrive -c connector.yaml --cause mapping --dry-run"
_DISCARD_EXAMPLE = (
    'Example: crm-connector dead-letters discard -c connector.yaml --cause truncated --reason "test data"'
)
_SHOW_EXAMPLE = "Example: crm-connector dead-letters show -c connector.yaml --cause mapping --limit 3"

app = typer.Typer(
    help="Look at dead letters, send them again, drop them.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("list", epilog=_LIST_EXAMPLE)
def list_(
    *,
    config: ConfigFile,
    destination: Destinations = None,
    topic: Topics = None,
    cause: Causes = None,
    key: Keys = None,
    since: Since = None,
    until: Until = None,
    discarded: Annotated[
        bool, typer.Option("--discarded", help="Count what was discarded, by cause and reason, instead.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Count dead letters by destination, topic and cause.

    With the ages of the oldest and the newest record, and the sentence of one of them. What was sent again or
    discarded is not there any more.
    """
    chosen = letters.choice(None, destination, topic, cause, key, since=since, until=until)
    settings = settings_of(config, secrets=False)
    from connector.wiring import dead_letters as work  # noqa: PLC0415 - `--help` waits for nothing

    if discarded:
        dropped = work.discarded(settings)
        typer.echo(as_text(dropped) if as_json else "\n".join(dropped_lines(dropped)))
    else:
        found = work.groups(settings, chosen)
        typer.echo(as_text(found) if as_json else "\n".join(table(found, time.time())))
    return 0


@app.command("show", epilog=_SHOW_EXAMPLE)
def show(
    *,
    config: ConfigFile,
    id_: Ids = None,
    destination: Destinations = None,
    topic: Topics = None,
    cause: Causes = None,
    key: Keys = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many.")] = 10,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data too.")] = False,
    as_json: AsJson = False,
) -> int:
    """Show dead letters, decoded.

    Columns that may tell something of a person are masked, unless --reveal asks for them. Exit code 1 if
    there are no such letters.
    """
    chosen = letters.choice(id_, destination, topic, cause, key, since=since, until=until)
    settings = settings_of(config, secrets=False)
    from connector.wiring import dead_letters as work  # noqa: PLC0415 - as above

    found = work.show(settings, chosen, limit, reveal=reveal)
    if as_json:
        typer.echo(as_text(found))
    elif found:
        typer.echo("\n".join(line for one in found for line in letter_lines(one)))
    else:
        typer.echo("no such dead letters", err=True)
    return 0 if found else 1


@app.command("redrive", epilog=_REDRIVE_EXAMPLE)
def redrive(
    *,
    config: ConfigFile,
    id_: Ids = None,
    destination: Destinations = None,
    topic: Topics = None,
    cause: Causes = None,
    key: Keys = None,
    since: Since = None,
    until: Until = None,
    share: Share = SHARE,
    resend_in_doubt: Annotated[
        bool,
        typer.Option("--resend-in-doubt", help="Send what is held in doubt too; it may be there already."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before that.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would become of each; send and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Send dead letters again.

    Through the same steps as live records, while the connector runs: what the destination has already is not
    sent again, and an older state never overwrites a newer one. What is settled is no dead letter any more;
    what fails stays one, with its new cause. Exit code 1 if letters are left.
    """
    part = checked_share(share)
    chosen = letters.choice(id_, destination, topic, cause, key, since=since, until=until)
    settings = settings_of(config)
    from connector.wiring import redrive as work  # noqa: PLC0415 - as above

    with only_asking(settings, dry=dry_run) as there:
        manner = work.Manner(part, resend_in_doubt, dry_run)
        done = work.redrive(there, chosen, manner, _progress(), lambda held: yes or _doubts_agreed(held))
    if done is None:
        typer.echo("nothing was sent", err=True)
        return 1
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", err=True, nl=False)
    if as_json:
        typer.echo(as_text(done))
    else:
        typer.echo("\n".join(redriven_lines(done)))
    return 0 if dry_run or not left(done) else 1


@app.command("discard", epilog=_DISCARD_EXAMPLE)
def discard(
    *,
    config: ConfigFile,
    reason: Annotated[str, typer.Option("--reason", metavar="WHY", help="Kept in the ledger with each.")],
    id_: Ids = None,
    destination: Destinations = None,
    topic: Topics = None,
    cause: Causes = None,
    key: Keys = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go; drop nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> int:
    """Drop dead letters for good.

    It asks first. Which letters, why and when is kept in the ledger (`list --discarded`); the letters are not
    listed or sent again, not even when their records are read once more.
    """
    chosen = letters.choice(id_, destination, topic, cause, key, since=since, until=until)
    if not reason.strip():
        raise ConfigError("--reason: is empty; say why, for whoever asks later")
    settings = settings_of(config, secrets=False)
    from connector.wiring import dead_letters as work  # noqa: PLC0415 - as above

    found: list[Group] = []

    def agreed(groups: "list[Group]") -> bool:
        found.extend(groups)
        if not as_json:
            typer.echo("\n".join(table(groups, time.time())))
        return not dry_run and (yes or _confirmed(sum(group.count for group in groups)))

    with only_asking(settings, dry=dry_run) as asked:
        done = work.discard(asked, chosen, reason.strip(), agreed)
    there = sum(group.count for group in found)
    if as_json:
        typer.echo(json.dumps({"letters": there, "discarded": done, "dry_run": dry_run}, indent=2))
    elif not dry_run:
        typer.echo(f"{done:,} discarded" if there else "no such dead letters", err=not done)
    return 0 if dry_run or done == there else 1


def _confirmed(count: int) -> bool:
    return agreed(f"Drop {count:,} for good?", "dead-letters discard: asks before it drops")


def _doubts_agreed(count: int) -> bool:
    question = f"Send {count:,} that may have arrived, messages to customers included?"
    return agreed(question, "dead-letters redrive --resend-in-doubt: asks before it sends")


def _progress() -> "Callable[[Progress], None]":
    """A line on a terminal, twice a second."""
    last = [0.0]

    def tell(progress: "Progress") -> None:
        now = time.monotonic()
        if now < last[0] + 0.5 or not sys.stderr.isatty():
            return
        last[0] = now
        waits = f", waits: {', '.join(progress.paused)}" if progress.paused else ""
        typer.echo(f"\r\x1b[K{progress.settled:,} of {progress.letters:,} settled{waits}", err=True, nl=False)

    return tell
