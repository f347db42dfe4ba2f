"""`run`: the connector."""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from connector.cli.options import ConfigFile, settings_of

EXAMPLE = "Example: crm-connector run -c connector.yaml --only yespo"


def command(
    config: ConfigFile,
    only: Annotated[
        str | None, typer.Option("--only", metavar="DESTINATION", help="Run one destination's lane alone.")
    ] = None,
) -> int:
    """Run the connector.

    Until SIGTERM or SIGINT: then it drains and stops. A second signal ends it at once.
    """
    # A process that is PID 1 ignores a SIGTERM it has no handler for, and importing takes a while.
    signal.signal(signal.SIGTERM, _stopped_early)
    with _loading():
        settings = settings_of(config)
        if only is not None:
            settings.destination(only)
        from connector.wiring import run  # noqa: PLC0415 - `--help` waits for nothing

    return run.run(settings, only)


@contextmanager
def _loading() -> Iterator[None]:
    """What is loaded stays: to look through it for garbage took a tenth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _stopped_early(_number: int, _frame: object) -> None:
    """Nothing is begun yet. What is raised would be lost where Python drops it, as in a finaliser."""
    os._exit(0)
