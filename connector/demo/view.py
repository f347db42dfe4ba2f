"""What the demo shows: live on a terminal, a line every second or so elsewhere, and a table at the end."""

import time
from typing import Final, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from connector.demo.summary import Summary
from connector.demo.work import Snapshot

EVERY: Final = 1.0
"""Seconds between two plain lines."""
WORDS: Final = {
    "delivered": "delivered",
    "duplicate": "duplicates",
    "superseded": "superseded",
    "unchanged": "unchanged",
    "dead_lettered": "dead-lettered",
    "in_doubt": "in doubt",
    "filtered": "filtered",
}
CAUSES: Final = {
    "bad_framing": "not Avro at all",
    "check": "no total: the CRM would ignore it",
    "truncated": "truncated",
    "unknown_schema": "unknown schema id",
}
WHY: Final = {
    "destination": "the CRM answers 503",
    "quota": "the CRM answers 429",
    "flood": "dead-letter flood",
}


class Onlooker(Protocol):
    """Shows a demo while it runs."""

    def phase(self, text: str) -> None:
        """Something else begins."""

    def update(self, now: Snapshot) -> None:
        """Called many times a second."""

    def close(self) -> None:
        """The demo has ended."""


def onlooker(console: Console) -> Onlooker:
    """Live on a terminal, else plain."""
    return LiveView(console) if console.is_terminal else PlainView(console)


class PlainView:
    """A line a second at the most, and none where nothing changed."""

    def __init__(self, console: Console) -> None:
        self._console, self._next, self._last = console, 0.0, ""

    def phase(self, text: str) -> None:
        """See Onlooker."""
        self._print(f"{text} …")
        self._next, self._last = time.monotonic() + EVERY, ""

    def update(self, now: Snapshot) -> None:
        """See Onlooker."""
        line = f"  {now.settled:,} of {now.records:,} settled, {_lag(now)}: {_outcomes(now)}{_paused(now)}"
        if time.monotonic() >= self._next and now.settled and line != self._last:
            self._next, self._last = time.monotonic() + EVERY, line
            self._print(line)

    def close(self) -> None:
        """See Onlooker."""

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class LiveView:
    """A few lines that change in place."""

    def __init__(self, console: Console) -> None:
        self._phase = ""
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._live.start()

    def phase(self, text: str) -> None:
        """See Onlooker."""
        self._phase = text
        self._live.update(Text(f"● {text} …", "bold"))

    def update(self, now: Snapshot) -> None:
        """See Onlooker."""
        bar = ProgressBar(total=max(1, now.records), completed=now.settled, width=60)
        self._live.update(Group(Text(f"● {self._phase} …", "bold"), bar, *_lines(now)))

    def close(self) -> None:
        """See Onlooker."""
        self._live.stop()


def _lines(now: Snapshot) -> list[RenderableType]:
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(now.answers.items()))
    paused = Text(f"  paused   {_why(now)}", "bold yellow") if now.paused else Text("  running", "green")
    return [
        Text(f"  Kafka    {now.settled:,} of {now.records:,} settled, {_lag(now)}"),
        Text(f"  outcome  {_outcomes(now) or '–'}"),
        Text(f"  CRM      {now.contacts:,} contacts, {now.orders:,} orders; answers {answers or '–'}"),
        paused,
    ]


def _lag(now: Snapshot) -> str:
    return "joining the group" if now.lag is None else f"lag {now.lag:,}"


def _outcomes(now: Snapshot) -> str:
    return ", ".join(
        f"{now.outcomes[name]:,} {word}" for name, word in WORDS.items() if now.outcomes.get(name)
    )


def _paused(now: Snapshot) -> str:
    return f"; paused: {_why(now)}" if now.paused else ""


def _why(now: Snapshot) -> str:
    return ", ".join(WHY.get(reason, reason) for reason in now.paused)


# --- The end --------------------------------------------------------------------------------------


def table(summary: Summary, *more: RenderableType) -> RenderableType:
    """What came of it, at a glance. more: stands before the verdict."""
    rows = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows.add_column(f"crm-connector demo, {summary.seconds:.0f} s")
    rows.add_column("count", justify="right")
    rows.add_column("")
    for section in (_records(summary), _crm(summary), _metrica(summary), _promises(summary)):
        for name, count, remark, style in section:
            rows.add_row(name, f"{count:,}", remark, style=style)
        rows.add_section()
    differences = [Text(f"  {line}", "red") for line in summary.differences]
    return Group(
        Text(), rows, *differences, *(part for one in more for part in (Text(), one)), _verdict(summary)
    )


Line = tuple[str, int, str, str]
"""Name, count, remark, style."""


def _records(summary: Summary) -> list[Line]:
    limited = f"at most {summary.rate_per_second} requests/s; the CRM takes 200"
    rate = limited if summary.rate_per_second else "the CRM's 200 requests/s are lifted"
    lines = [
        ("records read", summary.records, "orders and contacts, Debezium Avro", ""),
        ("events delivered", summary.delivered, rate, "green"),
        ("duplicates suppressed", summary.duplicates, "the same change again", ""),
        ("superseded", summary.superseded, "an older state after a newer one", ""),
        ("unchanged", summary.unchanged, "only unmapped columns were touched", ""),
        ("dead-lettered", summary.dead_lettered, "", "yellow"),
    ]
    lines += [("", count, CAUSES.get(cause, cause), "yellow") for cause, count in summary.causes.items()]
    doubtful = ("in doubt", summary.in_doubt, "held as dead letters", "red")
    return [*lines, doubtful] if summary.in_doubt else lines


def _crm(summary: Summary) -> list[Line]:
    sendable = summary.source_orders - summary.in_dead_letters
    return [
        ("contacts in the CRM", summary.crm_contacts, _guests(summary), ""),
        ("orders in the CRM", summary.crm_orders, _unsendable(summary), ""),
        (
            "contacts equal to the source",
            summary.equal_contacts,
            f"of {summary.source_contacts:,}",
            _good(summary.equal_contacts == summary.source_contacts),
        ),
        (
            "orders equal to the source",
            summary.equal_orders,
            f"of {sendable:,}, every mapped field",
            _good(summary.equal_orders == sendable),
        ),
    ]


def _metrica(summary: Summary) -> list[Line]:
    """The other lane, over the same topics."""
    uploads = f"in {summary.metrica_uploads:,} uploads, its day has 5,000 requests"
    return [
        ("contacts in Metrica", summary.metrica_contacts, "guests under a hash of their address", ""),
        ("orders in Metrica", summary.metrica_orders, uploads, ""),
        (
            "contacts equal to the source",
            summary.metrica_equal_contacts,
            f"of {summary.source_contacts:,}",
            _good(summary.metrica_equal_contacts == summary.source_contacts),
        ),
        (
            "orders equal to the source",
            summary.metrica_equal_orders,
            f"of {summary.source_orders:,}",
            _good(summary.metrica_equal_orders == summary.source_orders),
        ),
    ]


def _guests(summary: Summary) -> str:
    guests = summary.crm_contacts - summary.source_contacts
    return f"{summary.source_contacts:,} of the source, {guests:,} guests"


def _unsendable(summary: Summary) -> str:
    return f"{summary.in_dead_letters} more in the dead letters" if summary.in_dead_letters else ""


def _promises(summary: Summary) -> list[Line]:
    return [
        ("silently ignored by the CRM", summary.ignored, "", _good(not summary.ignored)),
        ("sent twice", summary.sent_twice, _burst(summary), _good(not summary.sent_twice)),
        (
            "sent by the replay",
            summary.replay_sent,
            f"replayed {summary.replayed:,} records: sent {summary.replay_sent:,}",
            _good(not summary.replay_sent),
        ),
        ("different from the source", summary.mismatched, "", _good(not summary.mismatched)),
    ]


def _burst(summary: Summary) -> str:
    return f"though the CRM answered 503 to {summary.answered_503:,}" if summary.answered_503 else ""


def _good(yes: bool) -> str:
    return "green" if yes else "bold red"


def _verdict(summary: Summary) -> Text:
    if summary.mismatched:
        return Text("\n✗ The CRM differs from the source.", "bold red")
    return Text("\n✓ The CRM holds what the source holds.", "bold green")
