"""`reconcile`: is everything there?"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.letters_view import as_text
from connector.cli.options import AsJson, ConfigFile, settings_of
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.settings import Settings
    from connector.wiring.reconcile import Found, Report

EXAMPLE = (
    "Example: crm-connector reconcile -c connector.yaml --destination yespo --topic crm.public.orders "
    "--from -2d --to -5m"
)
_PLACE = "a time with zone, -7d (m, h, d, w), an offset, beginning"
_WHY = {
    "never_accepted": "never accepted", "older_accepted": "an older version was accepted",
    "in_doubt": "in doubt: may have been sent by a process that was stopped", "on_its_way": "on its way",
    "dead_lettered": "in the dead letters", "refused": "would be a dead letter, and is none",
    "removed": "removed by past-events delete", "not_read_yet": "not read yet by the connector",
    "asks": "waits for an answer", "older_than_ledger": "older than the ledger",
    "sent_late": "sent late, after another process had taken over: the destination may hold this version",
}  # fmt: skip


def command(
    *,
    config: ConfigFile,
    topic: Annotated[str, typer.Option("--topic", metavar="T", help="Of which topic.")],
    destination: Annotated[
        str | None,
        typer.Option("--destination", metavar="D", help="Whose ledger; the only one need not be named."),
    ] = None,
    since: Annotated[
        str, typer.Option("--from", metavar="X", help=f"The first record: {_PLACE}.")
    ] = "beginning",
    until: Annotated[
        str, typer.Option("--to", metavar="Y", help="The first record after it, in the same forms.")
    ] = "end",
    partition: Annotated[
        list[int] | None,
        typer.Option("--partition", metavar="P", min=0, help="Of this one alone; may be repeated."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="List at most so many.")
    ] = 100,
    as_json: AsJson = False,
) -> int:
    """Compare a range of a topic with what the ledger has accepted.

    Of each order, contact or event the latest version in the range; what the ledger lacks is counted, and
    the first are listed, with position and reason. Nothing is sent or changed, and nobody joins the group.
    Exit code 0 when nothing is missing, 1 when something is.
    """
    settings = settings_of(config, secrets=False)
    from connector.wiring import reconcile as work  # noqa: PLC0415 - `--help` waits for nothing

    now = int(time.time() * 1000)
    wish = work.Wish(_named(settings, destination), topic, since, until, now, tuple(partition or ()))
    report = work.reconcile(settings, wish, limit, _telling())
    typer.echo(as_text(report) if as_json else "\n".join(_lines(report)))
    return 1 if report.missing else 0


def _named(settings: "Settings", destination: str | None) -> str:
    names = list(settings.destinations)
    if destination is None and len(names) > 1:
        raise ConfigError(f"--destination: has to be named; choose {', '.join(names)}")
    return destination or names[0]


def _telling() -> Callable[[int, int], None]:
    """How far it is, on a terminal."""
    from rich.console import Console  # noqa: PLC0415 - as above

    console = Console(stderr=True)

    def tell(records: int, offsets: int) -> None:
        if console.is_terminal:
            console.print(f"{records:,} of {offsets:,}", end="\r", highlight=False)

    return tell


def _lines(report: "Report") -> Iterator[str]:
    yield (
        f"{report.destination}, {report.topic}: {report.records:,} records looked at, "
        f"{report.filtered:,} of them filtered"
    )
    if report.expired:
        yield f"{report.expired:,} offsets are not kept any more: nothing can be told of them"
    if report.discarded:
        yield f"{report.discarded:,} are missing because their dead letters were discarded"
    if not report.missing:
        yield "nothing is missing"
        return
    yield f"{report.missing:,} missing, or older in the ledger:"
    for one in report.found:
        yield _line(report.topic, one)
    if report.missing > len(report.found):
        yield f"  and {report.missing - len(report.found):,} more; --limit lists more of them"


def _line(topic: str, one: "Found") -> str:
    place = f"{topic}[{one.partition}]@{one.offset}"
    when = datetime.fromtimestamp(one.time_ms / 1000, UTC).isoformat(timespec="seconds")
    detail = f" ({one.detail})" if one.detail else ""
    instead = f", {one.accepted}" if one.accepted else ""
    return f"  {one.entity} {one.key or '-'}  {place}  {when[:19]}Z  {_WHY[one.why]}{detail}{instead}"
