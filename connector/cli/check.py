"""`check`: is it going to work?"""

from collections.abc import Sized
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import ConfigFile, settings_of

if TYPE_CHECKING:
    from connector.settings import Settings

EXAMPLE = "Example: crm-connector check -c connector.yaml"
MARKS = {"ok": "✓", "warning": "!", "wrong": "✗"}


def command(
    config: ConfigFile,
    offline: Annotated[bool, typer.Option("--offline", help="Check the file alone, ask nobody.")] = False,
    show: Annotated[
        bool, typer.Option("--print", help="Print the configuration as it is read, secrets masked, and end.")
    ] = False,
) -> int:
    """Check the file and everything that it names.

    Then brokers, topics, group, registry, schemas against the mapping, credentials and ledger. A line with ✗
    says what to do; ! is a warning. Exit code 0 without ✗, 1 with one, 2 for a wrong file.
    """
    settings = settings_of(config, secrets=not (offline or show))
    if show:
        from connector.settings.shown import shown  # noqa: PLC0415 - `--help` waits for nothing

        typer.echo(shown(settings), nl=False)
        return 0
    counts = _count(settings.topics, "topic"), _count(settings.destinations, "destination")
    _say("ok", f"{config}: {', '.join(counts)}")
    if offline:
        return _offline(settings)
    from connector.wiring import check  # noqa: PLC0415 - `--help` waits for nothing

    wrong = 0
    for finding in check.check(settings):
        _say(finding.mark, finding.text)
        wrong += finding.mark == "wrong"
    return 1 if wrong else 0


def _offline(settings: "Settings") -> int:
    """A file may be checked where its secrets are not: a warning each."""
    from connector.settings import missing_secrets  # noqa: PLC0415 - `--help` waits for nothing
    from connector.wiring import advice  # noqa: PLC0415 - as above

    for problem in missing_secrets(settings):
        _say("warning", problem)
    for finding in advice.advise(settings):
        _say(finding.mark, finding.text)
    return 0


def _say(mark: str, text: str) -> None:
    typer.echo(f"{MARKS[mark]} {text}")


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
