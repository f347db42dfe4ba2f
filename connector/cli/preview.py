"""`preview`: what would be sent?"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.letters import Since, since_ms
from connector.cli.letters_view import as_text
from connector.cli.options import AsJson, ConfigFile, only_asking, settings_of
from connector.errors import ConfigError

if TYPE_CHECKING:
    from connector.settings import Settings
    from connector.wiring.preview import Divergence, Preview, Wanted

EXAMPLE = "Example: crm-connector preview -c connector.yaml --topic crm.public.orders --limit 5"
EXAMPLES = 3
"""Events told for each field that differs."""


def command(
    *,
    config: ConfigFile,
    topic: Annotated[str, typer.Option("--topic", metavar="T", help="Records of this topic.")],
    destination: Annotated[
        list[str] | None,
        typer.Option("--destination", metavar="D", help="For this destination alone; may be repeated."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many records.")
    ] = 20,
    since: Since = None,
    diff: Annotated[
        Path | None,
        typer.Option("--diff", metavar="OTHER", help="Tell instead how this configuration would change it."),
    ] = None,
    by_ledger: Annotated[
        bool,
        typer.Option("--by-ledger", help="Leave out what the ledger knows as sent; else all counts as new."),
    ] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data too.")] = False,
    as_json: AsJson = False,
) -> int:
    """Render the exact requests that records of a topic would become.

    Of its newest records, or those from a time on. Nothing is sent or changed, and nobody joins the group.
    Tells what would be a dead letter and why, how many requests it takes and how long. Personal data is
    masked.
    """
    settings = settings_of(config, secrets=False)
    from connector.wiring import preview as work  # noqa: PLC0415 - `--help` waits for nothing

    wanted = work.Wanted(topic, limit, since_ms(since), by_ledger, reveal)
    names = _names(settings, topic, destination)
    if diff is not None:
        other = settings_of(diff, secrets=False)
        typer.echo(_diff(settings, other, names, wanted, as_json=as_json))
        return 0
    with only_asking(settings, dry=by_ledger) as asked:
        found = [work.preview(asked, name, wanted) for name in names]
    typer.echo(as_text(found) if as_json else "\n".join(line for one in found for line in _lines(one)))
    return 0


def _names(settings: "Settings", topic: str, chosen: list[str] | None) -> list[str]:
    """The destinations that are meant. Raises ConfigError."""
    if chosen:
        return chosen
    feeding = [n for n in settings.destinations if topic in {one.name for one in settings.topics_of(n)}]
    if not feeding:
        names = ", ".join(one.name for one in settings.topics)
        raise ConfigError(f"--topic: {topic} feeds no destination of this configuration; choose {names}")
    return feeding


def _diff(
    settings: "Settings", other: "Settings", names: list[str], wanted: "Wanted", *, as_json: bool
) -> str:
    from connector.wiring import preview as work  # noqa: PLC0415 - as above

    same = settings.ledger == other.ledger  # and told of once
    with (
        only_asking(settings, dry=wanted.by_ledger) as old,
        only_asking(other, dry=wanted.by_ledger, quiet=same) as new,
    ):
        found = {name: work.diff(old, new, name, wanted) for name in names}
    if as_json:
        return as_text(
            [{"destination": n, "records": r, "changes": changes} for n, (r, changes) in found.items()]
        )
    return "\n".join(line for name, (r, changes) in found.items() for line in _changes(name, r, changes))


# --- What is told ---------------------------------------------------------------------------------


def _lines(one: "Preview") -> Iterator[str]:
    yield f"{one.destination}: {one.records:,} records"
    for request in one.requests:
        yield f"{request['method']} {request['path']}"
        if request["body"] is not None:
            yield json.dumps(request["body"], indent=2, ensure_ascii=False)
    for letter in one.letters:
        place = f"{letter['topic']}[{letter['partition']}]@{letter['offset']}"
        key = f", {letter['key']}" if letter["key"] is not None else ""
        yield f"dead letter {place}{key}: {letter['cause']}: {letter['detail']}"
    yield "would be: " + (_counts(one.outcomes) or "nothing")
    yield from _estimate(one)


def _estimate(one: "Preview") -> Iterator[str]:
    calls = sum(one.calls.values())
    yield f"requests: {calls:,}" + (f" ({_counts(one.calls)})" if calls else "") + _pace(one, calls)
    if one.records and one.topic_records > one.records:
        more = round(calls * one.topic_records / one.records)
        yield f"all {one.topic_records:,} records of the topic: about {more:,} requests{_pace(one, more)}"


def _pace(one: "Preview", calls: int) -> str:
    """How long it takes."""
    told = (
        f"; {_span(calls / one.rate_per_second)} at {one.rate_per_second:g}/s" if one.rate_per_second else ""
    )
    return told + (f"; {calls / one.per_day:.1%} of a day's quota of {one.per_day:,}" if one.per_day else "")


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size * 2:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _counts(counts: Any) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def _changes(name: str, records: int, found: "list[Divergence]") -> Iterator[str]:
    yield f"{name}: {records:,} records, {len(found):,} payloads differ"
    counts = Counter(change.field for one in found for change in one.changes)
    told: Counter[str] = Counter()
    for field, count in counts.most_common():
        yield f"  {field}: {count:,}"
        for one in found:
            for change in one.changes:
                if change.field == field and told[field] < EXAMPLES:
                    told[field] += 1
                    yield f"    {one.entity} {one.key or '-'}: {_value(change.was)} → {_value(change.now)}"


def _value(value: Any) -> str:
    return (
        "-" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    )
