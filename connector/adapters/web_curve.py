"""A lane's last hour as small curves (SVG)."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from connector.adapters.web_html import Html, tag
from connector.adapters.web_words import brief, number
from connector.core.spans import span
from connector.core.status import LaneStatus

_WIDTH, _HEIGHT, _PAD = 240, 56, 3
_MINUTE: Final = 4
"""Steps."""
Values = Sequence[tuple[float, float]]
"""When (seconds since the epoch), and how much; the last is what is so now."""


def curves(lane: LaneStatus) -> Html:
    """Lag in records and in seconds, and throughput."""
    history, now = lane["history"], lane["at"]
    records = [(one["at"], one["lag_records"]) for one in history]
    seconds = [(one["at"], one["lag_seconds"]) for one in history]
    return tag(
        "div",
        _curve("Lag, records", [*records, (now, lane["lag_records"])], number),
        _curve("Age of the oldest unsettled", [*seconds, (now, lane["lag_seconds"])], span),
        _curve("Records settled a second", [*_throughput(lane), (now, lane["records_per_second"])], number),
        class_="curves",
    )


def _throughput(lane: LaneStatus) -> list[tuple[float, float]]:
    """Of the minute that ends with each step."""
    history, rates = lane["history"], list[tuple[float, float]]()
    for last, (point, later) in enumerate(pairwise(history)):
        minute = history[max(0, last + 1 - _MINUTE) : last + 1]
        seconds = max(1.0, later["at"] - minute[0]["at"])
        rates.append((point["at"], sum(one["settled"] for one in minute) / seconds))
    return rates or [(one["at"], lane["records_per_second"]) for one in history[:1]]


def _curve(title: str, values: Values, said: Callable[[float], str]) -> Html:
    (begin, _), (now, last) = values[0], values[-1]
    most, past = max(amount for _, amount in values), brief(now - begin)
    words = f"{title} in the last {past}: at most {said(most)}, now {said(last)}."
    return tag(
        "figure",
        tag("figcaption", tag("span", title), tag("b", said(last), class_="n")),
        _drawn(values, most, words),
        tag(
            "p",
            tag("span", f"{past} ago"),
            tag("span", f"most {said(most)}"),
            tag("span", "now"),
            class_="axis",
        ),
    )


def _drawn(values: Values, most: float, words: str) -> Html:
    line = " ".join(f"{x:g},{y:g}" for x, y in _points(values, most))
    area = f"0,{_HEIGHT} {line} {_WIDTH},{_HEIGHT}"
    return tag(
        "svg",
        tag("polygon", points=area, class_="area"),
        tag("polyline", points=line, class_="line"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=words,
    )


def _points(values: Values, most: float) -> list[tuple[float, float]]:
    """From the left edge to the right one; a clock that was set back draws no loop."""
    begin, now = values[0][0], values[-1][0]
    across, up = _WIDTH / max(1.0, now - begin), (_HEIGHT - 2 * _PAD) / (most or 1.0)
    places = [
        (min(max(0.0, at - begin), now - begin) * across, _HEIGHT - _PAD - amount * up)
        for at, amount in values
    ]
    ends = ((0.0, places[0][1]), (float(_WIDTH), places[-1][1]))
    return [(round(x, 1), round(y, 1)) for x, y in (ends[0], *places[1:-1], ends[1])]
