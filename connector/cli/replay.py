"""`replay`: a bounded range of a topic once more, beside the live connector."""

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from connector.cli import replay_told
from connector.cli.options import SHARE, AsJson, ConfigFile, agreed, checked_share, only_asking, settings_of
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.settings import Settings
    from connector.wiring.replays import Job, Replay
    from connector.wiring.sole import Sole

EXAMPLE = (
    "Example: crm-connector replay -c connector.yaml --destination yespo --topic crm.public.orders "
    "--from 2024-01-01T00:00:00Z --to 2025-01-01T00:00:00Z --via past_events"
)
_LIST_EXAMPLE = "Example: crm-connector replay list -c connector.yaml"
_PLACE = "a time with zone, -7d (m, h, d, w), an offset, beginning"

app = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def replay(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option("-c", "--config", metavar="FILE", help="The configuration, YAML.")
    ] = None,
    destination: Annotated[
        str | None,
        typer.Option("--destination", metavar="D", help="Where to; the only one need not be named."),
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", metavar="T", help="Of which topic.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="X", help=f"The first record: {_PLACE}.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="Y", help="The first record after it, in the same forms; else end."),
    ] = None,
    partition: Annotated[
        list[int] | None,
        typer.Option("--partition", metavar="P", min=0, help="Of this one alone; may be repeated."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="K", help="Of this order, contact or event alone; may be repeated."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="FIELD=VALUE", help="Rows alone whose column has this value; may be repeated."
        ),
    ] = None,
    via: Annotated[
        Literal["past_events"] | None, typer.Option("--via", help="Another way than the destination's usual.")
    ] = None,
    mode: Annotated[
        Literal["respect", "force"] | None,
        typer.Option("--mode", help="force: what was accepted last goes again, whatever the ledger says."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before forcing.")] = False,
    share: Annotated[
        float | None,
        typer.Option(
            "--share",
            metavar="PART",
            help=f"Its part of request rate and in_flight; {SHARE} at first.",
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="ID", help="Go on with one that was stopped.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would become of it; send and keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Send a range of a topic again, beside the live connector.

    The ledger decides: what was accepted is not sent again, and an older state never overwrites a newer one.
    Nothing joins the live group, and its offsets stay. Ctrl+C and a crash lose nothing: --resume goes on.
    Exit code 0 when all of it is settled, 1 when it was stopped.
    """
    if context.invoked_subcommand is not None:
        return 0
    settings = context.with_resource(only_asking(settings_of(_given("-c", config)), dry=dry_run))
    from connector.wiring import replays as work  # noqa: PLC0415 - `--help` waits for nothing
    from connector.wiring.sole import sole  # noqa: PLC0415 - as above

    if resume is not None:
        given = {
            "--destination": destination, "--topic": topic, "--from": since, "--to": until, "--mode": mode,
            "--partition": partition, "--key": key, "--where": where, "--via": via,
        }  # fmt: skip
        _refuse_beside_resume([option for option, value in given.items() if value is not None])
        mine = None if dry_run else context.with_resource(sole(settings, resume))
        found = work.find(settings, resume)
        found = found if share is None else work.shared(found, checked_share(share))
    else:
        needed = _given("--topic", topic), _given("--from", since)
        job = _wished(settings, destination, *needed, until or "end")
        part, selection = checked_share(SHARE if share is None else share), _selection(key or [], where or [])
        job = work.replace(job, mode=mode or "respect", via=via, share=part, selection=selection)
        found = work.plan(settings, job, tuple(partition or ()))
        if dry_run:
            return _work(settings, str(config), found, None, as_json=as_json)
        if mode == "force" and not yes and not _confirmed(found):
            typer.echo("nothing was sent", err=True)
            return 1
        mine = context.with_resource(sole(settings, found.id))
        work.save(settings, found)
    return _work(settings, str(config), found, mine, as_json=as_json)


@app.command("list", epilog=_LIST_EXAMPLE)
def list_(config: ConfigFile, as_json: AsJson = False) -> int:
    """Show the replays that the brokers still know.

    They keep one for seven days after its last step, unless offsets.retention.minutes says otherwise.
    """
    settings = settings_of(config, secrets=False)
    from connector.wiring import replays as work  # noqa: PLC0415 - `--help` waits for nothing

    found = work.known(settings)
    if as_json:
        typer.echo(json.dumps([replay_told.told(one) for one in found], indent=2))
        return 0
    for one in found:
        done = "finished" if one.finished else f"{replay_told.percent(one.passed, one.offsets)} done"
        typer.echo(f"{one.id}  {replay_told.what(one)}  {done}")
    if not found:
        typer.echo("none")
    return 0


def _given(option: str, value: object) -> Any:
    """Raises ConfigError where it is missing."""
    if value is None:
        raise ConfigError(f"replay: {option} is missing; see crm-connector replay --help")
    return value


def _wished(settings: "Settings", destination: str | None, topic: str, since: str, until: str) -> "Job":
    from connector.wiring.replays import Job  # noqa: PLC0415 - `--help` waits for nothing

    names = list(settings.destinations)
    if destination is None and len(names) > 1:
        raise ConfigError(f"--destination: has to be named; choose {', '.join(names)}")
    return Job(destination or names[0], topic, since, until, int(time.time() * 1000), "")


def _refuse_beside_resume(options: list[str]) -> None:
    """Raises ConfigError: what would be ignored."""
    if options:
        raise ConfigError(f"--resume: goes on as it began; leave out {', '.join(options)}")


def _confirmed(found: "Replay") -> bool:
    question = "Send again what was accepted, messages to customers included?"
    return agreed(f"{replay_told.what(found)}\n{question}", "replay --mode force: asks before it sends again")


def _selection(keys: list[str], where: list[str]) -> Any:
    """Raises ConfigError with every mistake."""
    from connector.wiring.replays import Selection, parse_where  # noqa: PLC0415 - `--help` waits for nothing

    problems, conditions = [], []
    for text in where:
        try:
            conditions.append(parse_where(text))
        except ValueError as error:
            problems.append(f"--where: {error}")
    if problems:
        raise ConfigError(*problems)
    return Selection(frozenset(keys), tuple(conditions))


# --- At work --------------------------------------------------------------------------------------


def _work(settings: "Settings", config: str, found: "Replay", mine: "Sole | None", *, as_json: bool) -> int:
    """mine: None for a dry run."""
    from rich.console import Console  # noqa: PLC0415 - `--help` waits for nothing

    from connector.cli.replay_view import view_of  # noqa: PLC0415 - as above
    from connector.wiring import replay as work  # noqa: PLC0415 - as above

    console, dry = Console(stderr=True), mine is None
    name = "dry run" if dry else f"replay {found.id}"
    console.print(f"{name}: {replay_told.what(found)}", highlight=False, markup=False, soft_wrap=True)
    view = view_of(console)
    try:
        result = work.run(settings, found, view.update, mine)
    finally:
        view.close()
    if as_json:
        typer.echo(
            json.dumps(
                replay_told.told(found) | replay_told.became(found, result) | {"dry_run": dry}, indent=2
            )
        )
    else:
        typer.echo("\n".join(replay_told.lines(result)))
    if result.failure is not None:
        typer.echo(result.failure, err=True)
    if not result.finished and not dry:
        typer.echo(f"not finished; go on: crm-connector replay -c {config} --resume {found.id}", err=True)
    return _ended(0 if result.finished else 1, hangs=result.hangs)


def _ended(code: int, *, hangs: bool) -> int:
    """The exit code. A lane that hangs keeps the replay for itself until the process has ended."""
    if hangs:
        os._exit(code)
    return code
