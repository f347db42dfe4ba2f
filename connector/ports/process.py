"""What a process itself needs from outside: time, figures, words, traces, and a history for trials."""

from collections.abc import Mapping, Sequence
from typing import Protocol

Attributes = Mapping[str, str | int | Sequence[str]]


class Clock(Protocol):
    """Time, so that tests can own it."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""


class Meter(Protocol):
    """Where figures go. Names are README's without the prefix; an undeclared name or label is an error."""

    def add(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Count."""

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""

    def observe(self, name: str, values: Sequence[float], /, **labels: str) -> None:
        """Put values into a histogram."""

    def exemplar(self, name: str, value: float, trace_id: str, /, **labels: str) -> None:
        """Show the trace of a value of a histogram, which `observe` counts, beside its bucket."""

    def drop(self, name: str, /, **labels: str) -> None:
        """Forget a series (a revoked partition). Unknown series: nothing happens."""


class Log(Protocol):
    """Where a process says what an operator has to know. Normal operation is silent."""

    def info(self, event: str, **fields: object) -> object:
        """Rare and normal: start, stop, a rebalance, an outage that is over."""

    def warning(self, event: str, **fields: object) -> object:
        """Somebody may have to act."""

    def error(self, event: str, **fields: object) -> object:
        """Somebody has to act."""


class History(Protocol):
    """What a process did, for a trial's checker. Nobody holds one unless it is asked for."""

    def note(self, what: str, /, **fields: object) -> None:
        """Write a line; it outlives a kill -9 once this returns. From any thread; a full disk raises nothing.

        fields: JSON values and msgspec structs; `n`, `at`, `by` and `what` are the line's own.
        """


class RequestSpan(Protocol):
    """One request, as a tracing system sees it. trace_id: 32 hex digits, "" = it is not recorded."""

    trace_id: str

    def answered(self, attributes: Attributes) -> None:
        """Its time ends here. An `error.type` among its attributes: it failed."""

    def end(self, attributes: Attributes) -> None:
        """Nothing more is known of it. To be called once."""


class Tracer(Protocol):
    """Where requests are traced: never blocks, never raises. Nobody holds one unless it is asked for."""

    def begin(self, name: str, attributes: Attributes, links: Sequence[bytes]) -> RequestSpan:
        """A request is sent. links: traceparents of what led to it; what is none is left out.

        Until `rest`, what the running task logs has its trace_id and span_id.
        """

    def rest(self) -> None:
        """What the running task logs from here on is about no request."""
