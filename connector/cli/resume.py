"""`resume`: the operator's answer to a pause that asks."""

from typing import Annotated

import typer

from connector.cli.options import ConfigFile, settings_of
from connector.errors import ConfigError

EXAMPLE = (
    "Example: crm-connector resume -c connector.yaml --topic crm.public.orders --partition 3 --from earliest"
)


def command(
    config: ConfigFile,
    topic: Annotated[str | None, typer.Option("--topic", metavar="T", help="Of this topic alone.")] = None,
    partition: Annotated[
        int | None, typer.Option("--partition", metavar="P", min=0, help="Of this partition alone.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="X", help="Read on from here: earliest, latest, an offset, a time with zone."
        ),
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option("--accept", metavar="REASON", help="Go on as it is; the reason is kept in the ledger."),
    ] = None,
    destination: Annotated[
        list[str] | None,
        typer.Option("--destination", metavar="D", help="Of this destination alone; may be repeated."),
    ] = None,
) -> int:
    """Answer a pause that asks.

    A partition, or the flood brake, waits where only an operator can tell how to go on; /status says why. The
    answer is written to the ledger; the running connector reads it there within seconds.
    """
    settings = settings_of(config)
    _validate(topic, partition, start, accept, [one.name for one in settings.topics])
    from connector.wiring import resume  # noqa: PLC0415 - `--help` waits for nothing

    names = tuple(destination or settings.destinations)
    resume.answer(settings, destinations=names, topic=topic, partition=partition, start=start, accept=accept)
    typer.echo(f"answered for {', '.join(names)}: {_scope(topic, partition)}")
    return 0


def _validate(
    topic: str | None, partition: int | None, start: str | None, accept: str | None, topics: list[str]
) -> None:
    """Raises ConfigError with every mistake."""
    problems = []
    if start is None and not (accept or "").strip():
        problems.append("resume: says nothing; add --from X, or --accept REASON, or both")
    if start is not None and (mistake := _mistake(start)):
        problems.append(f"--from: {mistake}")
    if topic is not None and topic not in topics:
        problems.append(f"--topic: {topic} is not in the configuration; choose {', '.join(topics)}")
    if partition is not None and topic is None:
        problems.append("--partition: is of no topic; add --topic T")
    if partition is not None and partition >= 1 << 31:
        problems.append(f"--partition: there is no {partition}; name one of the topic's")
    if start is not None and start.isdecimal() and partition is None:
        problems.append("--from: an offset is of one partition; add --topic T --partition P")
    if problems:
        raise ConfigError(*problems)


def _mistake(start: str) -> str | None:
    from connector.settings.types import parse_start  # noqa: PLC0415 - `--help` waits for nothing

    if start.isdecimal():
        return None
    try:
        parse_start(start)
    except ValueError as error:
        return f"{error}, or an offset"
    return None


def _scope(topic: str | None, partition: int | None) -> str:
    if topic is None:
        return "every topic"
    return topic if partition is None else f"{topic} partition {partition}"
