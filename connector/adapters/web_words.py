"""Numbers and times as the page says them."""

from datetime import UTC, datetime
from typing import Final

from connector.adapters.web_html import Html, tag
from connector.core.spans import span

_KILO: Final = 1000


def number(value: float) -> str:
    """12,345; 12.3; 0.04."""
    if value == int(value) or value >= 100:  # noqa: PLR2004 - digits enough
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def size(value: float) -> str:
    """Bytes: 640 B, 12 kB, 1.5 MB."""
    for unit in ("B", "kB", "MB"):
        if value < _KILO:
            return f"{value:.3g} {unit}"
        value /= _KILO
    return f"{value:.3g} GB"


def moment(at: float, now: float) -> Html:
    """A time of the day in UTC, with its date unless it is today's."""
    when, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC)
    form = "%H:%M:%S" if when.date() == today.date() else "%d %b %H:%M"
    return tag("time", f"{when:{form}}", datetime=f"{when:%Y-%m-%dT%H:%M:%SZ}")


def ago(at: float | None, now: float) -> str:
    """How long ago."""
    return "not yet" if at is None else f"{span(max(0.0, now - at))} ago"


def brief(seconds: float) -> str:
    """A span in its largest unit alone: 12 min."""
    return " ".join(span(seconds).split()[:2])


def plural(count: int, noun: str) -> str:
    """1 partition, 500 partitions."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
