"""`order` and `contact`: what the ledger knows of one, as text and as JSON."""

import json
from pathlib import Path

import pytest

from connector.adapters.ledger_sqlite import SqliteLedger
from connector.cli import call
from connector.core.claims import Settlement, Want
from connector.core.events import Event
from tests.cli.configs import config
from tests.support.broker import Broker
from tests.support.changes import contact, order, version

Capture = pytest.CaptureFixture[str]
V1 = order("12345", version(100, 1_700_000_000_123, topic="shop.orders", partition=3, offset=17))
V2 = order("12345", version(101, 1_700_000_001_000, topic="shop.orders", partition=3, offset=18))


def accept(
    folder: Path, event: Event, *, live: bool = True, remote_id: str | None = None, client: str | None = None
) -> None:
    ledger = SqliteLedger(folder / "ledger.db", "yespo", now=lambda: 1_767_323_045.0)
    ledger.turn([], [Want(event)])
    ledger.turn([Settlement(event, "accepted", live=live, remote_id=remote_id, client=client)], [])
    ledger.close()


def told(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    code = call([*arguments])
    return code, *capsys.readouterr()


def test_an_order_is_where_the_ledger_says(tmp_path: Path, capsys: Capture, broker: Broker) -> None:
    accept(tmp_path, V1, remote_id="77")
    code, out, err = told(capsys, "order", "12345", "-c", str(config(tmp_path, brokers=broker.bootstrap)))
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "yespo:",
        "  state      accepted",
        "  version    lsn 100, changed 2023-11-14T22:13:20.123Z",
        "  position   shop.orders [3] offset 17",
        "  remote id  77",
        (
            "  history    2026-01-02T03:04:05.000Z  live, accepted, 1 request: "
            "lsn 100, changed 2023-11-14T22:13:20.123Z, shop.orders [3] offset 17"
        ),
    ]


def test_what_is_on_its_way_and_what_a_stopped_process_left_is_told(
    tmp_path: Path, capsys: Capture, broker: Broker
) -> None:
    accept(tmp_path, V1, live=False)
    file, sender = (
        str(config(tmp_path, brokers=broker.bootstrap)),
        SqliteLedger(tmp_path / "ledger.db", "yespo"),
    )
    sender.turn([], [Want(V2)])
    flying = told(capsys, "order", "12345", "-c", file)[1].splitlines()
    sender.close()
    stopped = told(capsys, "order", "12345", "-c", file)[1].splitlines()
    assert flying[1] == "  state      accepted, not as a live event"
    place = "  open       lsn 101, changed 2023-11-14T22:13:21.000Z, shop.orders [3] offset 18: "
    assert flying[-2] == f"{place}on its way"
    assert flying[-1].startswith("  history    2026-01-02T03:04:05.000Z  past_events, accepted, 1 request: ")
    assert stopped[-2] == f"{place}may have been sent by a process that was stopped"


def test_as_json_for_scripts(tmp_path: Path, capsys: Capture, broker: Broker) -> None:
    accept(tmp_path, V1, remote_id="77")
    code, out, _ = told(
        capsys, "order", "12345", "-c", str(config(tmp_path, brokers=broker.bootstrap)), "--json"
    )
    assert code == 0
    assert json.loads(out) == [
        {
            "destination": "yespo", "state": "accepted", "live": True, "remote_id": "77",
            "version": {"clock": "shop", "lsn": 100, "ts_ms": 1_700_000_000_123, "topic": "shop.orders",
                        "partition": 3, "offset": 17},
            "history": [{"at": 1_767_323_045.0, "via": "live", "outcome": "accepted", "attempts": 1,
                         "version": {"clock": "shop", "lsn": 100, "ts_ms": 1_700_000_000_123,
                                     "topic": "shop.orders", "partition": 3, "offset": 17}}],
        }
    ]  # fmt: skip


def test_a_contact_made_from_an_order_and_an_erased_one(
    tmp_path: Path, capsys: Capture, broker: Broker
) -> None:
    accept(tmp_path, contact("C1", None))
    accept(tmp_path, contact("C2", version(None, 99**9), deleted=True))
    file = str(config(tmp_path, brokers=broker.bootstrap))
    assert "accepted, made from an order" in told(capsys, "contact", "C1", "-c", file)[1]
    assert told(capsys, "contact", "C2", "-c", file)[1].splitlines()[1:3] == [
        "  state      erased",
        f"  version    changed ts_ms {99**9}",
    ]


def test_a_contact_is_told_with_the_orders_that_were_counted_for_it(
    tmp_path: Path, capsys: Capture, broker: Broker
) -> None:
    accept(tmp_path, contact("C1", version(1)))
    accept(tmp_path, V1, client="C1")
    assert (
        "  orders     1"
        in told(capsys, "contact", "C1", "-c", str(config(tmp_path, brokers=broker.bootstrap)))[
            1
        ].splitlines()
    )


def test_what_nobody_knows_is_exit_code_1(tmp_path: Path, capsys: Capture, broker: Broker) -> None:
    accept(tmp_path, V1)
    file = str(config(tmp_path, brokers=broker.bootstrap))
    line = "no destination knows this order; it was not sent yet, or under another id\n"
    assert told(capsys, "order", "9", "-c", file) == (1, "", line)
    assert told(capsys, "order", "9", "-c", file, "--json")[:2] == (1, "[]\n")


def test_without_a_ledger_nothing_is_made(tmp_path: Path, capsys: Capture, broker: Broker) -> None:
    code, _, err = told(capsys, "order", "1", "-c", str(config(tmp_path, brokers=broker.bootstrap)))
    assert (code, err) == (
        2, f"ledger.url: {tmp_path}/ledger.db does not exist; nothing was sent yet\n",
    )  # fmt: skip
    assert not (tmp_path / "ledger.db").exists()


def test_a_destination_that_is_none_is_a_mistake(tmp_path: Path, capsys: Capture, broker: Broker) -> None:
    accept(tmp_path, V1)
    code, _, err = told(
        capsys, "order", "1", "-c", str(config(tmp_path, brokers=broker.bootstrap)), "--destination", "crm"
    )
    assert (code, err) == (2, "crm: is not a destination of this configuration; choose yespo\n")


def test_where_kafka_is_away_the_ledger_is_told_all_the_same(tmp_path: Path, capsys: Capture) -> None:
    accept(tmp_path, V1)
    code = call(["order", "12345", "-c", str(config(tmp_path))])
    out, err = capsys.readouterr()
    assert (code, out.splitlines()[1]) == (0, "  state      accepted")
    assert err.startswith("dead letters: not looked at: kafka: ")
