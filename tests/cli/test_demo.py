"""The demo shows the real pipeline at work, and its comparison with the source can fail."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

import pytest
from msgspec.structs import asdict, replace
from rich.console import Console

from connector.cli.demo import conclude
from connector.demo import Demo
from connector.demo.tour import Tour
from connector.demo.tour_view import tour_table
from connector.demo.verdict import Verdict, judge, sent_twice
from connector.demo.view import LiveView, PlainView, table
from connector.demo.work import Snapshot
from connector.sandbox.crm import Crm
from connector.sandbox.events import Incoming
from connector.sandbox.options import Options
from connector.sandbox.registry import RegistryServer
from connector.sandbox.traffic import Entry, Traffic
from tests.support.instance import wait_until

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "connector", "demo"]
SECONDS = 240
TOUR = Tour(
    contact_first=True,
    order=["orderCreated", "orderUpdated", "orderDelivered"],
    lines=["2 × 4.28", "1 × 6.44"],
    total="15.00",
    adds_up=True,
    cancelled=["orderCreated", "orderCancelled"],
    custom_events=1,
    history=12,
    workflows=6,
    deleted=4,
    left=8,
    sent_again=4,
    ignored=0,
)
"""What the CRM is to be told on the tour."""


@pytest.fixture(scope="module")
def delivered() -> Iterator[tuple[Demo, str]]:
    """A demo whose traffic is delivered, and what it showed on the way."""
    shown = StringIO()
    with Demo(24, PlainView(Console(file=shown, width=200))) as demo:
        demo.deliver()
        yield demo, shown.getvalue()


def _forecast(entries: list[Entry]) -> Counter[str]:
    """What an exact consumer makes of a traffic: by position in the source's log, and nothing else."""
    heads: dict[tuple[str, str], int] = {}
    outcomes: Counter[str] = Counter()
    for entry in entries:
        key, head = (entry.table, entry.key), heads.get((entry.table, entry.key), -1)
        if entry.kind not in ("state", "touch", "repeat"):
            outcomes["dead_lettered"] += 1
        elif entry.lsn <= head:
            outcomes["duplicates" if entry.lsn == head else "superseded"] += 1
        else:
            outcomes["unchanged" if entry.kind == "touch" else "delivered"] += 1
            heads[key] = entry.lsn
    return outcomes


def test_json_is_one_object_with_the_figures_that_the_traffic_promises(tmp_path: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "--orders", "40", "--json"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        check=False,
    )
    found = json.loads(run.stdout)
    traffic = Traffic(RegistryServer(), 1, datetime(2026, 1, 1, tzinfo=UTC))
    entries = traffic.batch(40)

    assert run.returncode == 0, run.stderr
    assert run.stdout.count("\n") == 1
    assert {name: found[name] for name in _forecast(entries)} == _forecast(entries)
    assert found["records"] == len(entries)
    assert found["crm_orders"] == 40 - len(traffic.broken) == found["equal_orders"]
    assert found["crm_contacts"] >= found["equal_contacts"] == len(traffic.shop.contacts)
    zero = ("mismatched", "ignored", "sent_twice", "replay_sent", "in_doubt")
    assert {name: found[name] for name in zero} == dict.fromkeys(zero, 0)
    assert found["answered_503"] > 0
    assert found["metrica_orders"] == found["metrica_equal_orders"] == 40
    assert found["metrica_equal_contacts"] == len(traffic.shop.contacts)
    assert 0 < found["metrica_uploads"] < 40
    assert found["tour"] == asdict(TOUR)
    assert "@" not in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_figures_add_up_and_the_table_shows_them(delivered: tuple[Demo, str]) -> None:
    demo, shown = delivered
    summary = demo.summary(0)
    console = Console(file=StringIO(), width=100)

    console.print(table(summary))

    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    sums = (
        summary.delivered
        + summary.duplicates
        + summary.superseded
        + summary.unchanged
        + summary.dead_lettered
    )
    assert sums == summary.records
    assert sum(summary.causes.values()) == summary.dead_lettered
    assert re.search(rf"events delivered +{summary.delivered} ", text)
    assert re.search(r"silently ignored by the CRM +0", text)
    assert re.search(rf"orders in Metrica +{summary.metrica_orders} ", text)
    assert text.index("orders in the CRM") < text.index("orders in Metrica"), "one beside the other"
    assert "✓ The CRM holds what the source holds." in text
    assert "delivering" in shown


def test_the_tour_is_a_line_for_each_thing_before_the_verdict(delivered: tuple[Demo, str]) -> None:
    console = Console(file=StringIO(), width=100)

    console.print(table(delivered[0].summary(0), tour_table(TOUR)))

    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert text.index("on a few orders more") < text.index("✓ The CRM holds what the source holds.")
    assert [re.split(r"  +", line.strip()) for line in text.splitlines() if "T-" in line] == [
        ["contact before its order", "T-1", "imported, then its order sent"],
        ["discount, to the cent", "T-1", "2 × 4.28 + 1 × 6.44 = 15.00; without it 17.47"],
        ["order delivered", "T-1", "orderCreated, orderUpdated, orderDelivered"],
        ["order cancelled", "T-2", "orderCreated, orderCancelled"],
    ]
    assert re.search(r"custom event +1 +reviewed", text)
    assert re.search(r"past events +12 +of 2021 to 2023, with city and country", text)
    assert re.search(r"range deleted +4 +those of 2022; 8 others stay", text)
    assert re.search(r"sent again after that +4 ", text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact_first": False}, {"adds_up": False}, {"order": ["orderCreated"]}, {"cancelled": []},
        {"custom_events": 2}, {"history": 11}, {"workflows": 7}, {"deleted": 0}, {"left": 9},
        {"sent_again": 0}, {"ignored": 1},
    ],
)  # fmt: skip
def test_whatever_is_missing_on_the_tour_makes_it_incomplete(wrong: dict[str, object]) -> None:
    assert TOUR.complete
    assert not replace(TOUR, **wrong).complete


@contextmanager
def _changed(crm: Crm, change: Callable[[Crm], None]) -> Iterator[None]:
    orders, contacts = dict(crm.order_book.by_key), dict(crm.contact_book.by_id)
    change(crm)
    try:
        yield
    finally:
        crm.order_book.by_key, crm.contact_book.by_id = orders, contacts


def _param(name: str, value: object) -> Callable[[Crm], None]:
    def change(crm: Crm) -> None:
        key, order = next(iter(crm.order_book.by_key.items()))
        crm.order_book.by_key[key] = replace(order, params={**order.params, name: value})

    return change


def _status(crm: Crm) -> None:
    key, order = next(iter(crm.order_book.by_key.items()))
    crm.order_book.by_key[key] = replace(
        order, status="CANCELLED" if order.status != "CANCELLED" else "DELIVERED"
    )


def _of_another(crm: Crm) -> None:
    (key, order), others = next(iter(crm.order_book.by_key.items())), crm.contact_book.by_id
    crm.order_book.by_key[key] = replace(order, contact_id=next(n for n in others if n != order.contact_id))


def _without(crm: Crm) -> None:
    crm.order_book.by_key.pop(next(iter(crm.order_book.by_key)))


def _beyond(crm: Crm) -> None:
    crm.order_book.by_key["SO-X"] = replace(next(iter(crm.order_book.by_key.values())), external_id="SO-X")


def _moved(crm: Crm) -> None:
    number, contact = next((n, c) for n, c in crm.contact_book.by_id.items() if c.external_id)
    crm.contact_book.by_id[number] = replace(contact, values={**contact.values, "town": "Elsewhere"})


BREAKS = {
    "status": _status,
    "totalCost": _param("totalCost", "0.01"),
    "date": _param("date", "2020-01-01T00:00:00"),
    "currency": _param("currency", "XXX"),
    "items": _param("items", []),
    "one more field": _param("surprise", 1),
    "contact of the order": _of_another,
    "missing order": _without,
    "order that the source does not have": _beyond,
    "contact's town": _moved,
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS.keys())
def test_whatever_differs_in_the_crm_is_a_mismatch(
    delivered: tuple[Demo, str], change: Callable[[Crm], None]
) -> None:
    demo, crm = delivered[0], delivered[0].sandbox.crm
    with _changed(crm, change):
        broken = demo.summary(0)

    assert broken.mismatched == 1
    assert len(broken.differences) == 1
    assert demo.summary(0).mismatched == 0


def test_whatever_differs_in_metrica_is_a_mismatch(delivered: tuple[Demo, str]) -> None:
    demo, table = delivered[0], delivered[0].sandbox.counter.stored["order"]
    key, order = next(iter(table.items()))
    broken = {"revenue": Decimal("0.01"), "order_status": "x", "client_uniq_id": "x", "products": {}}
    for name, value in broken.items():
        table[key] = replace(order, values={**order.values, name: value})
        assert demo.summary(0).differences == [f"Metrica order {key}: {name}"]
    table[key] = order
    assert demo.summary(0).mismatched == 0


def test_an_order_without_total_counts_as_explained_only_with_its_dead_letter(
    delivered: tuple[Demo, str],
) -> None:
    shop, crm = delivered[0].traffic.shop, delivered[0].sandbox.crm
    broken = sorted(delivered[0].traffic.broken)

    def verdict(lettered: list[str]) -> Verdict:
        return judge(shop.orders, shop.contacts, crm, lettered)

    assert verdict(broken).explained == broken != []
    assert len(verdict([]).mismatched) == len(broken)


def test_an_event_that_is_sent_again_is_counted() -> None:
    crm = Crm(Options(), lambda: 0.0)
    for total in ("1.00", "2.00", "1.00"):
        params = {"externalOrderId": "SO-1", "totalCost": total}
        crm.store(Incoming("orderUpdated", "SO-1", params), 1, "event")

    assert sent_twice(crm) == 1


def test_a_broken_order_ends_the_command_with_1_and_is_named() -> None:
    console = Console(file=StringIO(), width=100)
    view = PlainView(console)
    with Demo(5, view) as demo:
        demo.deliver()
        first = next(iter(demo.sandbox.crm.orders))
        _status(demo.sandbox.crm)

        code = conclude(demo, view, console, as_json=False)

    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert code == 1
    assert f"order {first}: status" in text
    assert "✗ The CRM differs from the source." in text


def test_a_terminal_sees_progress_outcomes_and_pauses() -> None:
    console = Console(file=StringIO(), width=100, force_terminal=True)
    view = LiveView(console)
    view.phase("delivering 10 records")
    view.update(Snapshot(10, {"delivered": 4}, 6, ("destination",), {200: 4, 503: 2}, 3, 4, 1.0))
    view.close()

    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "4 of 10 settled, lag 6" in text
    assert "4 delivered" in text
    assert "the CRM answers 503" in text


@contextmanager
def _process(tmp_path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    pytest.fail(f"{text!r} did not come: {seen} {process.stderr and process.stderr.read()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with _process(tmp_path, "--orders", "600") as process:
        _until(process, " delivered")
        process.send_signal(number)
        _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert errors == "interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_serve_goes_on_with_pages_and_traffic_until_it_is_stopped(tmp_path: Path) -> None:
    with _process(tmp_path, "--orders", "5", "--serve") as process:
        seen = _until(process, "Ctrl+C ends it.")
        status, crm = re.findall(r"http://127\.0\.0\.1:\d+", seen)
        before = _orders(crm)
        wait_until(lambda: _orders(crm) > before, SECONDS, lambda: "no order comes", every=0.2)
        wait_until(  # each lane joins its group by itself
            lambda: _states(status) == ["running"] * 2, SECONDS, lambda: str(_states(status)), every=0.2
        )

        assert _get(f"{status}/livez") == "ok\n"
        assert "crm_connector_records_total" in _get(f"{status}/metrics")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)

    assert (process.returncode, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []


def _get(url: str) -> str:
    with urlopen(url, timeout=60) as answer:  # noqa: S310 - a page of this very process
        text: str = answer.read().decode()
    return text


def _orders(crm: str) -> int:
    return int(json.loads(_get(f"{crm}/_sandbox/state?limit=1"))["counts"]["orders"])


def _states(status: str) -> list[str]:
    return [lane["state"] for lane in json.loads(_get(f"{status}/status"))["lanes"]]
