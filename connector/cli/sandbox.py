"""`sandbox`: a CRM to try things out against."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import ConfigError, ConnectorError

if TYPE_CHECKING:
    from connector.sandbox.server import SandboxServer

EXAMPLE = "Example: crm-connector sandbox --port 8080 --set delete_range_enabled=true"


def command(
    port: Annotated[
        int, typer.Option("--port", metavar="P", min=0, max=65535, help="0 = any free one.")
    ] = 8080,
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="Where to listen.")] = "127.0.0.1",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An option of the account; repeatable, see README."),
    ] = None,
    accepted: Annotated[
        Path | None,
        typer.Option("--accepted", metavar="FILE", help="Append a JSON line for each acceptance."),
    ] = None,
) -> int:
    """Run the CRM simulators alone.

    They keep contacts and orders as Yespo and Yandex Metrica do, until Ctrl+C.
    """
    from connector.sandbox.options import read_options  # noqa: PLC0415 - `--help` waits for nothing
    from connector.sandbox.server import serve  # noqa: PLC0415 - as above

    try:
        options = read_options(settings or ())
    except ValueError as error:
        raise ConfigError(f"--set: {error}; see the sandbox in README.md") from None
    try:
        serve(host, port, options, accepted=accepted, on_ready=_announce)
    except OSError as error:
        if error.filename is not None:
            raise ConnectorError(
                f"--accepted: {accepted} cannot be written ({error.strerror}); name another file"
            ) from None
        raise ConnectorError(
            f"--port: {host}:{port} cannot be had ({error.strerror}); choose another"
        ) from None
    return 0


def _announce(server: "SandboxServer") -> None:
    metrica = server.options.metrica
    typer.echo(f"sandbox: {server.url}/api, API key {server.options.api_key}; what it holds: {server.url}/")
    typer.echo(f"Metrica: {server.url}, counter {metrica.counter_id}, token {metrica.token}")
