"""A replay while it runs: a bar on a terminal, a line every few seconds elsewhere."""

from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from connector.wiring.replay import Progress as State

EVERY: Final = 5.0
"""Seconds between two plain lines."""


class View(Protocol):
    """Shows how far it is."""

    def update(self, state: State) -> None:
        """Called several times a second."""

    def close(self) -> None:
        """It has ended."""


def view_of(console: Console) -> View:
    """A bar where there is a terminal, else lines."""
    return BarView(console) if console.is_terminal else PlainView(console)


class PlainView:
    """A line every few seconds, and none where nothing changed."""

    def __init__(self, console: Console) -> None:
        self._console, self._next, self._last = console, EVERY, ""

    def update(self, state: State) -> None:
        """See View."""
        line = described(state)
        if state.seconds >= self._next and line != self._last:
            self._next, self._last = state.seconds + EVERY, line
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """See View."""


class BarView:
    """A bar with rate, estimate and outcomes."""

    def __init__(self, console: Console) -> None:
        columns = BarColumn(30), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn()
        self._bar = Progress(*columns, TextColumn("{task.description}"), console=console, transient=True)
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def update(self, state: State) -> None:
        """See View."""
        text = f"{_rate(state)}  {_outcomes(state)}{_paused(state)}"
        self._bar.update(self._task, total=state.offsets, completed=state.passed, description=text)

    def close(self) -> None:
        """See View."""
        self._bar.stop()


def described(state: State) -> str:
    """`3,000 of 12,000 (25 %), 600/s, about 15 s left: 2,990 delivered, 10 duplicate`."""
    part = 100 * state.passed // state.offsets if state.offsets else 100
    outcomes = _outcomes(state)
    left = _left(state)
    return (
        f"{state.passed:,} of {state.offsets:,} ({part} %), {_rate(state)}{left}"
        f"{': ' if outcomes else ''}{outcomes}{_paused(state)}"
    )


def _rate(state: State) -> str:
    return f"{state.done / state.seconds:,.0f}/s" if state.seconds else "0/s"


def _left(state: State) -> str:
    if not state.done or state.passed >= state.offsets:
        return ""
    seconds = (state.offsets - state.passed) * state.seconds / state.done
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f", about {seconds / size:.0f} {unit} left"
    return f", about {seconds:.0f} s left"


def _outcomes(state: State) -> str:
    return ", ".join(f"{count:,} {name.replace('_', '-')}" for name, count in state.outcomes.items() if count)


def _paused(state: State) -> str:
    return f"; waits: {', '.join(state.paused)}" if state.paused else ""
