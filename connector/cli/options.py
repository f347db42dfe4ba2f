"""What several commands take."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.settings import Settings

ConfigFile = Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="The configuration, YAML.")]
SHARE = 0.2
Share = Annotated[
    float, typer.Option("--share", metavar="PART", help="Its part of request rate and in_flight.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def settings_of(file: Path, *, secrets: bool = True) -> "Settings":
    """The settings of a file and this process's environment. Raises ConfigError with every mistake."""
    from connector.settings import load  # noqa: PLC0415 - `--help` waits for nothing

    return load(file, os.environ, secrets=secrets)


def checked_share(share: float) -> float:
    """Raises ConfigError."""
    if not 0 < share <= 1:
        raise ConfigError("--share: is a part of the whole; write one above 0 and up to 1, such as 0.2")
    return share


def agreed(question: str, asks: str) -> bool:
    """Whether an operator says yes, asked on standard error: what is printed stays the result alone.

    (click's own question writes a blank to standard output.) asks: what the command does, for the refusal.
    Raises ConfigError without a terminal.
    """
    if not sys.stdin.isatty():
        raise ConfigError(f"{asks}, and has no terminal; add --yes")
    while True:
        typer.echo(f"{question} [y/N]: ", nl=False, err=True)
        answer = sys.stdin.readline()
        if not answer:
            raise typer.Abort
        if answer.strip().lower() in {"y", "yes", "n", "no", ""}:
            return answer.strip().lower() in {"y", "yes"}


@contextmanager
def only_asking(settings: "Settings", *, dry: bool = True, quiet: bool = False) -> Iterator["Settings"]:
    """The settings of a dry run: a ledger's file that is not there is not made, and said to be missing.

    quiet: it has been said.
    """
    from connector.wiring.ledgers import stand_in  # noqa: PLC0415 - `--help` waits for nothing

    if not dry:
        yield settings
        return
    with stand_in(settings) as chosen:
        if chosen is not settings and not quiet:
            path = settings.ledger.sqlite_path
            typer.echo(f"ledger.url: {path} does not exist; told as if nothing had been sent yet", err=True)
        yield chosen
