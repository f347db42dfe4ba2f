"""The command line: one module a command. Errors are one line each; exit codes 0 done, 1 failed, 2 usage."""

import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

import connector
from connector.cli import (
    check,
    dead_letters,
    demo,
    lag,
    ledger,
    lookup,
    metrica,
    past_events,
    preview,
    reconcile,
    replay,
    resume,
    run,
    sandbox,
)
from connector.errors import ConfigError, ConnectorError, describe

DONE, FAILED, USAGE = 0, 1, 2

app = typer.Typer(
    name="crm-connector",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (run, demo, check, preview, reconcile, lag, resume, sandbox):
    name = module.__name__.rpartition(".")[2]
    app.command(name, epilog=module.EXAMPLE)(module.command)
app.command("order", epilog=lookup.ORDER_EXAMPLE)(lookup.order)
app.command("contact", epilog=lookup.CONTACT_EXAMPLE)(lookup.contact)
app.add_typer(replay.app, name="replay", epilog=replay.EXAMPLE)
app.add_typer(past_events.app, name="past-events", epilog=past_events.EXAMPLE)
app.add_typer(dead_letters.app, name="dead-letters", epilog=dead_letters.EXAMPLE)
app.add_typer(ledger.app, name="ledger", epilog=ledger.EXAMPLE)
app.add_typer(metrica.app, name="metrica", epilog=metrica.EXAMPLE)


@app.callback(invoke_without_command=True)
def crm_connector(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Stream order and contact changes from Kafka into a CRM: nothing lost, nothing sent twice knowingly."""
    if version:
        typer.echo(f"crm-connector {connector.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    _open_closed()
    sys.exit(call(list(sys.argv[1:] if arguments is None else arguments)))


def _open_closed() -> None:
    """Of a standard stream that was closed (`2>&-`) the next connection or file would have the number, and
    get what is written there, such as librdkafka's lines."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def call(arguments: list[str]) -> int:
    """Run the command line; the exit code. What goes wrong is told on standard error, a line each."""
    try:
        _refuse_strange(arguments)
        return int(app(arguments, prog_name="crm-connector", standalone_mode=False) or DONE)
    except ConfigError as error:
        return _fail(USAGE, *error.problems)
    except ConnectorError as error:
        return _fail(FAILED, *str(error).splitlines())
    except TyperException as error:
        text = " ".join(getattr(error, "format_message", error.__str__)().split()).rstrip(".")
        command = getattr(getattr(error, "ctx", None), "command_path", app.info.name)
        return _fail(USAGE, f"{text}; see {command} --help")
    except (KeyboardInterrupt, typer.Abort):
        return _fail(FAILED, "interrupted")
    except Exception as error:  # noqa: BLE001 - its text may hold values of records: it is never shown
        return _fail(FAILED, f"defect: {describe(error)}; please report it")


def _refuse_strange(arguments: list[str]) -> None:
    """Bytes that are no text come as lone surrogates, which no ledger keeps. Raises ConfigError."""
    for one in arguments:
        if (shown := one.encode(errors="replace").decode()) != one:
            raise ConfigError(f"{shown}: is not text in UTF-8; see {app.info.name} --help")


def _fail(code: int, *lines: str) -> int:
    for line in lines:
        typer.echo(line, err=True)
    return code
