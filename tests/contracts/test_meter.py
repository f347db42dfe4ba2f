"""The Meter port: the real one and the fake count alike and refuse alike."""

from collections.abc import Callable

import pytest

from connector.adapters.metric_table import PREFIX
from connector.adapters.metrics import PrometheusMeter
from connector.ports import Meter
from tests.fakes.meter import FakeMeter

Read = Callable[..., float | None]
PLACE = {"destination": "yespo", "topic": "orders", "partition": "0"}


@pytest.fixture(params=["prometheus", "fake"])
def subject(request: pytest.FixtureRequest) -> tuple[Meter, Read]:
    """A meter, and how to read a series of it; a histogram is read as the count of its values."""
    if request.param == "fake":
        fake = FakeMeter()

        def read_fake(name: str, /, **labels: str) -> float | None:
            return fake.value(name, **labels) or len(fake.values(name, **labels)) or None

        return fake, read_fake
    real = PrometheusMeter()

    def read(name: str, /, **labels: str) -> float | None:
        get = real.registry.get_sample_value
        return get(PREFIX + name, labels) or get(f"{PREFIX}{name}_count", labels)

    return real, read


def test_counts_add_up(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    for amount in (1, 2.5):
        meter.add("retries_total", amount, destination="yespo", reason="throttled")

    assert read("retries_total", destination="yespo", reason="throttled") == 3.5


def test_a_count_may_have_no_labels(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    for amount in (1, 2):
        meter.add("history_lost_lines_total", amount)

    assert read("history_lost_lines_total") == 3


def test_labels_are_known_by_name_not_by_order(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    meter.add("retries_total", destination="yespo", reason="throttled")
    meter.add("retries_total", reason="throttled", destination="yespo")
    meter.observe("request_seconds", [1], destination="yespo", resource="event")
    meter.observe("request_seconds", [1], resource="event", destination="yespo")

    assert read("retries_total", destination="yespo", reason="throttled") == 2
    assert read("request_seconds", destination="yespo", resource="event") == 2


def test_a_gauge_is_what_was_set_last(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    for value in (5, 4):
        meter.set("lag_records", value, **PLACE)

    assert read("lag_records", **PLACE) == 4


def test_a_histogram_takes_many_values_at_once(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    meter.observe("ledger_seconds", [0.001, 0.2, 99], operation="turn")

    assert read("ledger_seconds", operation="turn") == 3


def test_an_example_of_a_value_counts_nothing(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    meter.exemplar("request_seconds", 0.2, "a" * 32, destination="yespo", resource="event")
    meter.observe("request_seconds", [0.2], destination="yespo", resource="event")

    assert read("request_seconds", destination="yespo", resource="event") == 1
    with pytest.raises(KeyError):
        meter.exemplar("retries_total", 1, "a" * 32, destination="yespo", reason="x")


def test_a_dropped_series_is_gone_and_starts_anew(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    meter.set("lag_records", 5, **PLACE)
    meter.set("lag_records", 6, **PLACE | {"partition": "1"})
    meter.drop("lag_records", **PLACE)
    gone = read("lag_records", **PLACE)
    meter.set("lag_records", 7, **PLACE)

    assert gone is None
    assert read("lag_records", **PLACE) == 7
    assert read("lag_records", **PLACE | {"partition": "1"}) == 6


def test_dropping_with_fewer_labels_drops_all_that_have_them(subject: tuple[Meter, Read]) -> None:
    meter, read = subject
    for partition in ("0", "1"):
        meter.set("lag_records", 5, **PLACE | {"partition": partition})
    meter.observe("request_seconds", [1], destination="yespo", resource="event")
    meter.drop("lag_records", destination="yespo", topic="orders")
    meter.drop("request_seconds", destination="yespo")

    assert [read("lag_records", **PLACE | {"partition": one}) for one in ("0", "1")] == [None, None]
    assert read("request_seconds", destination="yespo", resource="event") is None


def test_dropping_what_is_not_there_does_nothing(subject: tuple[Meter, Read]) -> None:
    meter, _ = subject

    meter.drop("lag_records", **PLACE)
    meter.drop("request_seconds", destination="yespo")


def test_an_undeclared_name_is_an_error(subject: tuple[Meter, Read]) -> None:
    meter, _ = subject
    with pytest.raises(KeyError):
        meter.add("lag_recrods")
    with pytest.raises(KeyError):
        meter.set("retries_total", 1, destination="yespo", reason="x")
    with pytest.raises(KeyError):
        meter.drop("lag_recrods")


def test_a_wrong_set_of_labels_is_an_error(subject: tuple[Meter, Read]) -> None:
    meter, _ = subject
    with pytest.raises(ValueError, match="label"):
        meter.add("retries_total", destination="yespo")
    with pytest.raises(ValueError, match="label"):
        meter.observe("ledger_seconds", [1], operation="x", more="y")
