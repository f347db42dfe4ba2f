"""Figures for Prometheus: the Meter port over prometheus-client, with a registry of its own."""

import platform
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from threading import Lock
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, disable_created_metrics
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

import connector
from connector.adapters.metric_table import METRICS, PREFIX, Metric

Labels = Mapping[str, str]
M = TypeVar("M", Counter, Gauge)
Bucket = tuple[str, float] | tuple[str, float, Exemplar]
Series = tuple[str, ...]
"""A name, its labels as the caller orders them, their values: finding a series again costs one look-up."""


class PrometheusMeter:
    """Counts, gauges and histograms of `METRICS`. Safe in several threads.

    An undeclared name raises KeyError, a wrong set of labels ValueError.
    """

    def __init__(self, metrics: Sequence[Metric] = METRICS) -> None:
        """Declare the metrics; a process's own figures (CPU, memory, files) come with them."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._counters = {
            metric.name: Counter(_full(metric), metric.meaning, metric.labels, registry=self.registry)
            for metric in metrics
            if metric.kind == "counter"
        }
        self._gauges = {
            metric.name: Gauge(_full(metric), metric.meaning, metric.labels, registry=self.registry)
            for metric in metrics
            if metric.kind == "gauge"
        }
        self._histograms = {
            metric.name: _Histogram(metric) for metric in metrics if metric.kind == "histogram"
        }
        for histogram in self._histograms.values():
            self.registry.register(histogram)
        self._adds: dict[Series, Callable[[float], None]] = {}
        self._sets: dict[Series, Callable[[float], None]] = {}
        self._cells: dict[Series, _Cell] = {}

    def add(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Count."""
        series = (name, *labels, *labels.values())
        add = self._adds.get(series)
        if add is None:
            add = self._adds[series] = _series(self._counters[name], labels).inc
        add(amount)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        series = (name, *labels, *labels.values())
        put = self._sets.get(series)
        if put is None:
            put = self._sets[series] = _series(self._gauges[name], labels).set
        put(value)

    def observe(self, name: str, values: Sequence[float], /, **labels: str) -> None:
        """Put values into a histogram."""
        self._cell(name, labels).put(values)

    def exemplar(self, name: str, value: float, trace_id: str, /, **labels: str) -> None:
        """Show a value's trace beside its bucket, to those who ask for OpenMetrics."""
        self._cell(name, labels).show(Exemplar({"trace_id": trace_id}, value, time.time()))

    def _cell(self, name: str, labels: Labels) -> "_Cell":
        series = (name, *labels, *labels.values())
        cell = self._cells.get(series)
        if cell is None:
            cell = self._cells[series] = self._histograms[name].cell(labels)
        return cell

    def drop(self, name: str, /, **labels: str) -> None:
        """Forget the series with these labels, others free. Unknown: nothing happens."""
        metric = self._counters.get(name) or self._gauges.get(name) or self._histograms[name]
        metric.remove_by_labels(dict(labels))
        _forget(self._adds, name, labels)
        _forget(self._sets, name, labels)
        _forget(self._cells, name, labels)


class _Cell:
    """One series of a histogram. prometheus-client's own costs 1 to 2 µs a value, this one a tenth."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds, self._names = bounds, (*map(str, bounds), "+Inf")
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._exemplars: dict[str, Exemplar] = {}
        self._lock = Lock()

    def put(self, values: Sequence[float]) -> None:
        with self._lock:
            for value in values:
                self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += sum(values)

    def show(self, exemplar: Exemplar) -> None:
        self._exemplars[self._names[bisect_left(self._bounds, exemplar.value)]] = exemplar

    def read(self) -> tuple[list[Bucket], float]:
        """Cumulative counts by upper bound, some with an exemplar, and the sum."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        shown = self._exemplars
        buckets = zip(self._names, accumulate(counts), strict=True)
        return [(*each, shown[each[0]]) if each[0] in shown else each for each in buckets], total


class _Histogram(Collector):
    """All series of one histogram."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._cells: dict[tuple[str, ...], _Cell] = {}
        self._lock = Lock()

    def cell(self, labels: Labels) -> _Cell:
        if set(labels) != set(self._metric.labels):
            raise ValueError(f"{self._metric.name}: has labels {self._metric.labels}")
        values = tuple(labels[name] for name in self._metric.labels)
        with self._lock:
            return self._cells.setdefault(values, _Cell(self._metric.buckets))

    def remove_by_labels(self, labels: dict[str, str]) -> None:
        wanted = [labels.get(name) for name in self._metric.labels]
        with self._lock:
            for values in list(self._cells):
                if all(want in {None, have} for want, have in zip(wanted, values, strict=True)):
                    del self._cells[values]

    def describe(self) -> Iterable[HistogramMetricFamily]:
        return [HistogramMetricFamily(_full(self._metric), self._metric.meaning, labels=self._metric.labels)]

    def collect(self) -> Iterable[HistogramMetricFamily]:
        family = HistogramMetricFamily(_full(self._metric), self._metric.meaning, labels=self._metric.labels)
        with self._lock:
            cells = dict(self._cells)
        for values, cell in cells.items():
            buckets, total = cell.read()
            family.add_metric(values, buckets, total)
        yield family


def meter() -> PrometheusMeter:
    """A meter that says what is running."""
    made = PrometheusMeter()
    made.set("build_info", 1, version=connector.__version__, python=platform.python_version())
    return made


def _series(metric: M, labels: Labels) -> M:
    """A metric without labels is its own only series."""
    return metric.labels(**labels) if labels else metric


def _full(metric: Metric) -> str:
    return PREFIX + metric.name


def _forget(cache: dict[Series, Any], name: str, labels: Labels) -> None:
    for series in [series for series in cache.copy() if series[0] == name]:
        half = len(series) // 2 + 1
        have = dict(zip(series[1:half], series[half:], strict=True))
        if labels.items() <= have.items():
            cache.pop(series, None)
