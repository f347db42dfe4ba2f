"""Metrica holds what the source holds, after a shuffled, duplicated run of processes that were killed."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector import wiring
from connector.adapters import metrics
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.sandbox.faults import Fault, Match
from connector.sandbox.metrica.options import MetricaOptions
from connector.settings import Settings, load
from tests.support.broker import Broker
from tests.support.metrica_shop import STATUSES, Shop
from tests.support.pipeline import SECONDS, pipeline, working
from tests.support.topics import TopicFactory

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
ORDERS, CONTACTS, VERSIONS, KILLS = 120, 30, 4, 3


def write(shop: Shop, random_: random.Random) -> None:
    """Each version of everything once or twice, in any order; its number is its place in the source's log."""
    changes: list[tuple[str, str, int]] = [
        (entity, str(number), version)
        for entity, count in (("order", ORDERS), ("contact", CONTACTS))
        for number in range(count)
        for version in range(1, VERSIONS + 1)
    ]
    changes += random_.sample(changes, len(changes) // 3)
    random_.shuffle(changes)
    for entity, number, version in changes:
        op = "c" if version == 1 else "u"
        if entity == "order":
            shop.order(number, op, lsn=version, **order(number, version))
        else:
            shop.contact(number, op, lsn=version, first_name=f"v{version}", email=f"{number}@shop.example")


def order(number: str, version: int) -> dict[str, Any]:
    """What a version says: a moved create date too, which Metrica must not be told."""
    return {
        "status": list(STATUSES)[(int(number) + version) % len(STATUSES)],
        "total_cost": f"{version}.50",
        "external_customer_id": str(int(number) % CONTACTS),
        "email": f"{int(number) % CONTACTS}@shop.example",
    }


def quick(shop: Shop) -> Settings:
    """Small batches, and a group that soon notices who is dead."""
    delivery = {"linger_ms": 100, "batch_events": 40, "rate_per_second": 0}
    shop.settings(delivery=delivery, upload="json")
    tree = yaml.safe_load(shop.line.file.read_text("utf-8"))
    tree["kafka"]["properties"] = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}
    shop.line.file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return load(shop.line.file, {})


@contextmanager
def process(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The connector itself."""
    command = [sys.executable, "-m", "connector", "run", "-c", str(file), "--only", "metrica"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.kill()


def finish(shop: Shop, settings: Settings) -> None:
    """Until nothing is behind."""
    service = wiring.build(settings, metrics.meter(), "metrica", embedded=not shop.line.is_real)
    lane, deadline = service.lanes["metrica"], time.monotonic() + SECONDS
    with working(service):
        while True:
            parts: Any = lane.view["partitions"]
            ends = {row["topic"]: row["watermark"] for row in parts if row["partition"] == 0}
            if sum(ends.values()) >= shop.line.written and not any(row["lag_records"] for row in parts):
                break
            assert time.monotonic() < deadline, lane.view
            time.sleep(0.1)


@pytest.mark.timeout(600)
def test_the_counter_equals_the_source_and_a_replay_sends_nothing(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    dice = random.Random(6)
    options = MetricaOptions(
        rate_per_second=0, unknown_contact="refused", unmapped_status="refused", changed_create_date="refused"
    )
    with pipeline(broker, topic, tmp_path, metrica=options) as line:
        shop = Shop(line)
        write(shop, dice)
        line.flush()
        settings = quick(shop)
        for do in ("lost_answer", "cut_before", "status"):
            line.sandbox.faults.add(Fault(do=do, probability=0.1, match=Match(path="/cdp/*/data/*")))
        for _ in range(KILLS):
            before = len(shop.counter.uploads)
            with process(line.file) as running:
                deadline = time.monotonic() + 20
                while len(shop.counter.uploads) < before + 2 and time.monotonic() < deadline:
                    time.sleep(0.01)
                time.sleep(dice.random() / 10)
                running.send_signal(signal.SIGKILL)
        line.sandbox.faults.clear()
        finish(shop, settings)

        assert line.letters() == {}
        assert line.counter.ignored == []
        assert {one.id: one.values["name"] for one in line.counter.contacts.values()} == {
            str(number): f"v{VERSIONS}" for number in range(CONTACTS)
        }
        for number in map(str, range(ORDERS)):
            last, found = order(number, VERSIONS), shop.kept(number)
            assert found["order_status"] == last["status"]
            assert found["revenue"] == Decimal(last["total_cost"])
            assert found["client_uniq_id"] == last["external_customer_id"]
        assert len(line.counter.orders) == ORDERS
        ledger = SqliteLedger(tmp_path / "ledger.db", "metrica")
        counted = {client: ledger.look("contact", client).orders for client in line.counter.contacts}
        ledger.close()
        assert counted == line.counter.orders_of

        uploads = len(line.counter.uploads)
        found_again = line.run(settings, replay=True, only="metrica")
        assert found_again.keys() <= {"duplicate", "superseded", "unchanged"}
        assert len(line.counter.uploads) == uploads
