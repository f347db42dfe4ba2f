"""How dead letters are told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.wiring.dead_letters import Discarded, Group, Shown
    from connector.wiring.redrive import Redriven

_STAY = frozenset({"dead_lettered", "in_doubt"})
OUTCOMES = {
    "delivered": "delivered",
    "duplicate": "duplicates: the destination has them",
    "superseded": "superseded: it has something newer",
    "unchanged": "unchanged: it has the same",
    "filtered": "filtered by a rule",
    "dead_lettered": "dead letters again",
    "in_doubt": "held in doubt",
}


def as_text(found: object) -> str:
    """Structs as JSON."""
    import msgspec  # noqa: PLC0415 - `--help` waits for nothing

    return json.dumps(msgspec.to_builtins(found), indent=2, ensure_ascii=False)


def table(found: "list[Group]", now: float) -> Iterator[str]:
    """Groups, for people. now: seconds since the epoch."""
    if not found:
        yield "no dead letters"
        return
    head = ("destination", "topic", "cause", "letters", "oldest", "newest")
    rows = [
        (g.destination, g.topic, g.cause, f"{g.count:,}", age(g.oldest_ms, now), age(g.newest_ms, now))
        for g in found
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for cells, detail in zip([head, *rows], ["for example", *(group.detail for group in found)], strict=True):
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), detail])


def dropped_lines(found: "list[Discarded]") -> Iterator[str]:
    """What was discarded."""
    if not found:
        yield "none was discarded"
    for one in found:
        span = f"{moment(one.first * 1000)} to {moment(one.last * 1000)}"
        yield f"{one.count:>9,}  {one.cause}, {span}: {one.reason}"


def letter_lines(one: "Shown") -> Iterator[str]:
    """One letter."""
    yield f"{one.id}"
    yield f"  cause     {one.cause}, at the step {one.stage}: {one.detail}"
    yield f"  record    {moment(one.time_ms)}, {'null' if one.bytes is None else f'{one.bytes:,} bytes'}"
    if one.key is not None:
        yield f"  key       {one.key}"
    if one.attempts:
        yield f"  attempts  {one.attempts}"
    if one.row is None:
        yield "  row       cannot be decoded"
        return
    yield f"  row       op {one.op}"
    for name, value in one.row.items():
        yield f"    {name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def redriven_lines(done: "Redriven") -> Iterator[str]:
    """What became of the letters of a redrive."""
    would = "would be " if done.dry_run else ""
    yield f"{done.letters:,} letter{'' if done.letters == 1 else 's'}"
    for outcome, count in sorted(done.outcomes.items()):
        yield f"  {count:>9,}  {would}{OUTCOMES[outcome]}"
    for cause, count in sorted(done.causes.items()):
        yield f"    {count:>9,}  {cause}"
    for count, what in (
        (done.lost, "have no value any more: it was too large for a letter, and is gone at its position"),
        (done.strange, "are of a topic or destination that is not configured"),
        (done.left, "were not tried: interrupted"),
    ):
        if count:
            yield f"  {count:>9,}  {what}"
    if done.batches:
        yield f"batches: {', '.join(f'{name} {count:,}' for name, count in sorted(done.batches.items()))}"


def left(done: "Redriven") -> int:
    """Letters that are still there."""
    return done.letters - sum(n for outcome, n in done.outcomes.items() if outcome not in _STAY)


def age(ms: int, now: float) -> str:
    """Of a time: 45s, 12m, 3h, 9d; - without one."""
    seconds = int(max(0.0, now - ms / 1000))
    if ms < 0:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size * 2:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def moment(ms: int) -> str:
    """A time as people and machines read it."""
    try:
        return (
            datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
    except (ValueError, OverflowError, OSError):
        return str(ms)
