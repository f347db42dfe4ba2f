"""`/status` and `/`: their form, what they keep to themselves, and how often they look."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from connector.adapters.masking import Masker
from connector.adapters.web_html import Html, tag
from connector.adapters.web_page import POLICY, page
from connector.adapters.web_status import Glance, masked
from connector.core.status import (
    LaneStatus,
    PartitionStatus,
    Pause,
    Point,
    QuotaStatus,
    Status,
    Trouble,
)
from tests.page.connectors import CONNECTORS, Told, connector

FROZEN: dict[Any, str] = {
    Status: "health live ready problems at started_at version instance lanes",
    LaneStatus: "destination at health why state paused failure lag_records lag_seconds records_per_second "
    "caught_up_at last_accepted_at outcomes dead_letters quota memory_bytes in_flight waiting_entities "
    "errors history partitions",
    Pause: "since detail remedy next_try",
    Trouble: "at since times kind reason detail topic partition offset",
    QuotaStatus: "requests left resets_at per_hour spent_at linger_seconds",
    Point: "at lag_records lag_seconds settled quota_left",
    PartitionStatus: "topic partition watermark lag_records lag_seconds oldest_at asks",
}
PLANTED = {
    "e-mail": "ann.lee@shop.example", "phone": "+380501234567", "secret": "k-93-planted",
    "address": "postgresql://user:pa55word@db/x",
}  # fmt: skip


class Names(HTMLParser):
    """Every tag that is opened has to be closed, in order; every id has to be the only one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self._note(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _note(self, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "style")]


def glance(told: Told, *secrets: str, fresh: float = 0.0) -> Glance:
    return Glance(told, Masker(secrets), fresh)


@pytest.mark.parametrize("name", CONNECTORS)
def test_the_status_has_its_documented_form(name: str) -> None:
    status = msgspec.json.decode(glance(connector(name)).json(), type=Status, strict=True)

    assert status["live"]
    assert set(json.loads(glance(connector(name)).json())) == set(Status.__annotations__)


def test_no_name_of_the_status_is_renamed_or_removed() -> None:
    for form, names in FROZEN.items():
        assert set(names.split()) <= set(form.__annotations__), form.__name__


@pytest.mark.parametrize("name", CONNECTORS)
def test_the_page_is_well_formed_and_loads_nothing(name: str) -> None:
    names = Names(glance(connector(name)).page().removeprefix("<!doctype html>"))

    assert names.open == []
    assert len(set(names.ids)) == len(names.ids)
    assert all(re.match(r"#|data:|[a-z]+$", address) for address in names.addresses)


def test_a_process_is_as_healthy_as_its_gravest_lane() -> None:
    words = {name: json.loads(glance(connector(name)).json())["health"] for name in CONNECTORS}

    assert words == {
        "healthy": "healthy", "paused": "paused", "lagging": "lagging", "empty": "empty",
        "wide": "lagging", "starting": "starting",
    }  # fmt: skip


def test_nothing_of_a_person_and_no_secret_is_told_whoever_wrote_it() -> None:
    words = ", ".join(PLANTED.values())
    (lane, *_) = connector("paused").lanes
    trouble = Trouble(
        at=0.0, since=0.0, times=1, kind="request", reason="events", detail=words,
        topic=None, partition=None, offset=None,
    )  # fmt: skip
    pause = {"since": 0.0, "detail": words, "remedy": "wait", "next_try": None}
    told = Told(_with(lane, why=[words], failure=words, errors=[trouble], paused={"broker": pause}))
    told.stuck = [words]
    seen = glance(told, PLANTED["secret"])

    for text in (seen.json().decode(), seen.page()):
        assert text.count("***") >= 16
        assert [kind for kind, value in PLANTED.items() if value in text] == []
        assert "pa55word" not in text


def test_offsets_and_counts_are_no_phone_numbers() -> None:
    (lane,) = connector("lagging").lanes
    row = lane["partitions"][0] | {"watermark": 380_501_234_567, "lag_records": 1_234_567_890}
    seen = glance(Told(_with(lane, partitions=[row])))

    assert json.loads(seen.json())["lanes"][0]["partitions"] == [row]
    assert "380501234567" in seen.page()
    assert "1,234,567,890" in seen.page()


def test_what_the_configuration_and_the_source_name_cannot_become_markup() -> None:
    (lane,) = connector("lagging").lanes
    bad = "<script>alert('x')</script>"
    rows = [one | {"topic": bad} for one in lane["partitions"]]
    text = glance(Told(_with(lane, destination=bad, why=[bad], partitions=rows, outcomes={bad: 1}))).page()

    assert bad not in text
    assert text.count("<script>") == 1


def test_markup_is_escaped_unless_it_is_markup_already() -> None:
    made = tag("a", "1 < 2", Html("<b>x</b>"), href='"&', class_=None, hidden=True, aria_label="y")

    assert made == '<a href="&quot;&amp;" hidden aria-label="y">1 &lt; 2<b>x</b></a>'


def test_one_look_serves_all_who_ask_within_a_second() -> None:
    looks = list[int]()

    class Counted(Told):
        def status(self) -> dict[str, list[LaneStatus]]:
            looks.append(1)
            return super().status()

    seen = glance(Counted(*connector("lagging").lanes), fresh=3600)
    texts = {seen.page() for _ in range(20)} | {seen.json().decode() for _ in range(20)}

    assert (len(looks), len(texts)) == (1, 2)


def test_500_partitions_stay_a_page_of_bounded_size() -> None:
    seen = glance(connector("wide"))

    assert len(json.loads(seen.json())["lanes"][0]["partitions"]) == 500
    assert len(seen.json()) < 150_000
    assert len(seen.page()) < 300_000


def test_the_policy_allows_the_pages_own_style_and_script_alone() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")


def test_a_problem_of_the_process_that_no_lane_tells_stands_under_the_headline() -> None:
    told = Told(*connector("lagging").lanes)
    told.stuck = ["yespo: its loop has stood still"]

    assert "<li>yespo: its loop has stood still</li>" in glance(told).page()


def test_masking_leaves_what_it_was_given_as_it_was() -> None:
    status = msgspec.json.decode(glance(connector("paused")).json(), type=Status)
    before = msgspec.json.encode(status)

    assert page(masked(status, Masker(["refuses"]))) != page(status)
    assert msgspec.json.encode(status) == before


def _with(lane: LaneStatus, **changed: Any) -> LaneStatus:
    return lane | changed  # type: ignore[return-value]
