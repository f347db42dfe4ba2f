"""A meter that keeps what it is told, and knows the same names and labels as the real one."""

from collections.abc import Mapping, Sequence

from connector.adapters.metric_table import METRICS

Key = tuple[str, frozenset[tuple[str, str]]]


class FakeMeter:
    """The Meter port. An undeclared name raises KeyError, a wrong set of labels ValueError."""

    def __init__(self) -> None:
        self._metrics = {metric.name: metric for metric in METRICS}
        self._figures: dict[Key, float] = {}
        self._values: dict[Key, list[float]] = {}
        self.exemplars: dict[str, tuple[str, float]] = {}
        """Histogram and value by trace."""

    def add(self, name: str, amount: float = 1, /, **labels: str) -> None:
        key = self._key(name, "counter", labels)
        self._figures[key] = self._figures.get(key, 0) + amount

    def set(self, name: str, value: float, /, **labels: str) -> None:
        self._figures[self._key(name, "gauge", labels)] = value

    def observe(self, name: str, values: Sequence[float], /, **labels: str) -> None:
        self._values.setdefault(self._key(name, "histogram", labels), []).extend(values)

    def exemplar(self, name: str, value: float, trace_id: str, /, **labels: str) -> None:
        self._key(name, "histogram", labels)
        self.exemplars[trace_id] = name, value

    def drop(self, name: str, /, **labels: str) -> None:
        if name not in self._metrics:
            raise KeyError(name)
        for key in [*self._figures, *self._values]:
            if key[0] == name and labels.items() <= key[1]:
                self._figures.pop(key, None)
                self._values.pop(key, None)

    def value(self, name: str, /, **labels: str) -> float | None:
        """A count or gauge; None: there is no such series."""
        return self._figures.get((name, frozenset(labels.items())))

    def total(self, name: str, /, **labels: str) -> float:
        """The sum over all series that have these labels."""
        return sum(
            figure for key, figure in self._figures.items() if key[0] == name and labels.items() <= key[1]
        )

    def values(self, name: str, /, **labels: str) -> list[float]:
        """What was observed."""
        return self._values.get((name, frozenset(labels.items())), [])

    def _key(self, name: str, kind: str, labels: Mapping[str, str]) -> Key:
        metric = self._metrics[name]
        if metric.kind != kind:
            raise KeyError(name)
        if set(labels) != set(metric.labels):
            raise ValueError(f"{name}: has labels {metric.labels}")
        return name, frozenset(labels.items())
