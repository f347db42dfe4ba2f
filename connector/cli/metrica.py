"""`metrica schema`: statuses and attributes as code."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.options import AsJson, ConfigFile, settings_of

if TYPE_CHECKING:
    from connector.wiring.metrica_schema import Step

EXAMPLE = "Example: crm-connector metrica schema plan -c connector.yaml"
_HELP = {"rich_markup_mode": None, "context_settings": {"help_option_names": ["-h", "--help"]}}
Destination = Annotated[
    str | None, typer.Option("--destination", metavar="D", help="Of this destination alone.")
]

app = typer.Typer(help="What a counter of Yandex Metrica has to know.", **_HELP)  # type: ignore[arg-type]
schema = typer.Typer(
    help="Order statuses and custom attributes: the configuration's against the counter's.",
    **_HELP,  # type: ignore[arg-type]
)
app.add_typer(schema, name="schema", epilog=EXAMPLE)


@schema.command("plan", epilog=EXAMPLE)
def plan(config: ConfigFile, destination: Destination = None, as_json: AsJson = False) -> int:
    """Show what the counter lacks of what the configuration declares; nothing is changed.

    Products are no part of it: they are uploaded from the items of orders (`products: auto`).
    """
    return _run(config, destination, as_json=as_json, apply=False)


@schema.command("apply", epilog="Example: crm-connector metrica schema apply -c connector.yaml")
def apply(config: ConfigFile, destination: Destination = None, as_json: AsJson = False) -> int:
    """Give the counter what the configuration declares; nothing is removed. Again changes nothing."""
    return _run(config, destination, as_json=as_json, apply=True)


def _run(config: ConfigFile, destination: str | None, *, as_json: bool, apply: bool) -> int:
    settings = settings_of(config)
    from connector.wiring import metrica_schema  # noqa: PLC0415 - `--help` waits for nothing

    act = metrica_schema.apply if apply else metrica_schema.plan
    found = {name: act(settings, name) for name in metrica_schema.counters(settings, destination)}
    if as_json:
        typer.echo(
            json.dumps({name: [_told(step) for step in steps] for name, steps in found.items()}, indent=2)
        )
    else:
        for name, steps in found.items():
            _show(name, steps, apply=apply)
    conflicts = any(step.do == "conflict" for steps in found.values() for step in steps)
    return int(apply and conflicts)


def _told(step: "Step") -> dict[str, object]:
    fields = {name: {"counter": old, "configuration": new} for name, (old, new) in step.fields.items()}
    return {"do": step.do, "part": step.part, "name": step.name, "fields": fields}


def _show(name: str, steps: Sequence["Step"], *, apply: bool) -> None:
    for step in steps:
        typer.echo(f"{name}: {step.text}")
    due = sum(step.do in ("add", "change") for step in steps)
    done = f"{due} applied" if apply else f"{due} to apply"
    typer.echo(f"{name}: {done if due else 'the counter has what is declared'}")
