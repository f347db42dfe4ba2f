"""The benchmark measures what it says; its figures are another matter."""

import json

import pytest

from connector.core.claims import Grant
from connector.core.decode import Decoder
from connector.core.events import Event
from connector.core.mapping import Mapper
from connector.core.model import Position, Record
from connector.core.rules import TopicRules
from connector.core.talk import Request, Sending
from connector.dialects.yespo import Yespo, YespoOptions
from tests.bench.floor import Reader, body
from tests.bench.readme import filled
from tests.bench.records import SCHEMA_FILE, messages
from tests.bench.report import report
from tests.bench.targets import ROWS, Samples
from tests.readme import README

RULES = TopicRules(name="orders", entity="order", envelope="plain")


class _OneSchema:
    def writer(self, _schema_id: int, _topic: str) -> str | None:
        return SCHEMA_FILE.read_text(encoding="utf-8")


def _posted(records: list[tuple[bytes, bytes]]) -> bytes | None:
    """What the connector posts of them."""
    decoder, mapper, yespo = (
        Decoder(RULES, _OneSchema()),
        Mapper(RULES),
        Yespo(YespoOptions(orders_via="past_events")),
    )
    events = []
    for number, (key, value) in enumerate(records):
        record = Record(Position("orders", 0, number), 0, key, value)
        event = mapper.map(decoder.decode(record), record, "")  # type: ignore[arg-type] # they can be read
        assert isinstance(event, Event)
        events.append(event)
    batch = [Sending(yespo.refine(event, Grant())) for event in events]
    request = next(yespo.converse(yespo.lot(events[0]), batch))
    assert isinstance(request, Request)
    return request.body


def test_the_floor_posts_what_the_connector_posts() -> None:
    records, reader = list(messages(3, "sequential")), Reader()

    floor = body([reader.row(value) for _, value in records])

    assert json.loads(floor) == json.loads(_posted(records) or b"")


def _measured(samples: Samples, **values: float) -> Samples:
    for name, value in values.items():
        samples.add("start", **{name: value})
    return samples


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"first": 1.5, "import": 0.35}, "met"),
        ({"first": 1.6, "import": 0.1}, "missed"),
        ({"first": 1.6}, "missed"),
        ({"first": 0.1}, "not run"),
        ({}, "not run"),
    ],
)
def test_a_row_is_met_when_every_figure_of_it_was_measured_and_keeps_its_limit(
    values: dict[str, float], verdict: str
) -> None:
    assert _measured(Samples(), **values).verdict("start") == verdict


def test_the_median_of_the_runs_counts() -> None:
    samples = Samples()
    for rate in (1.0, 6000.0, 7000.0):
        samples.add("live", cpu=10.0, rate=rate)

    assert samples.verdict("live") == "met"


def test_the_readme_shows_every_row_with_what_was_measured_and_what_was_not() -> None:
    found = report(_measured(Samples(), first=9.87), {"decode": 1.5}, [], "make bench", 60, 0)

    text = filled(README.read_text(encoding="utf-8"), found)

    assert [row.title for row in ROWS.values() if f"| {row.title} |" not in text] == []
    assert "**9.87 s from exec" in text
    assert "not run: s to import the package" in text
    assert filled(text, found) == text
