"""`dead-letters`: what cost itself, looked at and repaired."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import letters
from connector.cli.letters import Causes, Destinations, Ids, Keys, Since, Topics, Until, age, moment
from connector.cli.options import AsJson, ConfigFile, settings_of

if TYPE_CHECKING:
    from connector.wiring.dead_letters import Group, Shown
    from connector.wiring.redrive import Progress, Redriven

EXAMPLE = "Example: crm-connector dead-letters list -c connector.yaml"
_LIST_EXAMPLE = "Example: crm-connector dead-letters list -c connector.yaml --from -7d"
_REDRIVE_EXAMPLE = "Example: crm-connector dead-letters redrive -c connector.yaml --cause mapping --dry-run"
_SHOW_EXAMPLE = "Example: crm-connector dead-letters show -c connector.yaml --cause mapping --limit 3"
_STAY = frozenset({"dead_lettered", "in_doubt"})
OUTCOMES = {
    "delivered": "delivered",
    "duplicate": "duplicates: the destination has them",
    "superseded": "superseded: it has something newer",
    "unchanged": "unchanged: it has the same",
    "filtered": "filtered by a rule",
    "dead_lettered": "dead letters again",
    "in_doubt": "held in doubt",
}

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
    as_json: AsJson = False,
) -> int:
    """Count dead letters by destination, topic and cause.

    With the ages of the oldest and the newest record, and the sentence of one of them. What was sent again or
    discarded is not there any more.
    """
    chosen = letters.choice(None, destination, topic, cause, key, since=since, until=until)
    settings = settings_of(config, secrets=False)
    from connector.wiring import dead_letters as work  # noqa: PLC0415 - `--help` waits for nothing

    found = work.groups(settings, chosen)
    if as_json:
        import msgspec  # noqa: PLC0415 - as above

        typer.echo(json.dumps(msgspec.to_builtins(found), indent=2))
    else:
        typer.echo("\n".join(_table(found, time.time())))
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
        import msgspec  # noqa: PLC0415 - as above

        typer.echo(json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False))
    elif found:
        typer.echo("\n".join(line for one in found for line in _lines(one)))
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
    chosen = letters.choice(id_, destination, topic, cause, key, since=since, until=until)
    settings = settings_of(config)
    from connector.wiring import redrive as work  # noqa: PLC0415 - as above

    done = work.redrive(settings, chosen, dry=dry_run, tell=_progress())
    if as_json:
        import msgspec  # noqa: PLC0415 - as above

        typer.echo(json.dumps(msgspec.to_builtins(done), indent=2))
    else:
        typer.echo("\n".join(_sum(done)))
    return 0 if dry_run or not _left(done) else 1


def _left(done: "Redriven") -> int:
    return done.letters - sum(n for outcome, n in done.outcomes.items() if outcome not in _STAY)


def _sum(done: "Redriven") -> Iterator[str]:
    would = "would be " if done.dry_run else ""
    yield f"{done.letters:,} letter{'' if done.letters == 1 else 's'}"
    for outcome, count in sorted(done.outcomes.items()):
        yield f"  {count:>9,}  {would}{OUTCOMES[outcome]}"
    for cause, count in sorted(done.causes.items()):
        yield f"    {count:>9,}  {cause}"
    for count, what in (
        (done.lost, "have no value any more: it was too large for a letter, and is gone at its position"),
        (done.strange, "are of a topic or destination that is not configured"),
        (done.left, "were not tried: interrupted"),
    ):
        if count:
            yield f"  {count:>9,}  {what}"
    if done.batches:
        yield f"batches: {', '.join(f'{name} {count:,}' for name, count in sorted(done.batches.items()))}"


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


def _table(found: "list[Group]", now: float) -> Iterator[str]:
    if not found:
        yield "no dead letters"
        return
    head = ("destination", "topic", "cause", "letters", "oldest", "newest")
    rows = [
        (g.destination, g.topic, g.cause, f"{g.count:,}", age(g.oldest_ms, now), age(g.newest_ms, now))
        for g in found
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for cells, detail in zip([head, *rows], ["for example", *(group.detail for group in found)], strict=True):
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), detail])


def _lines(one: "Shown") -> Iterator[str]:
    yield f"{one.id}"
    yield f"  cause     {one.cause}, at the step {one.stage}: {one.detail}"
    yield f"  record    {moment(one.time_ms)}, {'null' if one.bytes is None else f'{one.bytes:,} bytes'}"
    if one.key is not None:
        yield f"  key       {one.key}"
    if one.attempts:
        yield f"  attempts  {one.attempts}"
    if one.row is None:
        yield "  row       cannot be decoded"
        return
    yield f"  row       op {one.op}"
    for name, value in one.row.items():
        yield f"    {name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
