"""What several commands take."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from connector.settings import Settings

ConfigFile = Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="The configuration, YAML.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def settings_of(file: Path, *, secrets: bool = True) -> "Settings":
    """The settings of a file and this process's environment. Raises ConfigError with every mistake."""
    from connector.settings import load  # noqa: PLC0415 - `--help` waits for nothing

    return load(file, os.environ, secrets=secrets)
