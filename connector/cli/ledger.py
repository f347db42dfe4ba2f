"""`ledger`: what an operator does to the ledger itself."""

import time
from typing import Annotated

import typer

from connector.cli.options import ConfigFile, settings_of
from connector.errors import ConfigError

EXAMPLE = "Example: crm-connector ledger migrate -c connector.yaml"
_PRUNE_EXAMPLE = "Example: crm-connector ledger prune -c connector.yaml --before 2024-01-01T00:00:00Z"

app = typer.Typer(
    help="Bring the ledger's tables to this version, or remove what is old.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("migrate", epilog=EXAMPLE)
def migrate(config: ConfigFile) -> int:
    """Make or change the ledger's tables.

    In PostgreSQL the connector itself never does: it refuses to start on a database of another version. An
    SQLite file is brought to this version by any start. Doing it again changes nothing.
    """
    settings = settings_of(config)
    from connector.wiring import ledgers  # noqa: PLC0415 - `--help` waits for nothing

    typer.echo(ledgers.migrate(settings))
    return 0


@app.command("prune", epilog=_PRUNE_EXAMPLE)
def prune(
    config: ConfigFile,
    before: Annotated[
        str,
        typer.Option("--before", metavar="TIME", help="Forget what did not change since; a time with zone."),
    ],
    destination: Annotated[
        list[str] | None,
        typer.Option("--destination", metavar="D", help="Of this destination alone; may be repeated."),
    ] = None,
) -> int:
    """Remove what the ledger knows of entities that did not change since a time.

    From then on an older change of an entity that it does not know goes to the dead letters: nobody can tell
    any more whether it was sent. Erased contacts are never forgotten.
    """
    before_ms = _time(before)
    settings = settings_of(config)
    from connector.wiring import ledgers  # noqa: PLC0415 - `--help` waits for nothing

    for line in ledgers.prune(settings, tuple(destination or ()), before_ms):
        typer.echo(line)
    return 0


def _time(text: str) -> int:
    """Raises ConfigError."""
    from connector.settings.types import time_ms  # noqa: PLC0415 - `--help` waits for nothing

    try:
        before_ms = time_ms(text)
    except ValueError as error:
        raise ConfigError(f"--before: {error}") from None
    if before_ms > time.time() * 1000:
        raise ConfigError("--before: is still to come; name a time that has passed")
    return before_ms
