"""One lane on the page: why it waits, its figures, its last hour, its quota, errors and partitions."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from connector.adapters.web_curve import curves
from connector.adapters.web_html import Html, join, table, tag
from connector.adapters.web_icons import badge
from connector.adapters.web_partitions import partitions
from connector.adapters.web_words import ago, moment, number, plural, size
from connector.core.spans import span
from connector.core.status import LaneStatus, Pause, QuotaStatus, Trouble

_KINDS: Final = {"pause": "paused", "dead_letter": "dead letter", "request": "request"}
_OUTCOMES: Final = (
    "delivered", "unchanged", "duplicate", "superseded", "filtered", "dead_lettered", "in_doubt",
)  # fmt: skip


def anchor(lane: LaneStatus) -> str:
    """Where it stands on the page."""
    return f"lane-{quote(lane['destination'], safe='')}"


def section(lane: LaneStatus) -> Html:
    """All of it. What changes is refreshed in pieces, each by its id."""
    here = anchor(lane)
    title = tag(
        "h2", tag("span", lane["destination"]), badge(lane["health"]), id=f"{here}-name", data_live=True
    )
    return tag(
        "section",
        title,
        tag("div", *_pauses(lane), id=f"{here}-pauses", data_live=True),
        tag("div", _figures(lane), curves(lane), _quota(lane), id=f"{here}-figures", data_live=True),
        tag("div", _outcomes(lane, here), _errors(lane, here), class_="pair"),
        partitions(lane, here),
        id=here,
        class_="lane",
        aria_labelledby=f"{here}-name",
    )


# --- Why it waits ---------------------------------------------------------------------------------


def _pauses(lane: LaneStatus) -> list[Html]:
    return [_pause(reason, pause, lane["at"]) for reason, pause in lane["paused"].items()]


def _pause(reason: str, pause: Pause, now: float) -> Html:
    since = f" for {span(now - pause['since'])}" if pause["since"] is not None else ""
    return tag(
        "div",
        tag("h3", "Paused", since, ": ", tag("code", reason)),
        tag("p", _sentence(pause["detail"])),
        tag("p", tag("b", "What ends it: "), _coded(pause["remedy"]), "."),
        tag("p", _next_try(pause, now), class_="dim"),
        class_="pause",
    )


def _next_try(pause: Pause, now: float) -> str:
    if pause["next_try"] is None:
        return "It waits for an answer."
    left = pause["next_try"] - now
    return f"Tried again in {span(left)}." if left > 0.5 else "It is being tried now."  # noqa: PLR2004 - seconds


# --- Figures --------------------------------------------------------------------------------------


def _figures(lane: LaneStatus) -> Html:
    now, records = lane["at"], lane["lag_records"]
    oldest = f"the oldest {span(lane['lag_seconds'])} old" if records else "all is settled"
    return tag(
        "dl",
        _figure("Lag, records", number(records), oldest),
        _figure("Throughput", f"{number(lane['records_per_second'])}/s", "settled, last minute"),
        _figure("Last accepted", ago(lane["last_accepted_at"], now), "by the destination"),
        _figure("In flight", number(lane["in_flight"]), f"{lane['waiting_entities']:,} wait their turn"),
        _figure("Memory", size(lane["memory_bytes"]), "of records"),
        class_="figures",
    )


def _figure(name: str, value: str, note: str) -> Html:
    return tag("div", tag("dt", name), tag("dd", tag("b", value), tag("small", note)))


def _quota(lane: LaneStatus) -> Html:
    quota = lane["quota"]
    if quota is None:
        return Html("")
    used = 100 * (1 - quota["left"] / max(1, quota["requests"]))
    bar = tag(
        "svg",
        tag("rect", width="100", height="8", class_="trough"),
        tag("rect", width=f"{used:.1f}", height="8", class_="used"),
        viewBox="0 0 100 8", preserveAspectRatio="none", aria_hidden="true",
    )  # fmt: skip
    left = f"{quota['left']:,} of {quota['requests']:,} requests are left of the day"
    words = tag("p", tag("b", left), ". ", _forecast(quota, lane["at"]))
    return tag(
        "div", tag("h3", "Daily quota"), bar, words, class_="quota spent" if _short(quota) else "quota"
    )


def _short(quota: QuotaStatus) -> bool:
    return quota["spent_at"] is not None or not quota["left"]


def _forecast(quota: QuotaStatus, now: float) -> str:
    reset = f"the new day begins in {span(quota['resets_at'] - now)} (00:00 GMT)"
    if not quota["left"]:
        return f"Nothing is sent until {reset}."
    if quota["per_hour"] is None:
        return f"No pace is known yet; {reset}."
    pace = f"At {number(quota['per_hour'])} an hour"
    lingers = f" A batch waits {span(quota['linger_seconds'])} for company."
    if quota["spent_at"] is not None:
        return f"{pace} they are spent in {span(quota['spent_at'] - now)}; {reset}.{lingers}"
    return f"{pace} they last; {reset}.{lingers}"


# --- Outcomes and errors --------------------------------------------------------------------------


def _outcomes(lane: LaneStatus, here: str) -> Html:
    counts = lane["outcomes"]
    names = [name for name in (*_OUTCOMES, *sorted(set(counts) - set(_OUTCOMES))) if counts.get(name)]
    total = sum(counts.values())
    rows: list[Sequence[str]] = [
        [name.replace("_", " "), f"{counts[name]:,}", f"{100 * counts[name] / total:.1f} %"] for name in names
    ]
    causes = sorted(lane["dead_letters"].items(), key=lambda one: -one[1])
    rows += [[join(["dead letters, ", tag("code", cause)]), f"{count:,}", ""] for cause, count in causes]
    inside = table("What became of the records", ("Outcome", "#Records", "#Share"), rows)
    return _filled(
        inside if rows else _none("What became of the records", "Nothing is settled yet."), f"{here}-outcomes"
    )


def _errors(lane: LaneStatus, here: str) -> Html:
    rows = [_error(one, lane["at"]) for one in lane["errors"]]
    inside = table("Last errors", ("Last seen", "What", "Why", "#Times"), rows)
    return _filled(inside if rows else _none("Last errors", "None since it started."), f"{here}-errors")


def _error(one: Trouble, now: float) -> Sequence[str]:
    what = join([_KINDS.get(one["kind"], one["kind"]), ", ", tag("code", one["reason"])])
    place = f"{one['topic']}[{one['partition']}] offset {one['offset']}" if one["topic"] else ""
    why = join([_sentence(one["detail"]), *([" ", tag("small", f"Last: {place}")] if place else [])])
    return [moment(one["at"], now), what, why, f"{one['times']:,}"]


def _none(title: str, words: str) -> Html:
    return join([tag("h3", title), tag("p", words, class_="dim")])


def _filled(inside: Html, ident: str) -> Html:
    return tag("div", inside, class_="wide", id=ident, data_live=True)


def _sentence(text: str) -> Html:
    return join([_coded(text[:1].upper() + text[1:]), "" if text.endswith(".") else "."])


def _coded(text: str) -> Html:
    """What stands between backquotes is code."""
    return join(
        tag("code", part) if number % 2 else part for number, part in enumerate(re.split("`([^`]*)`", text))
    )


def summary(lane: LaneStatus) -> Html:
    """Its line under the headline."""
    if lane["why"]:
        return _sentence("; ".join(lane["why"]))
    waits = f"{plural(lane['lag_records'], 'record')} to settle" if lane["lag_records"] else "all is settled"
    rate = lane["records_per_second"]
    pace = f"{number(rate)} records a second" if rate else "nothing came in the last minute"
    quota = lane["quota"]
    spent = quota and quota["spent_at"]
    soon = f"; the day's requests are spent in {span(spent - lane['at'])}" if spent else ""
    return _sentence(f"{waits}; {pace}{soon}")
