"""`demo`: everything embedded, in one process."""

import json
import signal
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import asdict, replace

from connector.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import Console

    from connector.demo import Demo
    from connector.demo.view import Onlooker

EXAMPLE = "Example: crm-connector demo --orders 2000 --serve"


def command(
    orders: Annotated[
        int, typer.Option("--orders", metavar="N", min=1, max=20_000, help="Orders of the sample shop.")
    ] = 500,
    serve: Annotated[
        bool, typer.Option("--serve", help="Go on afterwards, with web pages, until Ctrl+C.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Show the whole pipeline at work: broker, registry, CRM and CDC traffic embedded.

    Ends with a summary of what the CRM holds; the exit code is 1 if that is not what the source holds.
    """
    from rich.console import Console  # noqa: PLC0415 - `--help` waits for nothing

    from connector.demo import Demo  # noqa: PLC0415 - as above
    from connector.demo.view import onlooker  # noqa: PLC0415 - as above

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(stderr=as_json)
    view = onlooker(console)
    try:
        with Demo(orders, view) as demo:
            demo.deliver()
            code = conclude(demo, view, console, as_json=as_json)
            if serve:
                _serve(demo, console)
    except KeyboardInterrupt:
        view.close()
        typer.echo("interrupted", err=True)
        return 1
    finally:
        view.close()
    return code


def conclude(demo: "Demo", view: "Onlooker", console: "Console", *, as_json: bool) -> int:
    """Replay, compare, make the tour, print; the exit code."""
    summary = demo.summary(demo.replay())
    tour = demo.tour()
    summary = replace(summary, seconds=demo.seconds)
    view.close()
    if as_json:
        typer.echo(json.dumps(asdict(summary) | {"tour": asdict(tour)}, ensure_ascii=False))
    else:
        from connector.demo.tour_view import tour_table  # noqa: PLC0415 - `--help` waits for nothing
        from connector.demo.view import table  # noqa: PLC0415 - as above

        console.print(table(summary, tour_table(tour)), highlight=False)
    return 1 if summary.mismatched or not tour.complete else 0


def _serve(demo: "Demo", console: "Console") -> None:
    with demo.serve() as (status, crm):
        console.print(f"\nstatus   {status}/   (also /status, /metrics, /livez, /readyz)", highlight=False)
        console.print(f"the CRM  {crm}/", highlight=False)
        console.print("Ctrl+C ends it.", highlight=False)
        try:
            signal.pause()
        except KeyboardInterrupt:
            console.print("stopping …", highlight=False)
