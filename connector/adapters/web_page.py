"""The status as a page: one look tells whether it is healthy and, if not, why.

Whole without script; with it, what has changed is put in its place every few seconds. Nothing is loaded from
elsewhere: style and script stand in the page, and its Content-Security-Policy names their hashes.
"""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Final

from connector.adapters.web_html import Html, join, tag
from connector.adapters.web_icons import NAMES, badge, sign, tab_icon
from connector.adapters.web_lane import anchor, section, summary
from connector.adapters.web_words import moment, plural
from connector.core.spans import span
from connector.core.status import Health, LaneStatus, Status

_STYLE, _SCRIPT = ((files(__package__) / f"web_page.{kind}").read_text("utf-8") for kind in ("css", "js"))
_STARTING: Final = "It answers before its lanes are made; they follow in a moment."


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(status: Status) -> str:
    """The whole document."""
    health, lanes = status["health"], status["lanes"]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{_headline(health, lanes)} - crm-connector"),
        tag("link", rel="icon", href=tab_icon(health)),
        tag("noscript", tag("meta", http_equiv="refresh", content="10")),
        tag("style", Html(_STYLE)),
    )
    body = tag(
        "body",
        _header(status),
        tag("main", _verdict(status), *map(section, lanes)),
        _footer(),
        tag("script", Html(_SCRIPT)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(status: Status) -> Html:
    now = status["at"]
    who = f"{status['version']} on {status['instance']}, up {span(now - status['started_at'])}"
    return tag(
        "header",
        tag("p", tag("b", "crm-connector"), " ", tag("span", who), id="who", data_live=True),
        tag("p", "As of ", moment(now, now), " UTC", id="as-of", data_live=True, class_="dim"),
    )


def _verdict(status: Status) -> Html:
    health, lanes = status["health"], status["lanes"]
    lines = [_line(lane) for lane in lanes] or [tag("li", _STARTING)]
    told = {f"{lane['destination']}: {why}" for lane in lanes for why in lane["why"]}
    lines += [
        tag("li", problem) for problem in status["problems"] if problem not in told and not _known(problem)
    ]
    inside = tag(
        "div",
        tag("h1", sign(health), tag("span", _headline(health, lanes), id="headline")),
        tag("ul", *lines),
        class_=f"verdict {health}",
    )
    stale = tag("p", "No answer: what follows is of the time above.", id="stale", class_="stale", hidden=True)
    return join(
        [
            tag("p", id="said", class_="unseen", role="status"),
            stale,
            tag("div", inside, id="verdict", data_live=True),
        ]
    )


def _known(problem: str) -> bool:
    """What a lane's own line says in other words."""
    return problem in ("starting", "stopping") or problem.endswith(": not in its group yet")


def _line(lane: LaneStatus) -> Html:
    name = tag("a", lane["destination"], href=f"#{anchor(lane)}")
    return tag("li", badge(lane["health"]), " ", name, " ", tag("span", summary(lane)))


def _headline(health: Health, lanes: list[LaneStatus]) -> str:
    """The gravest word; of several lanes, how many it is true of."""
    same = sum(lane["health"] == health for lane in lanes)
    if len(lanes) < 2 or same == len(lanes):  # noqa: PLR2004 - several
        return NAMES[health]
    return f"{NAMES[health]}: {same} of {plural(len(lanes), 'destination')}"


def _footer() -> Html:
    links = {"status": "this as JSON", "metrics": "metrics", "livez": "liveness", "readyz": "readiness"}
    return tag(
        "footer",
        tag("p", "Counts are of this process since its start; lag and partitions are its own alone."),
        tag(
            "nav",
            join((tag("a", words, href=path) for path, words in links.items()), " "),
            aria_label="Other views",
        ),
    )
