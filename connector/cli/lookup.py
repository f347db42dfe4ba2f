"""`order`, `contact`: where is it?"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from connector.cli.options import AsJson, ConfigFile, settings_of

if TYPE_CHECKING:
    from connector.wiring.lookup import Known

ORDER_EXAMPLE = "Example: crm-connector order 12345 -c connector.yaml"
CONTACT_EXAMPLE = "Example: crm-connector contact C-77 -c connector.yaml --json"
OUTCOMES = {"accepted": "accepted", "in_doubt": "in doubt", "stale": "sent too late", "forced": "forced"}
OPEN = {"on_its_way": "on its way", "in_doubt": "may have been sent by a process that was stopped"}
Destinations = Annotated[
    list[str] | None,
    typer.Option("--destination", metavar="D", help="Ask for this destination alone; may be repeated."),
]


def order(
    key: Annotated[str, typer.Argument(metavar="ID", help="Its externalOrderId.")],
    config: ConfigFile,
    destination: Destinations = None,
    as_json: AsJson = False,
) -> int:
    """Tell what the ledger knows of an order.

    Which versions the destination has accepted, when, and where they stood; the destination's own id, what is
    on its way, and its dead letters. Nothing of its content is kept. Exit code 1 if no destination knows it.
    """
    return _show(config, "order", key, destination, as_json=as_json)


def contact(
    key: Annotated[str, typer.Argument(metavar="ID", help="Its externalCustomerId.")],
    config: ConfigFile,
    destination: Destinations = None,
    as_json: AsJson = False,
) -> int:
    """Tell what the ledger knows of a contact.

    As `order` does of an order; and how many orders it has, where the destination takes only so many.
    """
    return _show(config, "contact", key, destination, as_json=as_json)


def _show(
    config: Any,
    entity: Literal["order", "contact"],
    key: str,
    destinations: list[str] | None,
    *,
    as_json: bool,
) -> int:
    settings = settings_of(config, secrets=False)
    from connector.wiring import lookup  # noqa: PLC0415 - `--help` waits for nothing

    found = lookup.find(
        settings, entity, key, tuple(destinations or ()), lambda line: typer.echo(line, err=True)
    )
    if as_json:
        import msgspec  # noqa: PLC0415 - as above

        typer.echo(json.dumps(msgspec.to_builtins(found), indent=2))
    elif found:
        typer.echo("\n".join(line for one in found for line in _lines(one)))
    else:
        typer.echo(f"no destination knows this {entity}; it was not sent yet, or under another id", err=True)
    return 0 if found else 1


def _lines(known: "Known") -> Iterator[str]:
    yield f"{known.destination}:"
    yield f"  state      {_state(known)}"
    if known.version is not None:
        yield f"  version    {_version(known.version)}"
        yield f"  position   {_position(known.version)}"
    if known.remote_id is not None:
        yield f"  remote id  {known.remote_id}"
    if known.orders:
        yield f"  orders     {known.orders}"
    if known.open is not None:
        what = (
            f"{_version(known.open_version)}, {_position(known.open_version)}: " if known.open_version else ""
        )
        yield f"  open       {what}{OPEN[known.open]}"
    for head, one in zip(chain(["history"], repeat("")), known.history, strict=False):
        at = one["version"]
        version = f"{_version(at)}, {_position(at)}" if at else "no version"
        tries = f"{one['attempts']} request{'' if one['attempts'] == 1 else 's'}"
        when = _time(int(one["at"] * 1000))
        yield f"  {head:<9}  {when}  {one['via']}, {OUTCOMES[one['outcome']]}, {tries}: {version}"
    for letter in known.letters:
        place = f"{letter['topic']} [{letter['partition']}] offset {letter['offset']}"
        yield f"  letter     {_time(letter['time_ms'])}  {place}: {letter['cause']}: {letter['detail']}"


def _state(known: "Known") -> str:
    if known.state is None:
        return "nothing accepted yet"
    if known.version is None:
        return f"{known.state}, made from an order or older than any change"
    return (
        f"{known.state}, not as a live event" if known.state == "accepted" and not known.live else known.state
    )


def _version(version: dict[str, Any]) -> str:
    told = [f"{name} {version[name]}" for name in ("declared", "lsn") if name in version]
    if "ts_ms" in version:
        told.append(f"changed {_time(version['ts_ms'])}")
    return ", ".join(told) or f"offset {version['offset']}"


def _time(ms: int) -> str:
    try:
        time = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return f"ts_ms {ms}"
    return time.replace("+00:00", "Z")


def _position(version: dict[str, Any]) -> str:
    return f"{version['topic']} [{version['partition']}] offset {version['offset']}"
