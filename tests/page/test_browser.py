"""The page in a real Chromium: what a reader sees of each connector, light and dark, without script too."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connector.adapters import web
from connector.adapters.metrics import meter
from tests.page.connectors import CONNECTORS, Told, connector
from tests.support.browser import Scheme, Tab
from tests.support.required import BROWSER

pytestmark = pytest.mark.browser
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
AXE = Path(os.environ.get("CRM_CONNECTOR_TOOLS") or _CACHE / "crm-connector" / "tools") / "axe"
PICTURES = os.environ.get("CRM_CONNECTOR_PICTURES")
"""A folder: every page that is looked at is left there as a PNG."""
SEEN = "document.getElementById('headline').textContent"
NOW = "document.dispatchEvent(new Event('visibilitychange'))"
"""The page reads itself anew, instead of in some seconds."""
Serve = Callable[[Told], web.WebServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves what a process tells until the test ends."""
    with ExitStack() as stack:

        def serving(told: Told) -> web.WebServer:
            server = web.serve("127.0.0.1", 0, meter().registry, told, fresh=0)
            stack.callback(server.close)
            return server

        yield serving


def url(server: web.WebServer) -> str:
    return f"http://127.0.0.1:{server.port}/"


def text(tab: Tab, of: str) -> str:
    """As a reader sees it: of what is shown, in one line."""
    return " ".join(str(tab.look(f"document.querySelector({of!r}).innerText")).split())


HEADLINES = {
    "healthy": "Healthy", "paused": "Paused: 1 of 2 destinations", "lagging": "Lagging",
    "empty": "Nothing to do yet", "wide": "Lagging", "starting": "Starting",
}  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", CONNECTORS)
def test_each_connector_is_told_at_one_look_readable_for_everybody(
    tab: Tab, serve: Serve, name: str, scheme: Scheme
) -> None:
    tab.open(url(serve(connector(name))), scheme=scheme)
    if PICTURES:
        (Path(PICTURES) / f"{name}-{scheme}.png").write_bytes(tab.picture())
    back = re.findall(r"\d+", str(tab.look("getComputedStyle(document.body).backgroundColor")))

    assert text(tab, "h1") == HEADLINES[name]
    assert str(tab.look("document.title")).startswith(HEADLINES[name])
    assert tab.look("document.querySelector('h1').getBoundingClientRect().bottom < innerHeight / 4")
    assert (sum(map(int, back)) < 3 * 64) == (scheme == "dark")
    assert violations(tab) == []
    assert tab.console == []


def violations(tab: Tab) -> list[Any]:
    """What axe finds wrong, by rule and place."""
    if not AXE.exists():
        BROWSER.without("tools/get axe")
    tab.look(AXE.read_text(encoding="utf-8") + "; 0")
    found = tab.look("axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)")
    return [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found]


def test_why_a_destination_is_paused_since_when_and_what_ends_it_stand_together(
    tab: Tab, serve: Serve
) -> None:
    tab.open(url(serve(connector("paused"))))
    verdict, pause = text(tab, ".verdict"), text(tab, "#lane-yespo .pause")

    assert "Paused yespo The destination refuses its key." in verdict
    assert "Healthy metrica All is settled; nothing came in the last minute" in verdict
    assert re.search(r"the day's requests are spent in \d+ min", verdict)
    assert re.match(r"Paused for 4 min \d+ s: credentials The destination refuses its key\.", pause)
    assert "What ends it: put a valid key in its file; the file is read again" in pause


def test_figures_outcomes_errors_and_partitions_of_a_lane_are_shown(tab: Tab, serve: Serve) -> None:
    tab.open(url(serve(connector("paused"))))
    (lane, metrica) = connector("paused").lanes
    seen, quota = text(tab, "#lane-yespo"), text(tab, "#lane-metrica .quota")

    assert f"Lag, records {lane['lag_records']} the oldest " in seen
    assert f"delivered {lane['outcomes']['delivered']} " in seen
    assert "dead letters, bad_framing 2" in seen
    assert re.search(r"request, contacts HTTP 401\. \d+", seen)
    assert re.search(
        r"dead letter, bad_framing It is no message of ours\. Last: orders\[0\] offset \d+ 2", seen
    )
    orders = next(row for row in lane["partitions"] if row["topic"] == "orders")
    pattern = rf"orders 0 {orders['lag_records']} \d\d:\d\d:\d\d \d+ min \d+ s {orders['watermark']} behind"
    assert re.search(pattern, re.sub(r"\d\d Nov ", "", seen))
    assert metrica["quota"] is not None
    assert quota.startswith(
        f"Daily quota {metrica['quota']['left']:,} of 5,000 requests are left of the day."
    )


def test_the_curves_are_drawn_and_say_in_words_what_they_show(tab: Tab, serve: Serve) -> None:
    tab.open(url(serve(connector("lagging"))))
    words = tab.look("[...document.querySelectorAll('.curves svg')].map(one => one.ariaLabel)")
    box = tab.look(
        "(({width, height}) => [width, height])(document.querySelector('.line').getBoundingClientRect())"
    )
    lane = connector("lagging").lanes[0]

    assert words[0] == f"Lag, records in the last 3 min: at most 400, now {lane['lag_records']}."
    assert words[1].startswith("Age of the oldest unsettled in the last 3 min: at most ")
    assert words[2].startswith("Records settled a second in the last 3 min: at most ")
    assert box[0] > 200
    assert box[1] > 3


def test_500_partitions_show_the_worst_and_open_to_all(tab: Tab, serve: Serve) -> None:
    tab.open(url(serve(connector("wide"))))
    rows = "document.querySelectorAll('#lane-yespo-{} tr').length"
    shown = "document.querySelector('details .tall').checkVisibility()"
    before = tab.look(shown)
    tab.look("document.querySelector('summary').click()")

    assert (tab.look(rows.format("behind")), tab.look(rows.format("partitions"))) == (8, 500)
    assert (before, tab.look(shown)) == (False, True)
    assert re.match(r"\d+ of 500 partitions are behind\.", text(tab, "summary"))
    assert tab.look("document.querySelector('.tall').scrollHeight > 5 * innerHeight")
    assert tab.look("document.querySelector('.tall').getBoundingClientRect().height < innerHeight")


@pytest.mark.parametrize("name", ["paused", "wide"])
def test_a_narrow_window_scrolls_in_one_direction(tab: Tab, serve: Serve, name: str) -> None:
    tab.open(url(serve(connector(name))), width=390)
    tab.look("document.querySelectorAll('summary').forEach(one => one.click())")

    assert tab.look("document.documentElement.scrollWidth") == 390
    assert violations(tab) == []


def test_the_first_view_needs_no_script(tab: Tab, serve: Serve) -> None:
    tab.open(url(serve(connector("paused"))), script=False)

    assert text(tab, "h1") == HEADLINES["paused"]
    assert text(tab, "#lane-yespo .pause").startswith("Paused for ")
    assert tab.look("document.querySelector('noscript meta, noscript').outerHTML").count("refresh") == 1
    assert tab.console == []


def test_news_come_by_themselves_are_announced_once_and_leave_the_reader_where_he_is(
    tab: Tab, serve: Serve
) -> None:
    told = Told(*connector("wide").lanes)
    tab.open(url(serve(told)))
    tab.look("document.querySelector('summary').click(); document.querySelector('.tall').scrollTop = 2000")
    tab.look("document.querySelector('summary').focus(); window.same = true")
    spoken = [tab.look("document.getElementById('said').textContent")]
    told.lanes = [
        one | {"health": "paused", "why": ["the ledger is away"], "lag_records": 4711} for one in told.lanes
    ]
    tab.look(NOW)
    tab.until(f"{SEEN} === 'Paused'")
    spoken.append(tab.look("document.getElementById('said').textContent"))

    assert spoken == ["", "Paused"]
    assert "4,711" in text(tab, ".figures")
    assert "Paused yespo The ledger is away." in text(tab, ".verdict")
    assert tab.look("document.title.startsWith('Paused') && window.same")
    assert tab.look("document.querySelector('details').open")
    assert tab.look("document.querySelector('.tall').scrollTop") == 2000
    assert tab.look("document.activeElement === document.querySelector('summary')")
    assert tab.console == []


def test_lanes_that_are_new_are_shown(tab: Tab, serve: Serve) -> None:
    told = Told()
    tab.open(url(serve(told)))
    told.lanes = connector("healthy").lanes
    tab.look(NOW)
    tab.until(f"document.readyState === 'complete' && {SEEN} === 'Healthy'")

    assert tab.look("document.querySelectorAll('.lane').length") == 1


def test_a_process_that_answers_no_more_is_said_to(tab: Tab, serve: Serve) -> None:
    server = serve(connector("healthy"))
    tab.open(url(server))
    hidden = tab.look("document.getElementById('stale').hidden")
    server.close()
    tab.look(NOW)
    tab.until("!document.getElementById('stale').hidden")

    assert hidden
    assert text(tab, "#stale") == "No answer: what follows is of the time above."
    assert tab.look("document.getElementById('said').textContent") == text(tab, "#stale")
