"""One byte budget: its shares add up, and librdkafka gets properties that keep it within its own."""

from typing import Any

import pytest
from confluent_kafka import Consumer
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.kafka_properties import consumer_config
from connector.core.budget import GROWTH, LIKE, problems, share
from connector.core.weight import weight
from tests.support.changes import order, version


@given(total=st.integers(1 << 20, 1 << 40), largest=st.integers(0, 1 << 30))
def test_fetched_handed_out_and_on_its_way_never_come_to_more_than_the_budget(
    total: int, largest: int
) -> None:
    budget = share(total)
    ahead = max(budget.ahead, budget.queue + largest)
    assert total // 4 <= budget.own(largest) <= budget.own() == total - LIKE * budget.ahead
    assert budget.own(largest) + LIKE * ahead <= total or budget.own(largest) == total // 4


@given(total=st.integers(1 << 20, 1 << 34))
def test_librdkafka_takes_the_properties_and_they_are_the_share(total: int) -> None:
    limits = share(total).properties()
    assert limits["queued.max.messages.kbytes"] * 1024 + limits["fetch.max.bytes"] * GROWTH <= total // 8
    assert problems(total, {}) == []


@pytest.mark.parametrize("total", [1 << 20, 64 << 20, 1 << 34])
@pytest.mark.parametrize(
    "users",
    [{}, {"message.max.bytes": 60_000_000}, {"fetch.max.bytes": 2_000_000}, {"fetch.message.max.bytes": 9}],
)
def test_a_consumer_starts_with_them_and_with_the_users_above_them(total: int, users: dict[str, Any]) -> None:
    Consumer(consumer_config({"log_level": 0, **users}, "group", share(total, users))).close()


def test_the_users_own_limits_are_counted_and_refused_where_they_leave_too_little() -> None:
    users = {"queued.max.messages.kbytes": 8192, "fetch.max.bytes": "1000000"}
    assert share(64 << 20, users).ahead == 8192 * 1024 + 1_000_000 * GROWTH
    assert problems(64 << 20, users) == []
    (line,) = problems(64 << 20, {"queued.max.messages.kbytes": 65536})
    assert line.startswith("kafka.properties: queued.max.messages.kbytes")
    assert "delivery.memory_bytes" in line


def test_a_weight_is_that_of_all_parts() -> None:
    event = order("1", version(1))
    assert weight("x" * 1000) > 1000
    assert weight({"a": ["x" * 1000, ("y" * 1000,)], "b": event}) > 2000 + weight(event) > 2100
