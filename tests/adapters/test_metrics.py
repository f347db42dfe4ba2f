"""What Prometheus gets to see: frozen names, right expositions, few microseconds."""

import time
from collections.abc import Callable
from typing import get_args

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from connector.adapters.metric_table import METRICS, SECONDS
from connector.adapters.metrics import PrometheusMeter, meter
from connector.lane.books import RecordOutcome
from connector.settings import Settings
from connector.wiring import count_from_zero, show_quota
from tests.fakes.meter import FakeMeter
from tests.support.exemplars import exemplars

FROZEN = """
counter   dead_letters_total              destination cause
counter   deep_values_total               destination topic
counter   history_lost_lines_total
counter   rebalances_total                kind
counter   records_total                   destination topic outcome
counter   requests_total                  destination resource status
counter   retries_total                   destination reason
counter   stale_sends_total               destination
counter   totals_mismatches_total         destination topic
gauge     assigned_partitions             destination
gauge     build_info                      version python
gauge     client_orders                   destination
gauge     committed_offset                destination topic partition
gauge     daily_quota_left_requests       destination
gauge     daily_quota_requests            destination
gauge     fetched_bytes                   destination
gauge     in_flight_bytes                 destination
gauge     in_flight_events                destination
gauge     lag_records                     destination topic partition
gauge     lag_seconds                     destination topic partition
gauge     last_accepted_timestamp_seconds destination
gauge     ledger_bytes
gauge     ledger_claims                   destination
gauge     ledger_rows                     table
gauge     memory_budget_bytes             destination
gauge     memory_bytes                    destination
gauge     paused                          destination reason
gauge     rate_limit_requests_per_second  destination
gauge     scalable_lag_records            destination
histogram batch_bytes                     destination resource
histogram batch_events                    destination resource
histogram delivery_seconds                destination
histogram ledger_seconds                  operation
histogram request_seconds                 destination resource
"""

COUNTED = "records", "events", "requests", "partitions", "orders", "rows", "claims", "offset"
UNITS = ("_total", "_seconds", "_bytes", "_per_second", "_info", "paused", *COUNTED)


def test_names_kinds_and_labels_are_what_operators_rely_on() -> None:
    declared = sorted(f"{one.kind:9} {one.name:31} {' '.join(one.labels)}".rstrip() for one in METRICS)

    assert declared == FROZEN.strip().splitlines()


def test_every_metric_has_its_unit_and_a_meaning_that_is_a_sentence() -> None:
    for metric in METRICS:
        assert metric.name.endswith(UNITS)
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert metric.meaning.endswith(".")
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_every_declared_metric_is_exposed_under_its_prefix_with_its_meaning() -> None:
    families = {family.name: family for family in text_string_to_metric_families(exposed(meter()))}

    for metric in METRICS:
        family = families[f"crm_connector_{metric.name}".removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)


def test_nothing_is_exposed_but_declared_names_and_the_process_own() -> None:
    made = meter()
    made.add("rebalances_total", kind="assigned")
    made.observe("ledger_seconds", [0.1], operation="turn")
    names = {family.name for family in text_string_to_metric_families(exposed(made))}
    declared = {f"crm_connector_{metric.name}".removesuffix("_total") for metric in METRICS}

    assert {name for name in names if not name.startswith("process_")} == declared


def test_a_histogram_counts_a_value_in_every_bucket_that_is_not_below_it() -> None:
    made = PrometheusMeter()
    made.observe("request_seconds", [0.005, 0.2, 61, 0.0], destination="yespo", resource="event")

    def read(suffix: str, **labels: str) -> float | None:
        labels = {"destination": "yespo", "resource": "event", **labels}
        return made.registry.get_sample_value(f"crm_connector_request_seconds_{suffix}", labels)

    assert [read("bucket", le=str(bound)) for bound in SECONDS] == [2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3]
    assert (read("bucket", le="+Inf"), read("count")) == (4, 4)
    assert read("sum") == 61.205


def test_an_example_stands_beside_the_bucket_of_its_value_for_those_who_ask_for_openmetrics() -> None:
    made, labels = PrometheusMeter(), {"destination": "yespo", "resource": "event"}
    made.observe("request_seconds", [0.004, 0.2, 61], **labels)
    for value, trace_id in ((0.2, "a" * 32), (0.24, "b" * 32), (61, "c" * 32)):
        made.exemplar("request_seconds", value, trace_id, **labels)
    shown = exemplars(made.registry, "crm_connector_request_seconds")

    assert {bound: one[:2] for bound, one in shown.items()} == {
        "0.25": ({"trace_id": "b" * 32}, 0.24),
        "+Inf": ({"trace_id": "c" * 32}, 61),
    }
    assert "trace_id" not in exposed(made)


def test_what_is_running_is_told() -> None:
    (line,) = [line for line in exposed(meter()).splitlines() if line.startswith("crm_connector_build_info{")]

    assert 'version="0.' in line
    assert line.endswith(" 1.0")


def test_a_call_costs_a_few_microseconds_at_most() -> None:
    made = PrometheusMeter()
    values = [0.1] * 500
    labels = {"destination": "yespo", "topic": "orders", "outcome": "delivered"}

    def least(call: Callable[[], None], times: int) -> float:
        """Seconds of a call in the best of some rounds: the others were disturbed."""
        rounds = []
        for _ in range(10):
            start = time.thread_time()
            for _ in range(times):
                call()
            rounds.append(time.thread_time() - start)
        return min(rounds) / times

    assert least(lambda: made.add("records_total", 500, **labels), 200) < 20e-6
    assert least(lambda: made.observe("delivery_seconds", values, destination="yespo"), 2) / 500 < 5e-6


def exposed(made: PrometheusMeter) -> str:
    return generate_latest(made.registry).decode()


SETTINGS = Settings.model_validate(
    {
        "kafka": {"bootstrap_servers": "b:9092"},
        "topics": [{"name": "orders", "entity": "order", "schema_file": "o.avsc"}],
        "destinations": {
            "metrica": {"type": "metrica", "counter_id": 1, "token": "t"},
            "yespo": {"type": "yespo", "api_key": "k"},
        },
    }
)


@pytest.mark.parametrize("outcome", get_args(RecordOutcome))
def test_counters_of_known_labels_begin_at_0(outcome: str) -> None:
    """What begins at its first value has no increase, and the first records in doubt would be missed."""
    made = meter()
    count_from_zero(SETTINGS, "yespo", made)
    line = f'crm_connector_records_total{{destination="yespo",outcome="{outcome}",topic="orders"}} 0.0'

    assert line in exposed(made).splitlines()


def test_a_daily_quota_is_shown_of_destinations_that_have_one() -> None:
    shown = FakeMeter()
    for name in SETTINGS.destinations:
        show_quota(SETTINGS, name, shown)

    assert shown.value("daily_quota_requests", destination="metrica") == 5000
    assert shown.value("daily_quota_requests", destination="yespo") is None
