"""What is said before anything happens: there is no ledger yet, and none is made; there is no such column."""

import json
from pathlib import Path

import pytest

from connector.cli import call
from tests.support.avro import record
from tests.support.broker import Broker
from tests.support.pipeline import pipeline
from tests.support.topics import TopicFactory

COMMANDS = [
    ["replay", "--from", "beginning", "--dry-run"],
    ["preview", "--by-ledger"],
    ["dead-letters", "redrive", "--dry-run"],
    ["dead-letters", "discard", "--reason", "none", "--dry-run"],
]


def test_a_dry_run_before_the_first_start_counts_all_as_new_and_makes_no_ledger(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pipeline(broker, topic, tmp_path) as line:
        table = line.table("orders", status="string", total="string", placed="string", email="string")
        fields = {"externalOrderId": "id", "totalCost": "total", "date": "placed"}
        line.settings([{"name": table.topic, "entity": "order", "fields": fields}])
        row = {"status": "DELIVERED", "total": "1", "placed": "2024-03-01T10:00:00Z", "email": "a@b.example"}
        table.write("c", {"id": "1", **row})
        line.flush()
        said = f"ledger.url: {tmp_path}/ledger.db does not exist; told as if nothing had been sent yet"
        for words in COMMANDS:
            code = call([*words, "-c", str(line.file), "--topic", table.topic])
            out, err = capsys.readouterr()
            assert (code, err.splitlines().count(said)) == (0, 1), words
            if words[0] in {"replay", "preview"}:
                assert "delivered" in out
            assert not (tmp_path / "ledger.db").exists(), words
        assert call(["dead-letters", "list", "--discarded", "-c", str(line.file)]) == 0
        assert not (tmp_path / "ledger.db").exists()


def test_a_replay_of_a_column_that_is_none_is_refused_and_not_of_nothing(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also a column that only an older schema had, and the way into one, can be chosen."""
    with pipeline(broker, topic, tmp_path) as line:
        table = line.table("orders", status="string", total="string")
        newer = record("Value", id="string", status="string")
        envelope = record("Envelope", before=["null", newer], after=["null", "Value"], source="int", op="int")
        line.registry.register(f"{table.topic}-value", json.dumps(envelope))
        fields = {"externalOrderId": "id", "totalCost": "total"}
        line.settings([{"name": table.topic, "entity": "order", "fields": fields}])
        of = ["replay", "-c", str(line.file), "--topic", table.topic, "--from", "beginning", "--dry-run"]

        assert call([*of, "--where", "totalCost=1", "--where", "state=paid", "--where", "id=1"]) == 2
        told = capsys.readouterr().err.splitlines()[-2:]
        assert told == [
            f"--where: state is no column of {table.topic}; choose id, status, total",
            f"--where: totalCost is no column of {table.topic}, but read from one; write total",
        ]
        assert call([*of, "--where", "total=1", "--where", "status.word=paid"]) == 0
