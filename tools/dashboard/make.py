"""The Grafana dashboard as code: prints what helm/crm-connector/files/dashboards/crm-connector.json holds.

Every panel has a unit and a description; every query can be narrowed to jobs, instances and destinations.
"""

from collections.abc import Callable
from itertools import count
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    VariableRefresh,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
PROCESS = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"'
LANE = f'{PROCESS},destination=~"$destination"'
Query = tuple[str, str]
"""An expression and the legend of its series."""


def of(metric: str, more: str = "") -> str:
    """A metric of the chosen destinations. more: further matchers."""
    return f"crm_connector_{metric}{{{LANE}{',' + more if more else ''}}}"


def of_process(metric: str, more: str = "") -> str:
    """A metric without a destination."""
    return f"{metric}{{{PROCESS}{',' + more if more else ''}}}"


def rate(by: str, series: str) -> str:
    """A second, summed over replicas."""
    return f"sum by ({by}) (rate({series}[$__rate_interval]))"


def quantile(part: float, by: str, series: str) -> str:
    """Of a histogram, over replicas."""
    return f"histogram_quantile({part}, sum by (le, {by}) (rate({series}[$__rate_interval])))"


def target(expression: str, legend: str, place: int = 0) -> prometheus.Dataquery:
    """A query; place: among those of its panel."""
    query = prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE)
    return query.ref_id(ascii_uppercase[place])


def graph(title: str, unit: str, description: str, *queries: Query, stacked: bool = False) -> Any:
    """Half a row."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .datasource(SOURCE)
        .height(8)
        .span(12)
        .fill_opacity(30 if stacked else 5)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for place, (expression, legend) in enumerate(queries):
        panel = panel.with_target(target(expression, legend, place))
    return panel


def figure(title: str, unit: str, description: str, expression: str, *limits: tuple[float, str]) -> Any:
    """A sixth of a row. limits: from where on it is of another colour than green."""
    steps = [Threshold(value=None, color="green"), *(Threshold(value=v, color=color) for v, color in limits)]
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(SOURCE)
        .height(5)
        .span(4)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(dashboard.ThresholdsConfig().steps(steps))
        .with_target(target(expression, ""))
    )


def variable(name: str, label: str, metric: str) -> Any:
    """A choice of a label's values; all of them at first, absent ones too."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
    )


def wellness() -> list[Any]:
    """One look."""
    old = f"max({of('lag_seconds')})"
    last = f"time() - max({of('last_accepted_timestamp_seconds')})"
    letters = f"sum(increase({of('dead_letters_total')}[24h]))"
    return [
        figure(
            "Oldest record", "s", "Age of the oldest unsettled record.", old, (300, "yellow"), (900, "red")
        ),
        figure("Lag", "short", "Records that are not settled yet.", f"sum({of('lag_records')})"),
        figure(
            "Paused", "short", "Reasons for which something is paused.", f"sum({of('paused')})", (1, "red")
        ),
        figure("Last accepted", "s", "How long ago the destination last accepted an event.", last),
        figure("Dead letters", "short", "Within 24 hours.", letters, (1, "yellow"), (100, "red")),
        figure(
            "Partitions",
            "short",
            "Held by all replicas. Alerts: CrmConnectorNoMembers, CrmConnectorAbsent.",
            f"sum({of('assigned_partitions')})",
        ),
    ]


def lag() -> list[Any]:
    """How far behind, where, and why."""
    worst = f"topk(10, max by (destination, topic, partition) ({of('lag_seconds')}))"
    return [
        graph(
            "Age of the oldest unsettled record",
            "s",
            "The worst partition of a topic. Alert: CrmConnectorLagOld.",
            (f"max by (destination, topic) ({of('lag_seconds')})", "{{destination}} {{topic}}"),
        ),
        graph(
            "Lag in records",
            "short",
            "And the part of it that more replicas would help with. Alert: CrmConnectorLagGrowing.",
            (f"sum by (destination, topic) ({of('lag_records')})", "{{destination}} {{topic}}"),
            (f"sum by (destination) ({of('scalable_lag_records')})", "{{destination}}, scalable"),
        ),
        graph(
            "Ten oldest partitions",
            "s",
            "One that stays behind the others has a hot key, or asks the operator.",
            (worst, "{{destination}} {{topic}} {{partition}}"),
        ),
        graph(
            "Paused by reason",
            "short",
            "1 while the lane, or a partition, is paused. Alerts: CrmConnectorPaused…, CrmConnectorAsks.",
            (f"max by (destination, reason) ({of('paused')}) > 0", "{{destination}} {{reason}}"),
        ),
    ]


def flow() -> list[Any]:
    """What goes through, and how fast."""
    delivery = of("delivery_seconds_bucket")
    events, batches = (rate("destination, resource", of(f"batch_events_{end}")) for end in ("sum", "count"))
    return [
        graph(
            "Settled records by outcome",
            "recps",
            "What became of them.",
            (rate("outcome", of("records_total")), "{{outcome}}"),
            stacked=True,
        ),
        graph(
            "From the change to its acceptance",
            "s",
            "Half, 95 % and 99 % of the delivered events took at most so long.",
            *(
                (quantile(part, "destination", delivery), f"{{{{destination}}}} {part}")
                for part in (0.5, 0.95, 0.99)
            ),
        ),
        graph(
            "Events in a batch",
            "short",
            "On average.",
            (f"{events} / {batches}", "{{destination}} {{resource}}"),
        ),
        graph(
            "In flight",
            "short",
            "Events that are being sent.",
            (f"sum by (destination) ({of('in_flight_events')})", "{{destination}}"),
        ),
    ]


def destination() -> list[Any]:
    """What the CRM makes of it."""
    requests = of("requests_total")
    pace = f"sum by (destination) (rate({requests}[1h])) * (86400 - time() % 86400)"
    left = f"min by (destination) ({of('daily_quota_left_requests')})"
    return [
        graph(
            "Requests by status",
            "reqps",
            "none: no answer came.",
            (rate("destination, status", requests), "{{destination}} {{status}}"),
            stacked=True,
        ),
        graph(
            "Requests and their rate limit",
            "reqps",
            "Replicas with a shared ledger share the limit; a 429 lowers it.",
            (rate("destination", requests), "{{destination}}"),
            (f"max by (destination) ({of('rate_limit_requests_per_second')})", "{{destination}}, limit"),
        ),
        graph(
            "Time of a request",
            "s",
            "95 % took at most so long.",
            (
                quantile(0.95, "destination, resource", of("request_seconds_bucket")),
                "{{destination}} {{resource}}",
            ),
        ),
        graph(
            "Sent again",
            "eps",
            "Events by reason; in_doubt: their answer was lost. Alert: CrmConnectorInDoubtResent.",
            (rate("destination, reason", of("retries_total")), "{{destination}} {{reason}}"),
        ),
        graph(
            "Day's quota at this pace",
            "short",
            "Requests until 00:00 GMT, and those that are left. Alert: CrmConnectorQuotaWontLast.",
            (f"{pace} and {left}", "{{destination}}, at the last hour's pace"),
            (left, "{{destination}}, left"),
        ),
        graph(
            "Dead letters by cause",
            "short",
            "Alerts: CrmConnectorDeadLetter, CrmConnectorDeadLettersMany, CrmConnectorInDoubt.",
            (
                f"sum by (destination, cause) (increase({of('dead_letters_total')}[$__rate_interval]))",
                "{{destination}} {{cause}}",
            ),
            stacked=True,
        ),
    ]


def inside() -> list[Any]:
    """What the processes and the ledger take."""
    ledger = of_process("crm_connector_ledger_seconds_bucket")
    rebalances = of_process("crm_connector_rebalances_total")
    return [
        graph(
            "Memory for records, and its budget",
            "bytes",
            "Of each process; see delivery.memory_bytes.",
            (f"max by (instance, destination) ({of('memory_bytes')})", "{{instance}} {{destination}}"),
            (f"max by (destination) ({of('memory_budget_bytes')})", "{{destination}}, budget"),
        ),
        graph(
            "Ledger transactions",
            "s",
            "95 % took at most so long.",
            (quantile(0.95, "operation", ledger), "{{operation}}"),
        ),
        graph(
            "Ledger",
            "short",
            "Rows, by its own count or statistics.",
            (f"max by (table) ({of_process('crm_connector_ledger_rows')})", "{{table}}"),
        ),
        graph(
            "Partition movements",
            "short",
            "In the interval. lost: the group expelled a member. Alert: CrmConnectorRebalanceStorm.",
            (f"sum by (kind) (increase({rebalances}[$__rate_interval]))", "{{kind}}"),
        ),
        graph(
            "CPU",
            "percentunit",
            "Of each process; 100 % is one core.",
            (f"rate({of_process('process_cpu_seconds_total')}[$__rate_interval])", "{{instance}}"),
        ),
        graph(
            "Memory of the process",
            "bytes",
            "Resident.",
            (of_process("process_resident_memory_bytes"), "{{instance}}"),
        ),
    ]


ROWS: tuple[tuple[str, Callable[[], list[Any]]], ...] = (
    ("Is it well?", wellness),
    ("Lag", lag),
    ("Flow", flow),
    ("Destination", destination),
    ("Inside", inside),
)


def made() -> Any:
    """The whole dashboard."""
    board = (
        dashboard.Dashboard("crm-connector")
        .uid("crm-connector")
        .tags(["kafka", "crm"])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(variable("namespace", "Namespace", "crm_connector_build_info"))
        .with_variable(variable("job", "Job", "crm_connector_build_info"))
        .with_variable(variable("instance", "Instance", "crm_connector_build_info"))
        .with_variable(variable("destination", "Destination", "crm_connector_assigned_partitions"))
    )
    numbers = count(1)
    for title, panels in ROWS:
        board = board.with_row(dashboard.Row(title).id(next(numbers)))
        for panel in panels():
            board = board.with_panel(panel.id(next(numbers)))
    return board.build()


if __name__ == "__main__":
    print(JSONEncoder(sort_keys=True, indent=2).encode(made()))  # noqa: T201 - its output is its purpose
