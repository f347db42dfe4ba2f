"""What is nested deeper than Yespo looks: sent as text on purpose, and counted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.core.events import Event
from connector.core.talk import Sending
from connector.dialects.yespo_depth import deep_values
from tests.dialects.yespo_samples import ITEM, YESPO, contact_event, order_event
from tests.support.script import play, script, status


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (order_event(), 0),
        (order_event(params={"a": {"b": 1}, "c": [{"d": 1}]}), 0),
        (order_event(params={"a": {"b": {"c": 1}}, "c": [{"d": [1]}, {"d": {"e": [[]]}}]}), 2),
        (order_event(additional_info={"a": {"b": [1]}}), 1),
        (
            order_event(
                items=(ITEM, replace(ITEM, extra={"sizes": ["S"], "colour": "red", "box": {"w": 1}}))
            ),
            2,
        ),
        (contact_event(external_customer_id="c", fields={"1": {"a": 1}, "2": "x"}), 1),
        (contact_event(external_customer_id="c"), 0),
    ],
)
def test_values_below_the_second_level_are_counted(event: Event, expected: int) -> None:
    assert deep_values(event) == expected


_leaves = st.integers() | st.just("x")
_trees = st.recursive(
    _leaves,
    lambda tree: st.lists(tree, max_size=3) | st.dictionaries(st.sampled_from("abc"), tree, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["p", "q"]), _trees, min_size=1))
def test_what_is_counted_is_what_is_sent_as_text(params: dict[str, Any]) -> None:
    """Nothing that is sent is deeper than two levels, and as many texts of JSON are in it as were counted."""
    event = order_event(params=params)
    body = play(YESPO.converse(YESPO.lot(event), [Sending(event)]), script(status(200))).body()
    sent = [param["value"] for param in body["params"] if param["name"] in params]
    assert all(depth(value) <= 2 for value in sent)
    assert sum(map(texts, sent)) == YESPO.deep(event)


def depth(value: object) -> int:
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max(map(depth, parts), default=0)


def texts(value: object) -> int:
    if isinstance(value, str):
        return int(value != "x" and isinstance(json.loads(value), (list, dict)))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(texts, parts))
