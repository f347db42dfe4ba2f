"""`lag` on a broker: committed, end, records, seconds; nobody joins the group."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connector.adapters.ledger_daily import SqliteDaily
from connector.cli import call
from connector.core.day import day_left
from tests.cli.configs import config
from tests.support.broker import Broker
from tests.support.topics import TopicFactory

HOUR_MS = 3_600_000


def produce(broker: Broker, topic: str, ages_ms: list[int], partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
    now = int(time.time() * 1000)
    for age in ages_ms:
        producer.produce(topic, value=b"x", partition=partition, timestamp=now - age)
    assert producer.flush(30) == 0


def commit(broker: Broker, group: str, topic: str, offset: int, partition: int = 0) -> None:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, partition, offset)], asynchronous=False)
    consumer.close()


def rows(capsys: pytest.CaptureFixture[str], file: Path) -> list[dict[str, Any]]:
    code = call(["lag", "-c", str(file), "--json"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    found: list[dict[str, Any]] = json.loads(out)
    return found


def of(found: list[dict[str, Any]], topic: str, partition: int = 0) -> dict[str, Any]:
    (row,) = [row for row in found if (row["topic"], row["partition"]) == (topic, partition)]
    return row


def test_lag_is_told_in_records_and_in_seconds_of_the_oldest_that_is_not_committed(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, contacts = topic("orders"), topic("contacts")
    produce(broker, orders, [3 * HOUR_MS, 2 * HOUR_MS, HOUR_MS])
    produce(broker, contacts, [HOUR_MS])
    file = config(tmp_path, brokers=broker.bootstrap, orders=orders, contacts=contacts)
    commit(broker, f"group.{orders}.yespo", orders, 1)
    commit(broker, f"group.{orders}.yespo", contacts, 1)
    found = rows(capsys, file)
    row = of(found, orders)

    assert (row["destination"], row["committed"], row["end"], row["records"]) == ("yespo", 1, 3, 2)
    assert 7200 <= row["seconds"] < 7300
    assert of(found, contacts) == row | {
        "topic": contacts, "committed": 1, "end": 1, "records": 0, "seconds": None,
    }  # fmt: skip


def test_a_group_without_commits_is_behind_by_all_that_is_there(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, contacts = topic("orders"), topic("contacts")
    produce(broker, orders, [HOUR_MS, 0])
    produce(broker, contacts, [0])
    row = of(
        rows(capsys, config(tmp_path, brokers=broker.bootstrap, orders=orders, contacts=contacts)), orders
    )

    assert (row["committed"], row["records"]) == (None, 2)
    assert 3600 <= row["seconds"] < 3700


def test_it_is_forecast_when_a_backlog_is_drained_by_the_requests_that_the_day_has_left(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, contacts = topic("orders"), topic("contacts")
    produce(broker, orders, [HOUR_MS] * 30)
    produce(broker, contacts, [HOUR_MS] * 10)
    metrica = {
        "type": "metrica", "counter_id": 1, "token": "t", "requests_per_day": 5,
        "delivery": {"batch_events": 10, "rate_per_second": 1},
    }  # fmt: skip
    file = config(
        tmp_path,
        brokers=broker.bootstrap,
        orders=orders,
        contacts=contacts,
        destinations={"metrica": metrica},
    )

    def drained() -> float:
        return datetime.fromisoformat(of(rows(capsys, file), orders)["drained_at"]).timestamp()

    begun = time.time()
    assert begun + 3 < drained() < time.time() + 10, "three requests of orders, one of contacts"
    count = SqliteDaily(tmp_path / "ledger.db", "metrica")
    count.spend(4)
    midnight = time.time() + day_left(time.time())
    assert 0 < drained() - midnight < 10, "one today, the others tomorrow"
    count.close()


def test_asking_commits_nothing_and_joins_nothing(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, contacts = topic("orders"), topic("contacts")
    produce(broker, orders, [0, 0])
    file = config(tmp_path, brokers=broker.bootstrap, orders=orders, contacts=contacts)
    first, second = rows(capsys, file), rows(capsys, file)

    assert of(first, orders)["committed"] is of(second, orders)["committed"] is None


def test_without_a_terminal_the_table_is_plain_text(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, contacts = topic("orders"), topic("contacts")
    produce(broker, orders, [0])
    file = config(tmp_path, brokers=broker.bootstrap, orders=orders, contacts=contacts)
    commit(broker, f"group.{orders}.yespo", orders, 1)
    code = call(["lag", "-c", str(file)])
    head, *lines = capsys.readouterr().out.splitlines()
    cells = [line.split() for line in lines]

    assert code == 0
    told = ["destination", "topic", "partition", "committed", "end", "records", "seconds", "drained_at"]
    assert head.split() == told
    assert ["yespo", orders, "0", "1", "1", "0", "-", "-"] in cells


@pytest.mark.kafka
def test_transaction_markers_alone_are_no_lag(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, contacts = topic("orders"), topic("contacts")
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": orders})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(orders, value=b"x", partition=0)
    producer.commit_transaction(30)
    file = config(tmp_path, brokers=broker.bootstrap, orders=orders, contacts=contacts)
    commit(broker, f"group.{orders}.yespo", orders, 1)
    row = of(rows(capsys, file), orders)

    assert (row["committed"], row["end"], row["records"], row["seconds"]) == (1, 2, 0, None)


def test_no_broker_is_one_line_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["lag", "-c", str(config(tmp_path))])
    out, err = capsys.readouterr()

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("kafka.bootstrap_servers: 127.0.0.1:1 does not answer as it should (_TRANSPORT")
